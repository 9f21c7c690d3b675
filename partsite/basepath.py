"""The path that the site shares its host by, ``BASE_PATH``; nothing without one.

A proxy in front may take the path off an address before it passes the request on
or leave it there; both work with the same setting, and so does no proxy at all.
"""

from collections.abc import Callable, Iterable

from django.conf import settings
from django.urls import is_valid_path


def under(site: Callable) -> Callable:
    """Return the WSGI application ``site`` as seen below the base path."""

    def application(environ: dict, start_response: Callable) -> Iterable[bytes]:
        if settings.BASE_PATH and environ["PATH_INFO"] == settings.BASE_PATH:
            # Links relative to a page without its slash would miss the path.
            query = f"?{text}" if (text := environ.get("QUERY_STRING")) else ""
            headers = [("Location", f"{settings.BASE_PATH}/{query}")]
            start_response("301 Moved Permanently", headers)
            return []
        enter(environ)
        return site(environ, start_response)

    return application


def enter(environ: dict) -> None:
    """Move the base path, where it stands, from the path to the script's name."""
    base, path = settings.BASE_PATH, environ["PATH_INFO"]
    if not base:
        return
    environ["SCRIPT_NAME"] = base
    if not path.startswith(f"{base}/"):
        return
    rest = path.removeprefix(base)
    # Under /parts a proxy that took the path off /parts/parts/7/ sends what looks
    # as if it still had it. Not with a front end: the pages stand below /boards/.
    if settings.FRONTEND_DIR or is_valid_path(rest) or not is_valid_path(path):
        environ["PATH_INFO"] = rest
