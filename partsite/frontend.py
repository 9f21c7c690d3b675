"""A front end of one's own: the folder ``FRONTEND_DIR``, served at the root.

The folder is looked at anew for every request, so a new build may take the place
of the old one while the site runs.
"""

import hashlib
import logging
import os
import re
from pathlib import Path
from wsgiref.headers import Headers

from csp.decorators import csp
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt
from whitenoise.base import WhiteNoise
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import NotARegularFileError, StaticFile

logger = logging.getLogger(__name__)

# Never handed out: .git, .env and their like at any depth, and source maps.
_HIDDEN = re.compile(r"(^|/)\.|\.map(\.gz|\.br)?/?\Z", re.IGNORECASE)
# What a build tool names after its content, in the order of the lines: a folder of
# SvelteKit or Next.js, then main.3f2a9c01.js of webpack or Parcel, chunk-5INURTSO.js
# of esbuild, assets/index-BhD3x9aQ.js of Vite. Dates and words must not pass: a hash
# taken for a word costs a question whether the file has changed, a word taken for a
# hash shows an old file for a year.
_HASHED = re.compile(
    r"""/(immutable|_next/static)/
    | [/.-](?!\d+\.)[0-9a-f]{8,64}(\.(bundle|chunk|min|module))?\.\w+\Z
    | [.-]([0-9A-Z]{8}|(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{6,7})\.(css|m?js)\Z
    | /(assets|_astro|_nuxt)/.*[.-](?![A-Z][a-z]+\.)(?=[^.]*[A-Z])[\w-]{8}\.\w+\Z
    """,
    re.VERBOSE | re.ASCII,
)
_YEAR_SECONDS = 365 * 24 * 60 * 60
_DIGEST_LIMIT_BYTES = 4 * 1024 * 1024
# Where a missing file is a mistake and no page of the front end.
_FILES_ONLY = ("/static/", "/media/")


class _Files(WhiteNoise):
    """How a file is sent: its type, how long it may be kept, ranges, variants."""

    def add_cache_headers(self, headers: Headers, path: str, url: str) -> None:
        if _HASHED.search(url):
            headers["Cache-Control"] = f"max-age={_YEAR_SECONDS}, public, immutable"
            return
        headers["Cache-Control"] = "no-cache"
        # By content: builds may give every file the same time, and two index.html
        # that name different assets have the same length.
        if Path(path).stat().st_size <= _DIGEST_LIMIT_BYTES:
            with Path(path).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            headers["ETag"] = f'"{digest[:32]}"'


_files = _Files(None, autorefresh=True, allow_all_origins=False)


# How it loads what is its own matter; a <meta> in its index.html can say more.
_POLICY = {"frame-ancestors": ["'none'"], "object-src": ["'none'"]}


@csp(_POLICY)
@csrf_exempt  # whoever posts here is told so, and not to bring a token
@login_not_required
def frontend(request: HttpRequest) -> HttpResponse:
    """Answer with the file at the address, or else with the page that is the app."""
    if request.method not in {"GET", "HEAD"}:
        words = "Only GET and HEAD are answered here; the API stands below api/.\n"
        return HttpResponseNotAllowed(["GET", "HEAD"], words, content_type="text/plain")
    try:
        file = find(request.path_info)
        if file is None and not request.path_info.startswith(_FILES_ONLY):
            file = find("/index.html")
            if file is None:
                raise FileNotFoundError("index.html")
        if file is not None:
            return WhiteNoiseMiddleware.serve(file, request)
    except OSError as error:
        logger.error("frontend_failed path=%r reason=%s", request.path_info, error)
        words = "The front end cannot be read just now. Try again in a moment.\n"
        headers = {"Retry-After": "10", "Cache-Control": "no-store"}
        return HttpResponse(words, "text/plain", status=503, headers=headers)
    raise Http404("There is no such file.")


def find(address: str) -> StaticFile | None:
    """Return the front end's file at ``address``, None if there is none.

    Raises:
        Http404: it is hidden, or a link leads out of the folder.
    """
    if "\0" in address or _HIDDEN.search(address):
        raise Http404("This is not handed out.")
    if address.endswith("/"):
        return None
    root = os.path.realpath(settings.FRONTEND_DIR)
    path = str(Path(root, address.lstrip("/")))
    # What a link leads to counts, also for the packed variants beside a file.
    for variant in (path, f"{path}.gz", f"{path}.br"):
        target = os.path.relpath(os.path.realpath(variant), root)
        if _HIDDEN.search(target):
            raise Http404("This is not handed out.")
    # Asked first, since opening a named pipe would wait for ever.
    if not os.path.isfile(path):  # noqa: PTH113 - Path's raises of a long name
        return None
    try:
        return _files.get_static_file(path, address)
    except NotARegularFileError:
        return None  # gone in this moment


route = re_path(
    r"^(?!(?:account|admin|api|boards|health)(?:/|\Z))", frontend, name="frontend"
)
