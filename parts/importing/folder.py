"""The other server's ``uploads`` folder: what it holds, checked; nothing is stored."""

import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.uploadedfile import UploadedFile

from parts import uploads
from parts.errors import FileRefused
from parts.models import Kind

from .outcomes import Line, Outcome, Subject
from .values import parsed_moment

_PICTURE = re.compile(r"view_([0-7])\.png", re.IGNORECASE)
_MADE_ANEW = {".bin", ".glb", ".gltf"}
_LITTER = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Found:
    """A checked file: ``name`` as it was called, ``kind`` None for a picture."""

    path: Path
    name: str
    kind: Kind | None
    sha256: str
    size_bytes: int
    at: datetime


@dataclass
class Contents:
    """What lies in the folder of one part.

    Attributes:
        files: oldest first, the one that was current last; no bytes twice.
        pictures: by the number of the side.
        lacks_current: whether the file that was current is not there.
        lines: what stays behind, and why.
    """

    files: list[Found] = field(default_factory=list)
    pictures: dict[int, Found] = field(default_factory=dict)
    lacks_current: bool = False
    lines: list[Line] = field(default_factory=list)


@contextmanager
def opened(path: Path) -> Iterator[UploadedFile]:
    """Open a file as if it had been uploaded."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        yield UploadedFile(File(file), name=path.name, size=size)


def contents_of(root: Path, part_id: int, current: str) -> Contents:
    """Look through ``root/<part_id>`` and its sub folders.

    Args:
        current: the name of the file that was the part's current one.
    """
    contents = Contents(lacks_current=bool(current))
    top = root / str(part_id)
    if not os.path.lexists(top):
        return contents

    def tell(path: Path, outcome: Outcome, why: str) -> None:
        is_picture = _PICTURE.fullmatch(path.name)
        subject = Subject.PICTURE if is_picture else Subject.FILE
        name = str(path.relative_to(root))
        contents.lines.append(Line(subject, str(part_id), name, outcome, (why,)))

    files: list[Found] = []
    pictures: list[Found] = []
    for path in _files_in(top):
        if uploads.bare_name(path.name).casefold() == current.casefold():
            contents.lacks_current = False
        if why := _not_wanted(path):
            tell(path, Outcome.LEFT, why)
            continue
        try:
            found = _checked(path, root)
        except FileRefused as error:
            tell(path, Outcome.REFUSED, str(error))
        except OSError as error:
            tell(path, Outcome.REFUSED, f"It cannot be read: {error.strerror}.")
        else:
            (files if found.kind else pictures).append(found)

    by_hash: dict[str, Found] = {}
    for file in sorted(files, key=lambda file: _newness(file, current)):
        if older := by_hash.pop(file.sha256, None):
            tell(older.path, Outcome.LEFT, f"It has the same bytes as {file.name}.")
        by_hash[file.sha256] = file
    contents.files = list(by_hash.values())
    for picture in sorted(pictures, key=_newness):
        side = int(_PICTURE.fullmatch(picture.name)[1])
        if older := contents.pictures.get(side):
            tell(older.path, Outcome.LEFT, "There is a newer one.")
        contents.pictures[side] = picture
    return contents


def left_over(root: Path, part_ids: Collection[int]) -> Iterator[Line]:
    """List every file of ``root`` that lies in the folder of none of these parts."""
    names = {str(part_id) for part_id in part_ids}
    why = ("It belongs to no part that was read.",)
    for entry in sorted(root.iterdir()):
        if entry.name not in names:
            for path in _files_in(entry):
                name = str(path.relative_to(root))
                yield Line(Subject.FILE, "", name, Outcome.LEFT, why)


def _files_in(top: Path) -> Iterator[Path]:
    """Yield what is no folder below ``top``, links included, and what is shut."""
    if top.is_symlink() or not top.is_dir():
        yield top
        return
    shut: list[OSError] = []
    for folder, folders, names in os.walk(top, onerror=shut.append):
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted([*names, *links]):
            yield Path(folder) / name
    yield from (Path(error.filename) for error in shut)


def _not_wanted(path: Path) -> str:
    """Return why a file is left where it is, if it is one that nobody misses."""
    if path.suffix.lower() in _MADE_ANEW:
        return "Models are made anew here."
    if path.name.startswith(".") or path.name.lower() in _LITTER:
        return "It is the operating system's."
    return ""


def _checked(path: Path, root: Path) -> Found:
    """Look into a file.

    Raises:
        FileRefused: it leads out of ``root``, is too big, or not what it says.
        OSError: it cannot be read.
    """
    # realpath(), since resolve() raises on a loop of links (Python 3.11 and 3.12).
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise FileRefused("It is a link that leads out of the folder.")
    info = path.stat()
    if stat.S_ISDIR(info.st_mode):
        raise FileRefused("It is a folder that cannot be entered.")
    if not stat.S_ISREG(info.st_mode):  # opening a pipe would wait for ever
        raise FileRefused("It is no ordinary file.")
    with opened(path) as upload:
        kind = None
        if _PICTURE.fullmatch(path.name):
            uploads.check_png(upload)
        else:
            kind = uploads.check(upload)
            if upload.size > settings.UPLOAD_LIMIT_BYTES:
                limit_mb = settings.UPLOAD_LIMIT_BYTES // (1024 * 1024)
                raise FileRefused(
                    f"It is larger than {limit_mb} MB. Raise UPLOAD_LIMIT_MB and run "
                    "this again."
                )
        upload.seek(0)
        return Found(
            path=path,
            name=path.name,
            kind=kind,
            sha256=hashlib.file_digest(upload, "sha256").hexdigest(),
            size_bytes=upload.size,
            at=parsed_moment(info.st_mtime) or datetime.fromtimestamp(0, UTC),
        )


def _newness(found: Found, current: str = "") -> tuple:
    """Order by age, and the one that was current behind all others."""
    name = uploads.bare_name(found.name)
    is_current = (name == current) + (name.casefold() == current.casefold())
    return is_current, found.at, -len(found.path.parts), found.name
