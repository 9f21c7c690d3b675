"""Read settings from environment variables, and raise on nonsense.

An empty variable counts as unset, so that a line copied from ``.env.example``
and left blank means the default. Every function takes the variable's name and
a default; without a default the variable is required.

Raises:
    ImproperlyConfigured: the variable is missing or cannot be read; the text
        names it.
"""

import os
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import dotenv
from django.core.exceptions import ImproperlyConfigured

WEB_THREADS = 4  # of a web process, unless the environment says otherwise

_REQUIRED: Any = object()
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_PLACE = re.compile(r"([a-z]+://[^/]+)((?:/[A-Za-z0-9._~-]+)*/?)", re.IGNORECASE)
_SEGMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~-]+")
_TRUTHS = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off"), False),
}


def env_str(name: str, default: str | None = _REQUIRED) -> str:
    return _read(str, name, default)


def env_bool(name: str, default: bool = _REQUIRED) -> bool:
    return _read(_truth, name, default)


def env_int(name: str, default: int = _REQUIRED, *, least: int | None = None) -> int:
    number = _read(_whole, name, default)
    if least is not None and number < least:
        raise ImproperlyConfigured(f"{name} is {number}; use {least} or more.")
    return number


def env_list(name: str, default: list[str] = _REQUIRED) -> list[str]:
    """Read a comma-separated list; blanks around items are dropped."""
    return _read(_items, name, default)


def env_base_path(name: str) -> str:
    """Read what every address begins with: ``/tools/parts``, or nothing at all."""
    text = env_str(name, "").strip()
    path = text.removeprefix("/").removesuffix("/")
    if path and not all(map(_SEGMENT.fullmatch, path.split("/"))):
        raise ImproperlyConfigured(
            f"{name} is {text!r}; give the path alone, such as /parts-system: "
            "no host, no blanks, and of signs only - . _ ~ and single slashes."
        )
    return f"/{path}" if path else ""


def env_origin(name: str, default: str) -> str:
    """Read scheme and host of another server: https, or http on this machine."""
    text = env_str(name, default).strip()
    if not _is_origin(text):
        raise ImproperlyConfigured(
            f"{name} cannot be read: give https:// and the host alone, "
            f"such as {default}."
        )
    return text.rstrip("/").lower()


def env_bucket(name: str) -> tuple[str, str] | None:
    """Read ``s3://bucket/prefix``: the bucket, and what names in it begin with."""
    text = env_str(name, "").strip()
    if not text:
        return None
    found = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", text)
    prefix = (found and found[2] or "").strip("/")
    if not found or (prefix and not all(map(_SEGMENT.fullmatch, prefix.split("/")))):
        raise ImproperlyConfigured(
            f"{name} is {text!r}; give a bucket, such as s3://parts-files, and a "
            "folder in it if it has others, or nothing for files on this machine."
        )
    return found[1], prefix


def env_socket(name: str) -> str | tuple[str, int] | None:
    """Read where a server listens: ``unix:/path``, or ``host:port``."""
    text = env_str(name, "").strip()
    if not text:
        return None
    if text.startswith("unix:/"):
        return text.removeprefix("unix:")
    try:
        parts = urlsplit(f"//{text}")
        place = parts.hostname, parts.port
        is_good = parts.netloc == text and "@" not in text and all(place)
    except ValueError:  # a port or an IPv6 address that is none
        is_good = False
    if not is_good:
        raise ImproperlyConfigured(
            f"{name} is {text!r}; give host:port, or unix: and the path of a socket, "
            "such as unix:/run/clamav/clamd.ctl."
        )
    return place


def env_choice(name: str, default: str, *others: str) -> str:
    text = env_str(name, default).strip().lower()
    if text not in {default, *others}:
        words = " or ".join(filter(None, (default, *others)))
        or_empty = "" if default else ", or leave it empty"
        raise ImproperlyConfigured(f"{name} is {text!r}; use {words}{or_empty}.")
    return text


def env_static_url(name: str, default: str) -> str:
    """Read where static files are for browsers: a folder of another server.

    The default, a path of the site itself, is taken as it is.
    """
    text = env_str(name, "").strip()
    if not text:
        return default
    origin, path = found.groups() if (found := _PLACE.fullmatch(text)) else ("", "")
    if not _is_origin(origin):
        raise ImproperlyConfigured(
            f"{name} cannot be read: give https://, the host and the path, "
            "such as https://cdn.example.org/static/."
        )
    return f"{origin.lower()}{path.rstrip('/')}/"


def env_secret(name: str) -> str:
    """Read a key that goes into a header; the refusal does not show it."""
    text = env_str(name, "").strip()
    if text and not re.fullmatch(r"[!-9;-~]+", text):
        raise ImproperlyConfigured(
            f"{name} cannot be read: a key has no blanks, no colon and ASCII letters "
            "only. Copy it anew."
        )
    return text


def own_address() -> str:
    """Return where this machine finds the site that ``make run`` starts."""
    host = env_str("HOST", "127.0.0.1")
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{env_int('PORT', 8000)}"


def load_env_file(path: str) -> None:
    """Take variables from the file ``path``, if any, that the environment lacks.

    They go into the environment itself, where child processes find them too.
    """
    dotenv.load_dotenv(path, interpolate=False)


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_bare = text.rstrip("/") == f"{parts.scheme}://{parts.netloc}"
        is_safe = parts.scheme == "https" or (
            parts.scheme == "http" and parts.hostname in _LOOPBACK
        )
        is_good = is_bare and is_safe and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        is_good = False
    return is_good and bool(re.fullmatch(r"[A-Za-z0-9.:/\[\]-]+", text))


def _truth(text: str) -> bool:
    value = _TRUTHS.get(text.strip().lower())
    if value is None:
        raise ValueError("use 1 or 0")
    return value


def _whole(text: str) -> int:
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,18}\s*", text):
        raise ValueError("use a whole number")
    return int(text)


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _read(parse: Callable[[str], Any], name: str, default: Any) -> Any:
    text = os.environ.get(name, "")
    if not text.strip():
        if default is _REQUIRED:
            raise ImproperlyConfigured(
                f"{name} is not set. Set this environment variable; "
                ".env.example says what it means."
            )
        return default
    try:
        return parse(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error}.") from error
