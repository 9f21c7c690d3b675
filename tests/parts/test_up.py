"""What the start says of a site without people; test_launch.py starts one."""

import re

import pytest
from django.db import connection

from accounts import invitations
from parts import kept
from parts.management.commands import up

pytestmark = pytest.mark.django_db


def test_on_this_machine_the_first_lead_has_a_page(settings):
    settings.FIRST_LEAD_HERE = True
    words = up._first_lead()
    assert "  http://127.0.0.1:8000/account/first/\n" in words
    assert "manage.py createsuperuser" in words


def test_in_a_network_the_first_lead_has_a_secret_link(settings):
    first, second = up._first_lead(), up._first_lead()
    links = [
        re.search(r"http://127\.0\.0\.1:8000/account/invited/\?link=(\S+)", words)[1]
        for words in (first, second)
    ]
    states = [invitations.find(link).state for link in links]
    assert states == ["revoked", "open"]


@pytest.mark.django_db(transaction=True)
def test_what_an_older_release_kept_is_made_anew_before_the_site_runs(monkeypatch):
    """Such a release may have had the same migrations, so none is to be done."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE parts_kept SET made_of = 'older'")
    assert not kept.is_whole(connection)
    up._migrate()
    assert kept.is_whole(connection)
    asked = []
    monkeypatch.setattr(up, "call_command", lambda *args, **kwargs: asked.append(args))
    up._migrate()
    assert not asked  # the second time there is nothing to do
