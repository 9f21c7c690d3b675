"""Roles and closed accounts, and that there is always a lead."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from accounts import people
from accounts.models import Role, User
from accounts.people import PeopleError
from tests.factories import make_user

ONLY = "Lena Lead is the only active lead."


def test_a_role_is_given(member, lead):
    assert people.set_role(member, Role.LEAD).can_lead
    assert people.set_role(lead, Role.VIEWER).role == Role.VIEWER
    assert User.objects.get(pk=lead.pk).role == Role.VIEWER


def test_an_unknown_role_is_refused(member):
    with pytest.raises(PeopleError, match="no such role"):
        people.set_role(member, "boss")
    assert User.objects.get().role == Role.MEMBER


def test_closing_ends_the_sessions_and_opening_brings_none_back(member, lead):
    browser = Client()
    browser.force_login(member)
    people.deactivate(member)
    assert User.objects.get(pk=member.pk).is_active is False
    assert member.sessions.count() == 0
    assert browser.get("/review/").status_code == 302
    people.activate(member)
    assert User.objects.get(pk=member.pk).is_active is True
    assert browser.get("/review/").status_code == 302


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_the_last_lead_keeps_the_role(lead, role):
    make_user(role=Role.LEAD, is_active=False)
    with pytest.raises(PeopleError, match=ONLY):
        people.set_role(lead, role)
    assert User.objects.get(pk=lead.pk).role == Role.LEAD


def test_the_last_lead_is_not_closed(lead, member):
    Client().force_login(lead)
    with pytest.raises(PeopleError, match=ONLY):
        people.deactivate(lead)
    assert User.objects.get(pk=lead.pk).is_active is True
    assert lead.sessions.count() == 1


def test_a_site_without_a_lead_can_get_one(member):
    assert people.set_role(member, Role.LEAD).can_lead


@pytest.mark.django_db(transaction=True)
def test_of_leads_who_demote_each_other_one_is_left():
    leads = [make_user(role=Role.LEAD) for _ in range(4)]

    def demote(user: User) -> bool:
        try:
            people.set_role(user, Role.MEMBER)
        except PeopleError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(demote, leads))
    assert sorted(done) == [False, True, True, True]
    assert User.objects.filter(role=Role.LEAD).count() == 1
