"""Where files lie: uploads under their hash, static files under hashed names.

``partsite.objectstore`` has what lies in S3; it answers as ``ContentStorage`` does.
"""

import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

from .room import telling_when_full


class StorageDown(Exception):
    """The storage of the files does not answer; asking again later may help."""


class ContentStorage(FileSystemStorage):
    """Files whose name is their content's hash: written once, whole or not at all.

    A name that exists already holds the same bytes, so saving it again keeps
    what is there. The bytes are written beside the target and moved into
    place, so that nobody ever reads half a file, not even after a crash.
    """

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    @telling_when_full()
    def _save(self, name: str, content) -> str:
        target = Path(self.path(name))
        if target.exists():
            # Wanted again: no cleaning up of what is old may take it away now.
            target.touch()
            return name
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=".draft-")
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).chmod(0o644)
            Path(draft).replace(target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        return name

    def reader(
        self, name: str, first: int = 0, last: int | None = None
    ) -> tuple[BinaryIO, int]:
        """Return what reads the bytes from ``first`` to ``last``, and how many.

        Raises:
            FileNotFoundError: there is no such file.
        """
        file = Path(self.path(name)).open("rb")  # noqa: SIM115 - whoever reads closes
        size = os.fstat(file.fileno()).st_size
        if last is None:
            return file, size
        file.seek(first)
        return _Slice(file, last - first + 1), last - first + 1


class _Slice:
    """The next ``length`` bytes of a file."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length
        self.close = file.close

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data


class HashedStaticStorage(CompressedManifestStaticFilesStorage):
    """Static files under hashed names, imports between JS modules included."""

    # Without it the imports inside modules keep their unhashed names, which
    # whitenoise serves without a long cache (Django 5.2).
    support_js_module_import_aggregation = True

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._urls: dict[str, str] = {}

    def url(self, name: str, force: bool = False) -> str:
        """Return the address of a file; each is put together once.

        Every page has four, for a thirtieth of the time that a board takes (measured).
        """
        if settings.DEBUG or force:
            return super().url(name, force)
        if name not in self._urls:
            self._urls[name] = super().url(name)
        return self._urls[name]
