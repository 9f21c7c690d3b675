"""Every line of the log that a test causes, read for the secrets of that time.

Lines are read as a server writes them, text and JSON. Secrets are noted where they
are made, so that no test has to say which it knows: texts of keys, tokens of links,
ids of sessions, passwords.
"""

import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase

from accounts import factors, tokens
from partsite.logs import TEXT_FORMAT, JsonFormatter, KeyHidingFormatter
from partsite.requestlog import OfRequest

_SHORTEST = 8  # characters; shorter ones are words that stand anywhere
_KEPT = 500  # the newest, or those of all tests would be looked for in each
_FORMATTERS = (KeyHidingFormatter(TEXT_FORMAT, style="{"), JsonFormatter())


class SecretWatch(logging.Handler):
    """Reads what ``loggers`` tell."""

    def __init__(self, *loggers: logging.Logger) -> None:
        super().__init__()
        self.addFilter(OfRequest())
        self._loggers = loggers
        self._secrets: deque[tuple[str, str]] = deque(maxlen=_KEPT)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._lines += (formatter.format(record) for formatter in _FORMATTERS)

    def note(self, kind: str, secret: str | None) -> None:
        """Look for ``secret`` from now on."""
        if secret and len(secret) >= _SHORTEST:
            self._secrets.append((kind, secret))

    def note_all(self) -> None:
        """Note every secret where it is made, for as long as this process runs."""
        self.note("the site's own key", settings.SECRET_KEY)

        def noted(kind: str, make: Callable[..., str]) -> Callable[..., str]:
            @wraps(make)
            def made(*args: Any, **kwargs: Any) -> str:
                secret = make(*args, **kwargs)
                self.note(kind, secret)
                return secret

            return made

        secrets.token_urlsafe = noted("a key or a link", secrets.token_urlsafe)
        tokens.typed = noted("a recovery code", tokens.typed)
        factors.secret_of = noted("the secret of an app", factors.secret_of)
        SessionBase._get_new_session_key = noted(
            "a session's id", SessionBase._get_new_session_key
        )
        set_password = AbstractBaseUser.set_password

        def set_noted(user: AbstractBaseUser, password: str | None) -> None:
            self.note("a password", password)
            set_password(user, password)

        AbstractBaseUser.set_password = set_noted

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read what is told meanwhile.

        Raises:
            AssertionError: a secret stood in a line.
        """
        self._lines.clear()
        for logger in self._loggers:
            logger.addHandler(self)  # each time: a test may configure logging anew
        try:
            yield
        finally:
            for logger in self._loggers:
                logger.removeHandler(self)
        if not self._lines:
            return
        text = "\n".join(self._lines)
        told = {kind for kind, secret in self._secrets if secret in text}
        assert not told, f"{' and '.join(sorted(told))} stood in the log:\n{text}"
