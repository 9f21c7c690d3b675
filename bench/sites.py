"""The contestants: each a real server with a folder of data of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from services import Postgres, ports

from . import processes

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE_SECONDS = 60
_MOST_ON_POSTGRES = 10_000  # parts; to seed ten times as many takes ten minutes
# A kind of contestant: what it is called in tables.
SITE, LIMITED, ON_POSTGRES = "site", "site with limits", "site on PostgreSQL"
ANEW = "site without memory"
BARE, PLAIN = "bare WSGI", "plain DRF"
_APPLICATIONS = {BARE: "bench.yardsticks.bare", PLAIN: "bench.yardsticks.plain.wsgi"}
_OUR_SETTINGS = "partsite.settings.dev"  # those of make run
_SETTINGS = {PLAIN: "bench.yardsticks.plain.settings"}
NO_LIMITS = {
    "API_READS_PER_MINUTE": "0",
    "API_WRITES_PER_MINUTE": "0",
    "API_UPLOADS_PER_MINUTE": "0",
}
# Counted as ever, but never refused.
_HIGH_LIMITS = dict.fromkeys(NO_LIMITS, "100000000")


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in, and has a key."""

    role: str
    key: str
    cookie: str


@dataclass(frozen=True)
class Shop:
    """A seeded database, and what a client needs to speak with its site."""

    size: int
    folder: Path
    key: str
    cookie: str
    ids: list[int]
    database_url: str = ""
    visitors: list[Visitor] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        told = {"DATA_DIR": str(self.folder), "DEMO": "0"}
        return told | ({"DATABASE_URL": self.database_url} if self.database_url else {})


@dataclass(frozen=True)
class Site:
    """A running contestant."""

    kind: str
    shop: Shop
    port: int
    pid: int
    database_pid: int | None = None
    ready_seconds: float = field(default=0.0, compare=False)

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    @property
    def web(self) -> list[int]:
        """The web server's processes."""
        return processes.named(processes.tree(self.pid), "gunicorn")

    @property
    def paid(self) -> list[int]:
        """All processes whose time a request costs."""
        database = processes.tree(self.database_pid) if self.database_pid else []
        return self.web + database


def seeded(
    size: int, folder: Path, database_url: str = "", *, visitors: int = 0
) -> Shop:
    """Make a shop of ``size`` parts in a new folder, or a database elsewhere."""
    folder.mkdir(parents=True)
    shop = Shop(size, folder, "", "", [], database_url)
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.seed", str(size), f"--visitors={visitors}"],
        cwd=ROOT,
        env=environment(shop.variables),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    told = json.loads(done.stdout)
    people = [Visitor(**visitor) for visitor in told.pop("visitors")]
    return replace(shop, **told, visitors=people)


@contextmanager
def running(
    kind: str,
    shop: Shop,
    cluster: Postgres | None = None,
    *,
    is_web_alone: bool = False,
    **variables: str,
) -> Iterator[Site]:
    """Run one contestant until the end of the block.

    The site is started as ``make run`` starts it, with its worker; a yardstick is an
    application on the same gunicorn with the same settings.

    Args:
        is_web_alone: start gunicorn and neither migrations nor a worker.
        variables: settings beyond the usual, such as ``WEB_PROCESSES``.
    """
    port = ports.free()
    limits = _HIGH_LIMITS if kind == LIMITED else NO_LIMITS
    told = {"PORT": str(port), **shop.variables, **limits, **variables}
    if kind == ANEW:
        told["REMEMBERED_KB"] = "0"
    told.setdefault("DJANGO_SETTINGS_MODULE", _SETTINGS.get(kind, _OUR_SETTINGS))
    application = _APPLICATIONS.get(kind, "partsite.wsgi" if is_web_alone else None)
    command = ["-m", "gunicorn", application] if application else ["manage.py", "up"]
    with (shop.folder / "log.txt").open("a") as log:
        began = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, *command],
            cwd=ROOT,
            env=environment(told),
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(process, port, shop.folder / "log.txt")
        yield Site(
            kind,
            shop,
            port,
            process.pid,
            cluster.pid if cluster and shop.database_url else None,
            time.monotonic() - began,
        )
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(_PATIENCE_SECONDS)


@contextmanager
def all_running(
    sizes: list[int],
    kinds: list[str],
    folder: Path,
    cluster: Postgres | None,
    *,
    is_apart: bool = False,
) -> Iterator[list[Site]]:
    """Seed shops of all sizes and run every kind of contestant with each.

    Args:
        is_apart: give each a database of its own, since it will write there.
    """
    with ExitStack() as stack:
        sites = []
        for size in sizes:
            # All of a size, before anybody runs: what is copied must be at rest.
            shops = list(_shops(size, kinds, folder, cluster, is_apart))
            for kind, shop in shops:
                sites.append(stack.enter_context(running(kind, shop, cluster)))
        yield sites


def _shops(
    size: int,
    kinds: list[str],
    folder: Path,
    cluster: Postgres | None,
    is_apart: bool,
) -> Iterator[tuple[str, Shop]]:
    shop = None
    for kind in kinds:
        if kind == ON_POSTGRES:
            if cluster is not None and size <= _MOST_ON_POSTGRES:
                url = cluster.database(f"parts_{size}")
                yield kind, seeded(size, folder / f"{size}-postgres", url)
            continue
        shop = shop or seeded(size, folder / str(size))
        yield kind, _copied(kind, shop) if is_apart and kind != SITE else shop


def _copied(kind: str, shop: Shop) -> Shop:
    """Give a contestant what nobody else will write into."""
    own = replace(shop, folder=shop.folder.with_name(f"{shop.size}-{kind}"))
    if kind != PLAIN:
        shutil.copytree(shop.folder, own.folder)
        return own
    own.folder.mkdir()
    source = str(shop.folder / "db.sqlite3")
    subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.yardsticks.plain.tables", source],
        cwd=ROOT,
        env=environment(own.variables),
        check=True,
    )
    return own


def _wait_for(process: subprocess.Popen, port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            address = f"http://127.0.0.1:{port}/health"
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310
        except urllib.error.HTTPError:
            return  # a yardstick, which has no such page
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"It does not answer: {log.read_text()[-2000:]}")


def environment(variables: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **variables}
