"""The archive's form: a gzipped tar of plain files that says what is in it.

In this order, so that it is written and read in one go:

- ``rows/<app>.<model>.jsonl``: each table, the first line naming its columns
- ``database.sqlite3`` or ``database.pgdump``: the database in its engine's own form
- ``media/…``: the stored files
- ``missing.txt``: stored files that were lost already when the archive was made
- ``SHA256SUMS``: the hash of each of the above, as ``sha256sum -c`` reads it
- ``manifest.json``: when, of what, how many; without it the archive is cut off
"""

import errno
import fcntl
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, BinaryIO

from .errors import ArchiveDamaged

SUFFIX = ".tar.gz"
ROWS, MEDIA = "rows/", "media/"
MISSING, SUMS, MANIFEST = "missing.txt", "SHA256SUMS", "manifest.json"
NATIVE = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
_DRAFT = ".draft-"
_OLD_DRAFT_SECONDS = 86_400  # where no lock tells whether it is in use
# Half as large as without, at the speed of a disk; more makes it slower, not smaller.
_COMPRESSION = 3
_CHUNK_BYTES = 1024 * 1024
IN_MEMORY_BYTES = 4 * 1024 * 1024  # of a file on its way into the storage
MOST_LINE_BYTES = 64 * 1024 * 1024  # of rows, one of which is a line
_MOST_TEXT_BYTES = 16 * 1024 * 1024  # of a manifest
_MOST_NAME_BYTES = 64 * 1024  # what tar itself writes around a long name
_TABLE = re.compile(r"rows/[a-z_0-9]+\.[a-z_0-9]+\.jsonl")
_BROKEN = (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error)


class Writer:
    """Writes members one after another, and what they hash to."""

    def __init__(self, file: BinaryIO, *, at: float) -> None:
        self._at = at
        self._gzip = gzip.GzipFile(
            filename="", mode="wb", compresslevel=_COMPRESSION, fileobj=file, mtime=at
        )
        self._tar = tarfile.open(  # noqa: SIM115 - it is ended, or left
            fileobj=self._gzip, mode="w|", format=tarfile.PAX_FORMAT
        )
        self._sums = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sums.close()
        for stream in (self._tar.fileobj, self._gzip):
            with suppress(OSError):  # of a disk that is full
                stream.close()

    def add(self, name: str, source: IO[bytes], size: int) -> str:
        """Add ``size`` bytes of ``source``; return their hash."""
        hashed = _Hashed(source)
        self._put(name, hashed, size)
        sha256 = hashed.digest.hexdigest()
        self._sums.write(sum_line(sha256, name))
        return sha256

    def add_file(self, name: str, path: Path) -> str:
        with path.open("rb") as source:
            return self.add(name, source, path.stat().st_size)

    def finish(self, manifest: dict[str, Any]) -> None:
        """Write sums and manifest, and end the archive."""
        size = self._sums.tell()
        self._sums.seek(0)
        hashed = _Hashed(self._sums)
        self._put(SUMS, hashed, size)
        manifest = {**manifest, "sums": hashed.digest.hexdigest()}
        text = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
        self._put(MANIFEST, io.BytesIO(text), len(text))
        self._tar.close()
        self._gzip.close()

    def _put(self, name: str, source: Any, size: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = size, 0o600, int(self._at)
        self._tar.addfile(info, source)
        self._tar.members = []  # else it remembers each for good


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.digest.update(data)
        self.size += len(data)
        return data

    def readline(self, limit: int) -> bytes:
        data = self._source.readline(limit)
        self.digest.update(data)
        self.size += len(data)
        return data


class Member(_Hashed):
    """One file of an archive that is being read."""

    def __init__(self, name: str, size: int, source: IO[bytes]) -> None:
        super().__init__(source)
        self.name = name
        self.claimed_size = size

    def read(self, size: int = -1) -> bytes:
        with _in_words():
            return super().read(size)

    def readline(self, limit: int) -> bytes:
        with _in_words():
            return super().readline(limit)

    @property
    def table(self) -> str:
        """The model whose rows it holds, ``""`` for all else."""
        is_table = self.name.startswith(ROWS)
        return self.name.removeprefix(ROWS).removesuffix(".jsonl") if is_table else ""

    @property
    def stored_name(self) -> str:
        """The name in the storage, ``""`` of what is no stored file."""
        is_stored = self.name.startswith(MEDIA)
        return self.name.removeprefix(MEDIA) if is_stored else ""

    def text(self) -> bytes:
        """Return what is in it, if it is short enough to be one of our texts."""
        if self.claimed_size > _MOST_TEXT_BYTES:
            raise ArchiveDamaged(f"{self.name} says it has {self.claimed_size} bytes.")
        return self.read(_MOST_TEXT_BYTES)

    def drain(self) -> None:
        """Read what is left, which its hash wants."""
        while self.read(_CHUNK_BYTES):
            pass
        if self.size != self.claimed_size:
            raise ArchiveDamaged(
                f"{self.name} has {self.size} bytes and says {self.claimed_size}."
            )


class _PlainFile(tarfile.TarInfo):
    """What may stand in an archive: plain files, with names of plain length."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> "_PlainFile":
        info = super().frombuf(buf, encoding, errors)
        if info.type == tarfile.XHDTYPE:
            if info.size > _MOST_NAME_BYTES:
                raise tarfile.ReadError("a header of tar's is too long")
        elif info.type not in {tarfile.REGTYPE, tarfile.AREGTYPE}:
            raise tarfile.ReadError(f"{info.name} is no plain file")
        return info


def members(path: Path) -> Iterator[Member]:
    """Yield what is in the archive, each to be read before the next.

    Raises:
        ArchiveDamaged: it cannot be read to its end, or holds what none of ours does.
    """
    with (
        _in_words(),
        gzip.open(path, "rb") as unzipped,
        tarfile.open(fileobj=unzipped, mode="r|", tarinfo=_PlainFile) as tar,
    ):
        while (info := tar.next()) is not None:
            tar.members = []
            check_name(info.name)
            member = Member(info.name, info.size, tar.extractfile(info))
            yield member
            member.drain()
        while unzipped.read(_CHUNK_BYTES):
            pass  # to the end, where gzip's own sum stands


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise ArchiveDamaged(
            f"The archive is damaged, cut off or none at all: {error}."
        ) from error


def check_name(name: str) -> None:
    """Refuse names that lead out of where they are meant.

    Raises:
        ArchiveDamaged: it is not a name of ours.
    """
    if name in {MISSING, SUMS, MANIFEST, *NATIVE.values()} or _TABLE.fullmatch(name):
        return
    stored = name.removeprefix(MEDIA)
    path = PurePosixPath(stored)
    is_ours = (
        name.startswith(MEDIA)
        and stored == str(path)
        and not path.is_absolute()
        and ".." not in path.parts
        and "\\" not in name
        and name.isprintable()
    )
    if not is_ours:
        raise ArchiveDamaged(f"The archive holds {name!r}, which is no file of ours.")


def sum_line(sha256: str, name: str) -> bytes:
    return f"{sha256}  {name}\n".encode()


class Draft:
    """An archive that is being written, in the folder where it is to be."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file = file
        self._path = path

    def keep(self, stem: str) -> Path:
        """Give it its name once it is whole and on the disk; return its path."""
        self.file.flush()
        os.fsync(self.file.fileno())
        folder = self._path.parent
        path = _named(self._path, folder, stem)
        _sync_folder(folder)
        return path


@contextmanager
def draft(folder: Path) -> Iterator[Draft]:
    """Give a file for an archive; unless it is kept, nothing is left of it."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=_DRAFT)  # for its owner alone
    try:
        with os.fdopen(handle, "wb") as file:
            _mark_in_use(handle)
            yield Draft(file, Path(name))
    finally:
        Path(name).unlink(missing_ok=True)


def _named(draft: Path, folder: Path, stem: str) -> Path:
    """Give ``draft`` a name that nobody has, not another site's archive either."""
    for number in count(1):
        target = folder / f"{stem}{f'-{number}' if number > 1 else ''}{SUFFIX}"
        try:
            target.hardlink_to(draft)
        except FileExistsError:
            continue
        except OSError:  # some file systems, as of USB sticks, know no links
            if target.exists():
                continue
            draft.rename(target)
        return target
    raise AssertionError  # there is always a number more


# What some file systems, mostly of other machines, say of a folder.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder of one's own beside the archives, for as long as it is needed."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=_DRAFT) as path:
        handle = os.open(path, os.O_RDONLY)
        try:
            _mark_in_use(handle)
            yield Path(path)
        finally:
            os.close(handle)


def clear_drafts(folder: Path) -> None:
    """Delete what killed backups left, of other sites too; not what one works at."""
    for draft in folder.glob(f"{_DRAFT}*"):
        if _is_in_use(draft):
            continue
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)


def _mark_in_use(handle: int) -> None:
    with suppress(OSError):  # some file systems know no locks
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_in_use(draft: Path) -> bool:
    try:
        handle = os.open(draft, os.O_RDONLY)
    except OSError:
        return True  # another user's, or just gone
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return time.time() - os.fstat(handle).st_mtime < _OLD_DRAFT_SECONDS
    finally:
        os.close(handle)
    return False
