import re

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from accounts import keys
from accounts.models import ApiKey

pytestmark = pytest.mark.django_db


def test_the_output_is_the_key_and_nothing_else(capsys):
    call_command("create_api_key", "Robot")
    out, err = capsys.readouterr()
    assert re.fullmatch(r"pk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n", out)
    assert err == ""
    key = keys.find(out.strip())
    assert (key.name, key.scope, key.owner, key.expires_at) == (
        "Robot",
        "read",
        None,
        None,
    )


@pytest.mark.parametrize("scope", ["read", "write", "lead"])
@pytest.mark.parametrize("owner", ["lead", "LEAD"])
def test_a_key_has_the_scope_and_the_owner_that_are_asked_for(
    capsys, lead, scope, owner
):
    call_command("create_api_key", " Robot ", "--scope", scope, "--owner", owner)
    key = keys.find(capsys.readouterr().out.strip())
    assert (key.name, key.scope, key.owner) == ("Robot", scope, lead)


def test_two_keys_of_one_name_are_two_keys(capsys):
    call_command("create_api_key", "Robot")
    call_command("create_api_key", "Robot")
    assert len(set(capsys.readouterr().out.split())) == 2
    assert ApiKey.objects.count() == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Robot", "--owner", "nobody"], "There is no user “nobody”."),
        ([""], "NAME must have 1 to 100 characters."),
        (["  "], "NAME must have 1 to 100 characters."),
        (["x" * 101], "NAME must have 1 to 100 characters."),
        (["Robot", "--scope", "all"], "argument --scope: invalid choice: 'all'"),
        ([], "the following arguments are required: name"),
    ],
)
def test_a_wrong_call_makes_no_key(capsys, arguments, message):
    with pytest.raises(CommandError, match=re.escape(message)):
        call_command("create_api_key", *arguments)
    assert capsys.readouterr().out == ""
    assert not ApiKey.objects.exists()


def test_a_database_without_tables_is_told_in_a_sentence(monkeypatch):
    def broken(*args, **kwargs):
        raise OperationalError("no such table: accounts_apikey")

    monkeypatch.setattr("accounts.keys.issue", broken)
    with pytest.raises(CommandError, match="Start the site once"):
        call_command("create_api_key", "Robot")
