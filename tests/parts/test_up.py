"""What the start says of a site without people; test_launch.py starts one."""

import re

import pytest

from accounts import invitations
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
