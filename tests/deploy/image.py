"""The Dockerfile followed without Docker, so that it cannot rot where there is none.

Each step runs in a namespace of its own (bubblewrap) in which /srv, /data and /tmp are
the image's and everything else is this machine's, only to be read: its Python and Node
stand in for those of the base images.
"""

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

from tests.running import ROOT

from .conftest import program

OURS = ("srv", "data")
_HIDDEN = {*OURS, "tmp", "proc", "dev"}


@dataclass(frozen=True)
class Image:
    """What a stage of the Dockerfile has come to; ``root`` holds its /srv and /data."""

    root: Path
    folder: str = "/"
    env: dict[str, str] = field(default_factory=dict)
    user: int = 0
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def words(
        self, words: list[str], *, writes: tuple[str, ...], **env: str
    ) -> list[str]:
        """Return what runs ``words`` in the image, which may write only there."""
        box = [str(program("bwrap", "apt-get install bubblewrap")), "--die-with-parent"]
        box += ["--unshare-pid"]  # whose end is that of all that was started in it
        for path in sorted(Path("/").iterdir()):
            if path.is_symlink():
                box += ["--symlink", str(path.readlink()), str(path)]
            elif path.name not in _HIDDEN and path.is_dir():
                box += ["--ro-bind", str(path), str(path)]
        box += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108
        node = Path(program("node", "make setup")).resolve().parents[1]
        box += ["--ro-bind", str(node), str(node)]
        for name in OURS:
            (self.root / name).mkdir(parents=True, exist_ok=True)
            bind = "--bind" if name in writes else "--ro-bind"
            box += [bind, str(self.root / name), f"/{name}"]
        if self.user:
            user = str(self.user)
            box += ["--unshare-user", "--uid", user, "--gid", user]
        else:
            box += ["--cap-add", "ALL"]  # to give files away
        box += ["--chdir", self.folder, "--clearenv"]
        for name, value in {**self.env, **env}.items():
            box += ["--setenv", name, value]
        return [*box, "--", *words]


def follow(dockerfile: Path, scratch: Path) -> Image:
    """Do all steps of ``dockerfile``; return what its last stage is."""
    parser = DockerfileParser(str(dockerfile), env_replace=False)
    stages: dict[str, Image] = {}
    image = None
    for step in parser.structure:
        told = step["value"]
        match step["instruction"]:
            case "COMMENT":
                continue
            case "FROM":
                _, _, name = told.partition(" AS ")
                image = Image(scratch / (name or "final"), env={"PATH": _path()})
            case "WORKDIR":
                image = replace(image, folder=told)
                _outside(image, told).mkdir(parents=True, exist_ok=True)
            case "ENV":
                pairs = (pair.split("=", 1) for pair in shlex.split(told))
                path = image.env["PATH"]
                new = {name: value.replace("$PATH", path) for name, value in pairs}
                image = replace(image, env=image.env | new)
            case "COPY":
                _copy(image, shlex.split(told), stages)
            case "RUN":
                builds = replace(image, env=_of_this_machine() | image.env)
                words = builds.words(["sh", "-ec", told], writes=OURS)
                done = subprocess.run(  # noqa: S603 - what our own file says
                    words, capture_output=True, text=True, check=False
                )
                if done.returncode:
                    pytest.fail(f"RUN {told}\n{done.stdout}{done.stderr}")
            case "USER":
                image = replace(image, user=int(told.split(":")[0]))
            case "HEALTHCHECK":
                _, _, command = told.partition("CMD ")
                image = replace(image, health=_json_words(command))
            case "CMD":
                image = replace(image, command=_json_words(told))
            case "VOLUME" | "EXPOSE":
                continue
            case other:
                pytest.fail(f"No step {other} is known here.")
        stages[image.root.name] = image
    return image


def _path() -> str:
    """Return where Python and Node of this machine are, and nothing of the tests'."""
    python = Path(sys._base_executable).resolve().parent
    if not (python / "python").exists():
        pytest.skip("needs Python to be called python: python-is-python3 on Debian")
    node = Path(program("node", "make setup")).parent
    return f"{python}:/usr/local/bin:/usr/bin:/bin:{node}"


def _of_this_machine() -> dict[str, str]:
    """Return how this machine reaches the package registries."""
    begins = ("HOME", "PIP_", "NPM_", "NODE_", "SSL_", "HTTP_", "HTTPS_", "NO_PROXY")
    found = {
        name: value
        for name, value in os.environ.items()
        if name.upper().startswith(begins)
    }
    return found | {"npm_config_cache": "/tmp/npm"}  # noqa: S108 - of the image


def _json_words(text: str) -> list[str]:
    return [word.strip(' "') for word in text.strip("[] ").split(",")]


def _outside(image: Image, path: str) -> Path:
    """Return where a path of the image is on this machine."""
    inside = Path(image.folder) / path
    assert inside.parts[1] in OURS, f"{inside} is not kept here."
    return image.root / inside.relative_to("/")


def _copy(image: Image, words: list[str], stages: dict[str, Image]) -> None:
    flags = [word for word in words if word.startswith("--")]
    *sources, target = [word for word in words if word not in flags]
    to = _outside(image, target)
    for source in sources:
        if flags:
            # Linked, since no step changes a file of an earlier stage.
            stage = stages[flags[0].removeprefix("--from=")]
            shutil.copytree(
                _outside(stage, source),
                to,
                symlinks=True,
                dirs_exist_ok=True,
                copy_function=os.link,
            )
            continue
        if source == ".":
            for name in sent():
                _put(ROOT / name, to / name)
            continue
        assert source in sent(), f"{source} is left out by .dockerignore."
        path = ROOT / source
        is_into = target.endswith("/") and path.is_file()
        _put(path, to / path.name if is_into else to)


def sent() -> list[str]:
    """Return what .dockerignore lets through: it names what, and forbids the rest."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    names = [line.removeprefix("!") for line in lines if line.startswith("!")]
    return [name for name in names if (ROOT / name).exists()]


def _put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        leave_out = shutil.ignore_patterns("__pycache__")
        shutil.copytree(
            source, target, symlinks=True, dirs_exist_ok=True, ignore=leave_out
        )
    else:
        shutil.copy2(source, target)
