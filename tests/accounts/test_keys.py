"""Keys: shown once, stored hashed, found again, noted, ended."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Scope
from tests.factories import make_key

pytestmark = pytest.mark.django_db


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


def test_a_key_outlives_a_change_of_the_secret_key(settings):
    key, text = make_key()
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
