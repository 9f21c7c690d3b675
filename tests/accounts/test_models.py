from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Role, Scope, User
from tests.factories import make_key, make_user

pytestmark = pytest.mark.django_db

GOOD = "correct horse battery"


# --- Rights of people --------------------------------------------------------


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize(
    ("role", "can_work", "can_lead"),
    [
        (Role.VIEWER, False, False),
        (Role.MEMBER, True, False),
        (Role.LEAD, True, True),
    ],
)
def test_the_role_of_an_active_account_gives_its_rights(
    role, can_work, can_lead, active
):
    user = make_user(role=role, is_active=active)
    assert user.can_work is (can_work and active)
    assert user.can_lead is (can_lead and active)
    for right in (
        user.is_staff,
        user.is_superuser,
        user.has_perm("parts.change_part"),
        user.has_perms(["parts.change_part", "parts.delete_part"]),
        user.has_module_perms("parts"),
    ):
        assert right is (can_lead and active)


def test_an_unknown_role_is_refused_by_the_database():
    with pytest.raises(IntegrityError, match="user_role_known"):
        make_user(role="boss")


@pytest.mark.parametrize(
    ("field", "constraint"),
    [
        ("theme", "user_theme_known"),
        ("units", "user_units_known"),
        ("default_lane", "user_lane_known"),
    ],
)
def test_an_unknown_preference_is_refused_by_the_database(field, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        make_user(**{field: "x"})


# --- Names -------------------------------------------------------------------


def test_the_case_of_a_user_name_does_not_matter_when_signing_in():
    user = make_user("Sam", password=GOOD)
    for typed in ("Sam", "sam", "SAM"):
        assert authenticate(username=typed, password=GOOD) == user
    assert authenticate(username="sam", password=GOOD.upper()) is None


def test_an_inactive_account_cannot_sign_in():
    make_user("sam", password=GOOD, is_active=False)
    assert authenticate(username="sam", password=GOOD) is None


def test_an_account_without_a_password_cannot_sign_in():
    user = make_user("sam")
    assert user.has_usable_password() is False
    for password in ("", None):
        assert authenticate(username="sam", password=password) is None


@pytest.mark.parametrize(
    ("fields", "constraint", "message"),
    [
        (
            {"username": "SAM", "name": "Other"},
            "user_username_unique",
            "This user name is taken.",
        ),
        (
            {"username": "other", "name": "sam SHAW"},
            "user_name_unique",
            "Somebody else has this display name.",
        ),
    ],
)
def test_names_are_unique_whatever_their_case(fields, constraint, message):
    make_user("sam", name="Sam Shaw")
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make_user(**fields)
    with pytest.raises(ValidationError) as caught:
        User(**fields, password="!").full_clean()  # noqa: S106 - no password
    assert caught.value.message_dict == {"__all__": [message]}


def test_a_display_name_is_the_user_name_when_none_is_given():
    assert make_user("sam").name == "sam"
    user = User(username="kim", name="  ", password="!")  # noqa: S106 - none
    user.full_clean()
    assert user.name == "kim"


def test_a_display_name_is_cleaned_of_blanks():
    user = User(username="sam", name="  Sam \t Shaw ", password="!")  # noqa: S106
    user.full_clean()
    assert user.name == "Sam Shaw"
    assert (str(user), user.worker_name) == ("Sam Shaw", "Sam Shaw")
    assert (user.get_full_name(), user.get_short_name()) == ("Sam Shaw", "Sam Shaw")


@pytest.mark.parametrize("username", ["a b", "", "x" * 101, "sam/shaw", "<sam>"])
def test_a_user_name_that_cannot_be_typed_is_refused(username):
    with pytest.raises(ValidationError) as caught:
        User(username=username, name="Sam", password="!").full_clean()  # noqa: S106
    assert list(caught.value.message_dict) == ["username"]


def test_people_who_may_have_a_part():
    make_user("lead", name="Zoe", role=Role.LEAD)
    make_user("member", name="Ann")
    make_user("viewer", role=Role.VIEWER)
    make_user("gone", is_active=False)
    assert [user.name for user in User.objects.workers()] == ["Ann", "Zoe"]


# --- The first lead ----------------------------------------------------------


def test_createsuperuser_makes_a_lead(monkeypatch, capsys):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", GOOD)
    call_command("createsuperuser", interactive=False, username="boss")
    user = User.objects.get()
    assert (user.username, user.name, user.role) == ("boss", "boss", "lead")
    assert user.can_lead is True
    assert authenticate(username="boss", password=GOOD) == user
    assert capsys.readouterr().out == "Superuser created successfully.\n"


def test_createsuperuser_refuses_a_taken_name(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", GOOD)
    make_user("boss")
    with pytest.raises(CommandError, match="That user name is already taken"):
        call_command("createsuperuser", interactive=False, username="boss")
    assert User.objects.get().role == "member"


def test_createsuperuser_refuses_a_name_that_differs_in_case_only(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", GOOD)
    make_user("boss")
    with pytest.raises(CommandError, match="That user name is already taken"):
        call_command("createsuperuser", interactive=False, username="BOSS")


def test_create_superuser_cannot_be_talked_into_less():
    assert User.objects.create_superuser("boss", role=Role.VIEWER).role == "lead"


# --- Rights of keys ----------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "owner", "rights"),
    [
        # scope, role of the owner (None: nobody, "closed": a closed lead),
        # then can_work, can_lead, can_wipe
        ("read", None, (False, False, False)),
        ("read", "viewer", (False, False, False)),
        ("read", "member", (False, False, False)),
        ("read", "lead", (False, False, False)),
        ("read", "closed", (False, False, False)),
        ("write", None, (True, True, False)),
        ("write", "viewer", (False, False, False)),
        ("write", "member", (True, False, False)),
        ("write", "lead", (True, True, False)),
        ("write", "closed", (False, False, False)),
        ("lead", None, (True, True, True)),
        ("lead", "viewer", (False, False, False)),
        ("lead", "member", (True, False, False)),
        ("lead", "lead", (True, True, True)),
        ("lead", "closed", (False, False, False)),
    ],
)
def test_a_key_never_may_more_than_its_scope_and_its_owner(scope, owner, rights):
    person = None
    if owner:
        role = "lead" if owner == "closed" else owner
        person = make_user(role=role, is_active=owner != "closed")
    key, _ = make_key(scope=scope, owner=person)
    assert (key.can_work, key.can_lead, key.can_wipe) == rights
    assert key.is_authenticated is True


def test_a_key_claims_under_the_name_of_its_owner(member):
    assert make_key(owner=member, name="Robot")[0].worker_name == "Mara Member"
    assert make_key(name="Robot")[0].worker_name == "Robot"


def test_usable_keys_are_neither_revoked_nor_expired_nor_of_closed_accounts(member):
    now = timezone.now()
    good, _ = make_key(name="good", owner=member)
    later, _ = keys.issue("later", expires_at=now + timedelta(hours=1))
    revoked, _ = make_key(name="revoked")
    keys.revoke(revoked)
    keys.issue("expired", expires_at=now - timedelta(seconds=1))
    make_key(name="closed", owner=make_user(is_active=False))
    assert set(ApiKey.objects.usable()) == {good, later}


def test_an_unknown_scope_is_refused_by_the_database():
    with pytest.raises(IntegrityError, match="apikey_scope_known"):
        make_key(scope="all")


def test_keys_are_listed_with_the_revoked_last():
    first, _ = make_key(name="first")
    second, _ = make_key(name="second")
    third, _ = make_key(name="third")
    keys.revoke(third)
    assert [key.name for key in ApiKey.objects.all()] == ["second", "first", "third"]
    assert str(first) == f"first ({first.prefix}…)"


def test_a_key_goes_with_its_owner(member):
    make_key(owner=member, scope=Scope.READ)
    member.delete()
    assert not ApiKey.objects.exists()


def test_an_account_is_got_by_its_number(django_assert_num_queries):
    user, other = make_user(name="Ada"), make_user(name="Bo")
    with django_assert_num_queries(2):
        assert vars(User.objects.get(pk=user.pk))["name"] == "Ada"
        assert User.objects.get(pk=other.pk) == other
    assert User.objects.get(pk=str(user.pk)) == user
    gone = other.pk
    other.delete()
    with pytest.raises(User.DoesNotExist):
        User.objects.get(pk=gone)
