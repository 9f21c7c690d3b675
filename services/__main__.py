"""``python -m services start`` and ``stop``: what ``make services`` does."""

import argparse
import os
import shlex
import sys
from pathlib import Path

from . import S3, Clamd, Nginx, Postgres, Redis, Server, ServiceError

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "services"


def main() -> None:
    asked = _arguments()
    servers = all_servers(asked.folder.resolve(), is_hasty=asked.hasty)
    named = [server for server in servers if server.name in asked.only]
    try:
        if asked.what == "start":
            start(named, asked.folder.resolve(), asked.port)
        else:
            stop(named)
    except ServiceError as error:
        sys.exit(str(error))


def all_servers(folder: Path, *, is_hasty: bool = False) -> list[Server]:
    data = Path(os.environ.get("DATA_DIR") or ROOT).resolve()
    site_port = int(os.environ.get("PORT") or 8000)
    return [
        Postgres(folder / "postgres", is_hasty=is_hasty),
        Redis(folder / "redis"),
        S3(folder / "s3"),
        Clamd(folder / "clamd"),
        Nginx(folder / "nginx", site_port=site_port, media=data / "media"),
    ]


def start(servers: list[Server], folder: Path, ports: dict[str, int]) -> None:
    """Start what does not run, and say how the site finds it all."""
    for server in servers:
        how = "started" if server.start(ports.get(server.name, 0)) else "runs already"
        _say(f"# {server.name} {how}: port {server.port}, process {server.pid}")
    lines = [
        f"export {name}={shlex.quote(value)}"
        for server in servers
        for name, value in server.variables.items()
    ]
    path = folder / "env"
    path.touch(mode=0o600)  # the passwords are in it
    path.write_text("".join(f"{line}\n" for line in lines))
    _say("\n".join(lines))
    _say(f"# To use them: . {path}")


def stop(servers: list[Server]) -> None:
    """End what runs, the last first; what they have kept stays."""
    for server in reversed(servers):
        how = "stopped" if server.stop() else "did not run"
        _say(f"# {server.name} {how}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="services", description=__doc__)
    names = [server.name for server in all_servers(FOLDER)]
    parser.add_argument("what", choices=["start", "stop"])
    parser.add_argument(
        "--hasty", action="store_true", help="for tests: keep nothing safe from a crash"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for their data")
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, help="not all of them"
    )
    parser.add_argument(
        "--port", nargs="+", type=_port, default=[], help="such as redis=6379"
    )
    asked = parser.parse_args()
    asked.port = dict(asked.port)
    return asked


def _port(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    return name, int(number)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
