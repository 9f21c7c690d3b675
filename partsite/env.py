"""Read settings from environment variables, and raise on nonsense.

An empty variable counts as unset, so that a line copied from ``.env.example``
and left blank means the default. Every function takes the variable's name and
a default; without a default the variable is required.

Raises:
    ImproperlyConfigured: the variable is missing or cannot be read; the text
        names it.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError

_REQUIRED: Any = object()
_env = Env()


def env_str(name: str, default: str | None = _REQUIRED) -> str:
    return _read(_env.str, name, default)


def env_bool(name: str, default: bool = _REQUIRED) -> bool:
    return _read(_env.bool, name, default)


def env_int(name: str, default: int = _REQUIRED) -> int:
    return _read(_env.int, name, default)


def env_list(name: str, default: list[str] = _REQUIRED) -> list[str]:
    """Read a comma-separated list; blanks around items are dropped."""
    items = _read(_env.list, name, default)
    return [item.strip() for item in items if item.strip()]


def load_env_file(path: str) -> None:
    """Take variables from the file ``path``, if any, that the environment lacks."""
    if Path(path).is_file():
        _env.read_env(path, recurse=False)


def _read(parse: Callable, name: str, default: Any) -> Any:
    if not os.environ.get(name, "").strip():
        if default is _REQUIRED:
            raise ImproperlyConfigured(
                f"{name} is not set. Set this environment variable; "
                ".env.example says what it means."
            )
        return default
    try:
        return parse(name)
    except EnvError as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error}") from error
