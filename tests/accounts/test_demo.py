import re
import stat

import pytest
from django.core.management import call_command

from accounts import demo, keys
from accounts.models import User

pytestmark = pytest.mark.django_db


def test_a_lead_and_two_members_can_sign_in_with_what_is_printed(tmp_path, client):
    call_command("loaddata", "demo", verbosity=0)
    path = tmp_path / "demo-signin.txt"
    text = demo.open_accounts(path)
    assert path.read_text() == text + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    people = re.findall(r"^  (Lead|Member) +(\w+) +(\S+)$", text, re.M)
    assert [role for role, _, _ in people] == ["Lead", "Member", "Member"]
    for _, username, password in people:
        assert client.login(username=username, password=password)
    key = keys.find(re.search(r"pk_\S+", text).group())
    assert (key.scope, key.owner.username) == ("lead", people[0][1])


def test_nobody_else_of_the_demo_can_sign_in(tmp_path):
    call_command("loaddata", "demo", verbosity=0)
    demo.open_accounts(tmp_path / "demo-signin.txt")
    closed = [user for user in User.objects.all() if not user.has_usable_password()]
    assert len(closed) == User.objects.count() - 3


def test_passwords_differ_at_every_start(tmp_path):
    call_command("loaddata", "demo", verbosity=0)
    path = tmp_path / "demo-signin.txt"
    assert demo.open_accounts(path) != demo.open_accounts(path)
