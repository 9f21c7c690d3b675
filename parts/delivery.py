"""How stored files go out: streamed, by the proxy in front, or from the bucket."""

import errno
import os
import re
from pathlib import PurePosixPath
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header

from .models import Kind, PartFile, hash_tag

CONTENT_TYPES = {Kind.STEP: "application/step", Kind.DRAWING: "application/pdf"}
# Where nginx has the files, when it hands them out itself (docs/deploy.md).
ACCEL_PREFIX = "/_files/"
_SIGNED_SECONDS = 300
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def original(
    request: HttpRequest,
    file: PartFile,
    *,
    as_attachment: bool,
    may_redirect: bool = False,
) -> HttpResponse:
    """Return the bytes of ``file``, sandboxed, with their original name.

    Args:
        may_redirect: a browser on one of our pages asks. A script may not follow,
            or sends its key along to where the file lies.
    """
    content_type = CONTENT_TYPES[Kind(file.kind)]
    named = content_disposition_header(as_attachment, file.name)
    name = file.content.name
    return _sandboxed(_delivered(request, name, content_type, named, may_redirect))


def shown(request: HttpRequest, file: PartFile) -> HttpResponse:
    """Return the bytes of a drawing to be looked at in the browser.

    Not sandboxed: Chromium shows no PDF in a sandbox. It is one by its first
    bytes, and the browser is told to take it for nothing else.
    """
    named = content_disposition_header(False, file.name)
    answer = _delivered(request, file.content.name, "application/pdf", named, True)
    answer["Content-Security-Policy"] = "frame-ancestors 'none'; form-action 'none'"
    return answer


def made(request: HttpRequest, stored_name: str, content_type: str) -> HttpResponse:
    """Return what was made of a file, its model or its picture, sandboxed.

    Never from the bucket itself: a signed address is another one each time, so a
    browser would fetch anew what it has.
    """
    named = content_disposition_header(False, PurePosixPath(stored_name).name)
    return _sandboxed(_delivered(request, stored_name, content_type, named))


def _delivered(
    request: HttpRequest,
    name: str,
    content_type: str,
    disposition: str,
    may_redirect: bool = False,
) -> HttpResponse:
    """Answer with stored bytes, or 304 to who has them already.

    Raises:
        FileNotFoundError: they are lost.
        StorageDown: the storage does not answer.
    """
    etag = f'"{hash_tag(name)}"'
    answer = get_conditional_response(request, etag=etag)
    if answer is None:
        if settings.FILE_DELIVERY == "redirect" and may_redirect:
            return _signed(name, content_type, disposition)
        way = _accelerated if settings.FILE_DELIVERY == "accel" else _streamed
        answer = way(request, name, etag)
        answer["Content-Type"] = content_type
        answer["Content-Disposition"] = disposition
        answer["X-Content-Type-Options"] = "nosniff"
    answer["ETag"] = etag
    return answer


def _signed(name: str, content_type: str, disposition: str) -> HttpResponse:
    """Send the browser to the bucket, where an address opens this file for a while."""
    _need(name)
    answer = HttpResponseRedirect(
        default_storage.signed_url(
            name,
            seconds=_SIGNED_SECONDS,
            ResponseContentType=content_type,
            ResponseContentDisposition=disposition,
        )
    )
    answer["Cache-Control"] = "no-store"
    return answer


def _accelerated(request: HttpRequest, name: str, etag: str) -> HttpResponse:
    """Have nginx send the file, parts of it too, while this process does other work."""
    _need(name)
    answer = HttpResponse()
    answer["X-Accel-Redirect"] = quote(f"{ACCEL_PREFIX}{name}")
    return answer


def _streamed(request: HttpRequest, name: str, etag: str) -> HttpResponse:
    first, last, status, headers = 0, None, 200, {"Accept-Ranges": "bytes"}
    if asked := _range(request, etag):
        size = default_storage.size(name)
        first, last = _bounds(asked, size)
        if first > last:
            headers["Content-Range"] = f"bytes */{size}"
            return HttpResponse(status=416, headers=headers)
        status = 206
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    body, length = default_storage.reader(name, first, last)
    headers["Content-Length"] = str(length)
    return _Streamed(body, status=status, headers=headers)


class _Streamed(FileResponse):
    block_size = 64 * 1024  # rather than 4 KB


def _range(request: HttpRequest, etag: str) -> re.Match | None:
    """Return the one range that is asked for; of several, all is sent, as one may."""
    if request.headers.get("If-Range", etag) != etag:
        return None
    asked = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    return asked if asked and any(asked.groups()) else None


def _bounds(asked: re.Match, size: int) -> tuple[int, int]:
    """Return the first and last byte; they are crossed if there is none of them."""
    first, last = asked.groups()
    if not first:
        return max(0, size - int(last)), size - 1 if int(last) else -1
    return int(first), min(int(last or size), size - 1)


def _need(name: str) -> None:
    if not default_storage.exists(name):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)


def _sandboxed(answer: HttpResponse) -> HttpResponse:
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer
