"""Keys: shown once, stored hashed, found again, noted, ended."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, KeyState, Scope
from tests.factories import make_key, make_part, make_user

pytestmark = pytest.mark.django_db
only_sqlite = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL is asked each time."
)


def test_a_key_is_stored_as_a_digest_and_a_public_prefix_only():
    key, text = keys.issue("Robot", scope=Scope.WRITE)
    assert text.startswith(f"pk_{key.prefix}_")
    secret = text.removeprefix(f"pk_{key.prefix}_")
    assert len(secret) == 43
    row = ApiKey.objects.values().get()
    assert not any(secret in str(value) for value in row.values())
    assert len(row["digest"]) == 64


def test_find_returns_the_key_with_its_owner(member, django_assert_num_queries):
    key, text = make_key(owner=member)
    keys.find(text)
    with django_assert_num_queries(1):
        found = keys.find(text)
        assert (found, found.owner) == (key, member)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: "pk",
        lambda text: "pk__",
        lambda text: text[:-1],
        lambda text: text + "x",
        lambda text: text.upper(),
        lambda text: "sk" + text[2:],
        lambda text: text[:16],
        lambda text: text[:16] + "é",
        lambda text: text[:16] + "\ud800",
        lambda text: "pk_\x00" + text[4:],
        lambda text: "x" * 100_000,
    ],
)
def test_find_knows_no_key_that_is_not_exactly_right(spoil):
    _, text = make_key()
    assert keys.find(spoil(text)) is None


def test_find_takes_no_key_that_is_revoked_expired_or_of_a_closed_account(member):
    revoked, revoked_text = make_key()
    keys.revoke(revoked)
    past = timezone.now() - timedelta(seconds=1)
    _, expired_text = keys.issue("Old", expires_at=past)
    _, closed_text = make_key(owner=member)
    member.is_active = False
    member.save()
    assert [keys.find(t) for t in (revoked_text, expired_text, closed_text)] == [
        None,
        None,
        None,
    ]
    future = timezone.now() + timedelta(minutes=1)
    key, text = keys.issue("New", expires_at=future)
    assert keys.find(text) == key


def test_use_is_noted_at_most_once_a_minute(django_assert_num_queries):
    key, text = make_key()
    with django_assert_num_queries(2):
        keys.find(text)
    key.refresh_from_db()
    first = key.last_used_at
    with django_assert_num_queries(1):
        keys.find(text)
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    with django_assert_num_queries(2):
        keys.find(text)


def test_a_key_outlives_a_change_of_the_secret_key(settings, monkeypatch):
    monkeypatch.setattr(keys, "_shown", {})
    key, text = make_key()
    assert keys.find(text) == key
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another"  # noqa: S105 - guards nothing
    assert keys.find(text) == key
    settings.SECRET_KEY_FALLBACKS = []
    assert keys.find(text) is None


def test_revoke_ends_a_key_and_keeps_it_listed():
    key, text = make_key()
    keys.revoke(key)
    first = key.revoked_at
    keys.revoke(key)
    assert key.revoked_at == first
    assert ApiKey.objects.get() == key


def test_a_text_that_was_shown_to_be_right_proves_no_other():
    _, text = make_key()
    _, other = make_key()
    for _ in range(2):
        assert keys.find(text)
        assert keys.find(text[:-1] + chr(ord(text[-1]) ^ 1)) is None
        assert keys.find(text[:16] + other[16:]) is None
        assert keys.find(other)
    assert not any(text in str(kept) for kept in keys._shown.items())


def test_what_was_shown_to_be_right_is_shown_by_a_shorter_way(monkeypatch):
    _, text = make_key()
    assert keys.find(text)
    monkeypatch.delattr(keys, "_digest")
    assert keys.find(text)


def test_no_more_keys_are_known_than_some(monkeypatch):
    monkeypatch.setattr(keys, "_shown", {})
    monkeypatch.setattr(keys, "_MOST_SHOWN", 2)
    texts = [make_key()[1] for _ in range(5)]
    for text in texts * 2:
        assert keys.find(text)
        assert len(keys._shown) <= 2


# --- Read once ----------------------------------------------------------------

ENDS = {
    "revoked": "UPDATE accounts_apikey SET revoked_at = '2026-01-01 00:00:00'",
    "over": "UPDATE accounts_apikey SET expires_at = '2026-01-01 00:00:00'",
    "gone": "DELETE FROM accounts_apikey",
    "of nobody": "UPDATE accounts_user SET is_active = false",
    "another secret": "UPDATE accounts_apikey SET digest = 'x'",
}


def _by_another_program(sql: str) -> None:
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as other:
        other.execute(sql)
        other.commit()


def _here(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _ends(text: str) -> None:
    assert keys.find(text) is None
    assert keys.find_to_read(text) is None


@pytest.fixture
def used(transactional_db, member) -> str:
    """Return a key that has been found, so that nothing of its use is to be noted."""
    text = make_key(owner=member)[1]
    for _ in range(2):
        assert keys.find(text)
    return text


@only_sqlite
def test_a_key_is_not_read_again_before_somebody_writes_of_keys(
    used, django_assert_num_queries
):
    other = make_key()[1]
    for text in (used, other) * 2:
        keys.find(text)
    first, shown = keys.find_to_read(used)
    with django_assert_num_queries(0):
        assert keys.find_to_read(used) == (first, shown)
        assert keys.find(other) != keys.find(used)
        assert keys.find(used[:-1] + "!") is None
    make_part()
    with django_assert_num_queries(1):  # whether anything of keys is written
        key, now = keys.find_to_read(used)
    assert key is first
    assert (now.around, now.lists != shown.lists) == (shown.around, True)
    make_key()
    with django_assert_num_queries(2):
        key, now = keys.find_to_read(used)
    assert (key, now.lists) == (first, keys.find_to_read(used)[1].lists)
    assert now.around != shown.around


@only_sqlite
@pytest.mark.parametrize("write", [_by_another_program, _here])
@pytest.mark.parametrize("end", ENDS)
def test_a_key_is_at_its_end_as_soon_as_it_is_written(used, end, write):
    write(ENDS[end])
    _ends(used)


@only_sqlite
@pytest.mark.parametrize("write", [_by_another_program, _here])
def test_what_a_role_may_do_is_known_as_soon_as_it_is_written(used, write):
    assert not keys.find_to_read(used)[0].can_lead
    write("UPDATE accounts_apikey SET scope = 'lead'")
    write("UPDATE accounts_user SET role = 'lead'")
    assert keys.find_to_read(used)[0].can_lead
    assert keys.find(used).can_lead


@only_sqlite
def test_a_use_is_noted_once_a_minute_of_a_key_that_is_remembered(used, monkeypatch):
    keys.find_to_read(used)
    later = timezone.now() + timedelta(minutes=2)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    for _ in range(2):
        keys.find_to_read(used)
    assert ApiKey.objects.get().last_used_at == later
    with CaptureQueriesContext(connection) as queries:
        keys.find_to_read(used)
    assert not [query for query in queries if "UPDATE" in query["sql"]]


@only_sqlite
def test_in_a_transaction_a_key_is_read_each_time(used, django_assert_num_queries):
    with transaction.atomic():
        _here(ENDS["revoked"])
        with django_assert_num_queries(2):
            _ends(used)
        transaction.set_rollback(True)
    assert keys.find(used)


@only_sqlite
def test_a_key_is_read_again_on_another_connection(used):
    for _ in range(2):  # so that both have seen the same number of changes
        connection.close()
        assert [keys.find(used) for _ in range(2)]
    connection.close()
    _by_another_program(ENDS["revoked"])
    _ends(used)


# --- One's own ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "active", "scopes"),
    [
        ("viewer", True, ["read"]),
        ("member", True, ["read", "write"]),
        ("lead", True, ["read", "write", "lead"]),
        ("lead", False, ["read"]),
    ],
)
def test_a_key_of_ones_own_may_no_more_than_its_owner(role, active, scopes):
    owner = make_user(role=role, is_active=active)
    assert keys.scopes_of(owner) == scopes
    for scope in set(Scope.values) - set(scopes):
        with pytest.raises(keys.KeyRefused) as refused:
            keys.issue_own("x", scope=scope, owner=owner, expires_at=None)
        assert str(refused.value) == (
            f"Your account is that of a {role}; its keys may not do this."
        )
    assert ApiKey.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_who_make_the_last_keys_no_more_are_made():
    owner = make_user()
    for _ in range(keys.MOST_USABLE - 2):
        make_key(owner=owner)

    def make(number: int) -> bool:
        try:
            keys.issue_own(f"{number}", scope="read", owner=owner, expires_at=None)
        except keys.KeyRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(make, range(8)))
    assert made.count(True) == 2
    assert owner.api_keys.usable().count() == keys.MOST_USABLE


# --- As it is listed ----------------------------------------------------------


def test_the_state_of_a_key_agrees_with_whether_it_is_usable(member):
    closed_owner = make_user(is_active=False)
    now = timezone.now()
    made = {
        KeyState.USABLE: make_key(owner=member)[0],
        KeyState.EXPIRED: keys.issue("x", expires_at=now)[0],
        KeyState.REVOKED: make_key()[0],
        KeyState.CLOSED: make_key(owner=closed_owner)[0],
    }
    keys.revoke(made[KeyState.REVOKED])
    assert {state: key.state for state, key in made.items()} == {
        state: state for state in made
    }
    assert [*ApiKey.objects.usable()] == [made[KeyState.USABLE]]
    assert ApiKey.objects.usable_first().first() == made[KeyState.USABLE]


@pytest.mark.parametrize(
    ("days", "soon"), [(None, False), (-1, False), (1, True), (13, True), (15, False)]
)
def test_a_key_that_ends_within_two_weeks_ends_soon(days, soon):
    at = None if days is None else timezone.now() + timedelta(days=days)
    key, _ = keys.issue("x", expires_at=at)
    assert key.expires_soon is soon
    keys.revoke(key)
    assert key.expires_soon is False
