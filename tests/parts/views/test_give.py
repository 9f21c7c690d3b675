"""To whom a lead gives a part."""

import pytest
from django.urls import reverse

from tests.factories import make_part, make_user


def _address(part) -> str:
    return reverse("parts:give", args=[part.pk])


def test_everybody_who_can_have_it_is_one_tap_away_with_what_they_have(
    lead_page, member, viewer
):
    part = make_part(name="Hub <1>", category="cnc", assigned="Guest")
    make_part(category="cnc", assigned="mara member", status="In Progress")
    make_part(category="hand", assigned="Tom", status="In Progress")
    make_part(category="completed", assigned="Retired")
    make_user("closed", name="Clo Sed", is_active=False)
    response = lead_page.get(_address(part), {"next": "/production/?lane=cnc"})
    people = response.context["people"]
    assert [(one["name"], one["load"]) for one in people] == [
        ("Lena Lead", 0),
        ("Mara Member", 1),
        ("Tom", 1),
    ]
    text = response.text
    assert 'name="assigned" value="Mara Member"' in text
    assert "Hub &lt;1&gt;" in text
    assert "Guest has it now" in text
    assert text.count('name="next" value="/production/?lane=cnc"') == 2


def test_without_a_page_to_go_back_to_it_is_the_board(lead_page):
    text = lead_page.get(_address(make_part(category="cnc"))).text
    assert 'name="next" value="/production/"' in text


def test_only_leads_give(member_page):
    assert member_page.get(_address(make_part(category="cnc"))).status_code == 403


@pytest.mark.django_db
def test_a_stranger_is_asked_to_sign_in(client):
    response = client.get(_address(make_part(category="cnc")))
    assert response["Location"].startswith(reverse("accounts:login"))


@pytest.mark.parametrize("category", ["review", "completed"])
def test_only_what_is_in_production_is_given(category, lead_page):
    assert lead_page.get(_address(make_part(category=category))).status_code == 404


def test_the_way_back_leads_to_no_other_site(lead_page):
    part = make_part(category="cnc")
    for evil in ("https://evil.example/", "javascript:alert(1)", "//evil.example"):
        response = lead_page.get(_address(part), {"next": evil})
        assert response.context["next"] == "/production/"


@pytest.mark.parametrize("rows", [1, 20])
def test_query_cost_is_flat(rows, lead_page, django_assert_num_queries):
    part = make_part(category="cnc")
    for number in range(rows):
        make_part(category="cnc", assigned=f"Guest {number}")
    with django_assert_num_queries(5):  # session, user, part, loads, people
        lead_page.get(_address(part))
