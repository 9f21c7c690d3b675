"""What may be uploaded, and how it is stored."""

import hashlib
import logging
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import (
    FileUploadHandler,
    SkipFile,
    TemporaryFileUploadHandler,
)
from django.http import HttpRequest
from django.utils.translation import gettext as _

from partsite import clamd, room
from partsite.room import DiskFull, telling_when_full

from .conversion.step import ConversionError, inspect_step
from .errors import FileInfected, FileRefused, FileTooBig, NoRoom, ScannerAway
from .models import Kind

logger = logging.getLogger(__name__)

SUFFIXES = {".step": Kind.STEP, ".stp": Kind.STEP, ".pdf": Kind.DRAWING}
PICTURE_LIMIT_BYTES = 10 * 1024 * 1024
_EDGE_BYTES = 1024
_FOUND_NO_ROOM = f"HTTP_{room.BODY_FOUND_NONE.upper().replace('-', '_')}"
_DROPPED_BYTES = 512 * 1024 * 1024  # how much over the limit is read for politeness


@dataclass(frozen=True)
class StoredUpload:
    """A checked file that lies in the storage under its hash."""

    kind: Kind
    name: str
    stored_name: str
    sha256: str
    size_bytes: int


class SizeLimitHandler(FileUploadHandler):
    """Stop keeping a file that grows over the limit while it streams in.

    The rest of the file is read and dropped, since a browser shows an answer
    only after it has sent everything; what was typed beside it is kept, and
    ``received`` refuses.
    """

    def new_file(self, *args, **kwargs) -> None:
        super().new_file(*args, **kwargs)
        self._seen_bytes = 0
        if _FOUND_NO_ROOM in self.request.META:
            self.request.upload_found_no_room = True
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self._seen_bytes += len(raw_data)
        if self._seen_bytes > settings.UPLOAD_LIMIT_BYTES:
            self.request.upload_is_too_big = True
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


class RoomHandler(TemporaryFileUploadHandler):
    """Keep a large file while it streams in, as long as there is room for it.

    ``received`` refuses what found none.
    """

    def new_file(self, *args, **kwargs) -> None:
        with self._no_room_skips():
            super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        with self._no_room_skips():
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile | None:
        with suppress(SkipFile), self._no_room_skips():
            return super().file_complete(file_size)
        return None

    @contextmanager
    def _no_room_skips(self) -> Iterator[None]:
        try:
            with telling_when_full():
                yield
        except DiskFull as error:
            logger.error("upload_found_no_room why=%s", error)
            self.request.upload_found_no_room = True
            with suppress(OSError):  # it tries once more to write what is left
                self.upload_interrupted()
            self.__dict__.pop("file", None)
            raise SkipFile from error


def received(request: HttpRequest, field: str = "file") -> UploadedFile:
    """Return the file of a multipart request.

    Raises:
        FileTooBig: it grew over the limit.
        FileRefused: there is none.
    """
    files = received_all(request, field)
    if not files:
        raise FileRefused(_("No file was sent."), field=field)
    return files[-1]


def received_all(request: HttpRequest, field: str = "file") -> list[UploadedFile]:
    """Return the files of a multipart request, none if there are none.

    Raises:
        FileTooBig: one of them grew over the limit.
        NoRoom: there was none to keep it.
    """
    length = request.META.get("CONTENT_LENGTH") or ""
    # Not read at all, but most clients see a broken connection and no answer.
    is_too_big = (
        length.isdecimal()
        and int(length) > settings.UPLOAD_LIMIT_BYTES + _DROPPED_BYTES
    )
    files = [] if is_too_big else request.FILES.getlist(field)
    if is_too_big or getattr(request, "upload_is_too_big", False):
        limit_mb = settings.UPLOAD_LIMIT_BYTES // (1024 * 1024)
        told = _("The file is larger than %(limit)s MB.") % {"limit": limit_mb}
        raise FileTooBig(told, field=field)
    if getattr(request, "upload_found_no_room", False):
        raise _no_room(field)
    return files


def _no_room(field: str | None = None) -> NoRoom:
    told = _(
        "The server's disk is full, so the file was not kept. Tell whoever runs the "
        "server, and send it again when there is room."
    )
    return NoRoom(told, field=field)


def check(upload: UploadedFile) -> Kind:
    """Return what ``upload`` is by its suffix, if its content agrees.

    Raises:
        FileRefused: another suffix, an empty file, or bytes that are not what
            the suffix says.
    """
    suffix = PurePosixPath(bare_name(upload.name)).suffix.lower()
    kind = SUFFIXES.get(suffix)
    if kind is None:
        told = _("“%(suffix)s” files are not taken; upload a .step, .stp or .pdf file.")
        raise FileRefused(told % {"suffix": suffix or upload.name}, field="file")
    upload.seek(0)
    head = upload.read(_EDGE_BYTES)
    upload.seek(max(0, upload.size - _EDGE_BYTES))
    tail = upload.read(_EDGE_BYTES)
    upload.seek(0)
    if not head:
        raise FileRefused(_("This file is empty."), field="file")
    if kind == Kind.STEP:
        try:
            inspect_step(head, tail, upload.size)
        except ConversionError as error:
            raise FileRefused(str(error), field="file") from error
    elif not head.startswith(b"%PDF-"):
        raise FileRefused(
            _("This is not a PDF file, whatever its name says."), field="file"
        )
    elif not _ends_as_pdf(upload):
        raise FileRefused(_("This PDF is cut off; export it again."), field="file")
    return kind


def _ends_as_pdf(upload: UploadedFile) -> bool:
    """Whether the end mark stands in the last 64 KB; programs append to PDFs."""
    upload.seek(max(0, upload.size - 64 * 1024))
    tail = upload.read()
    upload.seek(0)
    return b"%%EOF" in tail


def store(upload: UploadedFile) -> StoredUpload:
    """Check ``upload`` and put its bytes into the storage under their hash.

    Raises: as ``check`` and ``_look_for_viruses``, and ``NoRoom``; nothing is kept
        then.
    """
    kind = check(upload)
    _look_for_viruses(upload, "file")
    sha256 = _sha256(upload)
    suffix = ".pdf" if kind == Kind.DRAWING else ".step"
    return StoredUpload(
        kind=kind,
        name=bare_name(upload.name),
        stored_name=_save(hashed_name("files", sha256, suffix), upload, "file"),
        sha256=sha256,
        size_bytes=upload.size,
    )


def _look_for_viruses(upload: UploadedFile, field: str) -> None:
    """Have the virus scanner look at ``upload``, if the site has one.

    Raises:
        FileInfected: it found something.
        FileTooBig: it does not look at so much.
        ScannerAway: it does not answer.
    """
    if not settings.CLAMD:
        return
    try:
        signature = clamd.signature_in(upload.chunks(), upload.size)
    except clamd.NotSeen as error:
        logger.error(
            "upload_not_scanned bytes=%s setting=%s", upload.size, error.setting
        )
        told = _(
            "The virus scanner does not look at all of this file, so it was not kept. "
            "Whoever runs the server can have it look at more: %(setting)s in "
            "clamd.conf."
        )
        told %= {"setting": error.setting}
        raise FileTooBig(told, field=field) from error
    except clamd.ScannerDown as error:
        logger.error("scanner_down why=%s", error)
        told = _(
            "The virus scanner does not answer, so the file was not kept. Try again "
            "in a moment."
        )
        raise ScannerAway(told, field=field) from error
    if signature:
        logger.warning(
            "upload_infected signature=%s sha256=%s", signature, _sha256(upload)
        )
        told = _(
            "The virus scanner found “%(signature)s” in this file, so it was not kept."
        )
        raise FileInfected(told % {"signature": signature}, field=field)


def _save(name: str, upload: UploadedFile, field: str) -> str:
    try:
        return default_storage.save(name, upload)
    except DiskFull as error:
        logger.error("upload_found_no_room why=%s", error)
        raise _no_room(field) from error


def check_png(upload: UploadedFile) -> None:
    """Refuse whatever is no whole PNG picture.

    Raises:
        FileTooBig: it is larger than 10 MB.
        FileRefused: it is no PNG, cut off or damaged.
    """
    if upload.size > PICTURE_LIMIT_BYTES:
        limit_mb = PICTURE_LIMIT_BYTES // (1024 * 1024)
        raise FileTooBig(
            _("The picture is larger than %(limit)s MB.") % {"limit": limit_mb}
        )
    from PIL import Image  # 3 MB of each web process, and rarely needed

    upload.seek(0)
    try:
        # Reads every chunk and its checksum, and unpacks none.
        with Image.open(upload, formats=["PNG"]) as image:
            image.verify()
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        raise FileRefused(_("This is not a whole PNG picture.")) from error


def store_png(upload: UploadedFile, field: str = "file") -> str:
    """Put a checked picture, sent as ``field``, into the storage; return its name.

    Raises: as ``store``.
    """
    _look_for_viruses(upload, field)
    return _save(hashed_name("views", _sha256(upload), ".png"), upload, field)


def _sha256(upload: UploadedFile) -> str:
    digest = hashlib.sha256()
    upload.seek(0)
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()


# Where the site stores; what else lies in a bucket is somebody else's.
FOLDERS = frozenset({"files", "models", "thumbnails", "views"})


def hashed_name(folder: str, sha256: str, suffix: str) -> str:
    """Return where bytes with this hash lie: ``folder/ab/abcd….suffix``.

    Args:
        folder: one of ``FOLDERS``.
    """
    if folder not in FOLDERS:
        raise ValueError(f"Nobody would know {folder} for ours.")
    return f"{folder}/{sha256[:2]}/{sha256}{suffix}"


def is_ours(name: str) -> bool:
    """Whether a stored file is of those that the site stores."""
    return name.partition("/")[0] in FOLDERS


def is_named_after(name: str, sha256: str) -> bool:
    """Whether ``name`` says that its bytes have this hash, or says nothing of one."""
    stem = PurePosixPath(name).stem
    return stem == sha256 or not re.fullmatch(r"[0-9a-f]{64}", stem)


def bare_name(name: str) -> str:
    """Return ``name`` without folders and control characters, 255 at most."""
    name = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C").strip(" .")
    stem, dot, suffix = name.rpartition(".")
    return f"{stem[: 254 - len(suffix)]}.{suffix}" if dot else name[:255]


def safe_name(name: str) -> str:
    """Return ``name`` in letters, digits, dot, dash and underscore of ASCII.

    A name without any keeps its suffix: ``деталь.step`` is ``file.step``.
    """
    bare = PurePosixPath(bare_name(name))
    ascii_stem = (
        unicodedata.normalize("NFKD", bare.stem).encode("ascii", "ignore").decode()
    )
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", ascii_stem).strip("._-")
    return f"{stem or 'file'}{bare.suffix.lower()}"
