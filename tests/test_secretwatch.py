"""The reader of all logs finds what must not stand there."""

import logging
from collections.abc import Callable

import pytest

from accounts import keys, tokens
from accounts.sessions import SessionStore

from . import secretwatch
from .factories import make_user
from .secretwatch import SecretWatch

PASSWORD = "a horse on a staple"  # noqa: S105 - of a test


@pytest.fixture
def log():
    """A log that nobody else reads."""
    return logging.Logger("own")


@pytest.fixture
def watch(log, monkeypatch):
    """A reader of that log, which notes secrets as that of all tests does."""
    watch = SecretWatch(log)
    for owner, name in (
        (secretwatch.secrets, "token_urlsafe"),
        (secretwatch.SessionBase, "_get_new_session_key"),
        (secretwatch.AbstractBaseUser, "set_password"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    watch.note_all()
    return watch


def _read(watch: SecretWatch, tell: Callable[[], None]) -> None:
    with watch.reading():
        tell()


def _key() -> str:
    return keys.issue("Robot")[1].split("_", 2)[2]


def _session() -> str:
    session = SessionStore()
    session.create()
    return session.session_key


def _password() -> str:
    make_user(password=PASSWORD)
    return PASSWORD


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (_key, "a key or a link"),
        (tokens.new, "a key or a link"),
        (_session, "a session's id"),
        (_password, "a password"),
    ],
)
def test_a_secret_in_a_line_is_found(log, watch, make, kind):
    secret = make()
    with pytest.raises(AssertionError, match=f"^{kind} stood in the log"):
        _read(watch, lambda: log.warning("it was %s, they say", secret))


@pytest.mark.django_db
def test_a_secret_that_is_made_after_its_line_is_found(log, watch):
    def tell() -> None:
        log.warning("of a form: %s", {"password": PASSWORD})
        make_user(password=PASSWORD)

    with pytest.raises(AssertionError, match=r"^a password stood in the log"):
        _read(watch, tell)


def test_a_secret_in_a_traceback_is_found(log, watch):
    def tell() -> None:
        try:
            raise ValueError(tokens.new())
        except ValueError:
            log.exception("broke")

    with pytest.raises(AssertionError, match="ValueError: "):
        _read(watch, tell)


def test_a_secret_in_a_field_of_json_is_found(log, watch):
    fields = {"path": tokens.new()}
    with pytest.raises(AssertionError, match='"path": '):
        _read(watch, lambda: log.warning("request", extra={"fields": fields}))


@pytest.mark.django_db
def test_what_the_log_itself_blanks_out_is_none(log, watch):
    _key, text = keys.issue("Robot")
    link = f"/account/invited/?link={tokens.new()}"
    with watch.reading():
        log.warning("GET /api/parts/?api_key=%s and %s and %s", text, text, link)


def test_lines_of_another_test_are_not_read_again(log, watch):
    token = tokens.new()
    log.warning(token)
    with watch.reading():
        log.warning("nothing")
    log.warning(token)
    with watch.reading():
        pass
    assert log.handlers == []
