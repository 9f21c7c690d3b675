"""The own account, and everybody's for leads, with what they hold."""

import re

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from accounts.models import Role, User
from parts import workflow
from parts.models import Part
from tests.factories import make_key, make_part, make_user

PROFILE = "/account/"
PEOPLE = "/account/people/"


def _told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def _wishes(**fields) -> dict[str, str]:
    return {
        "name": "Mara Member",
        "theme": "auto",
        "density": "comfortable",
        "units": "mm",
        "default_lane": "",
        "time_zone": "",
        **fields,
    }


def _row(page, user: User) -> str:
    """Return a person's words, without markup and blanks between."""
    row = re.search(rf'id="person-{user.pk}".*?</li>', page.text, re.S)[0]
    return " ".join(re.sub(r"<[^>]+>", " ", row.partition(">")[2]).split())


def _names(page) -> list[str]:
    return re.findall(r'class="person__name">([^<]*?) ?<', page.text)


# --- The own account ----------------------------------------------------------


def test_wishes_are_kept_and_shown(member_page, member):
    response = member_page.post(
        PROFILE,
        _wishes(
            theme="dark",
            density="compact",
            units="in",
            default_lane="cnc",
            time_zone="America/New_York",
        ),
    )
    assert response["Location"] == PROFILE
    assert _told(response) == ["Saved."]
    member.refresh_from_db()
    assert (member.theme, member.units, member.default_lane, member.time_zone) == (
        *("dark", "in", "cnc"),
        "America/New_York",
    )
    page = member_page.get(PROFILE)
    assert 'data-theme="dark" data-density="compact"' in page.text
    checked = re.findall(r'value="(\w*)"[^>]*\schecked', page.text)
    assert checked == ["dark", "compact", "in", "cnc"]
    assert '<option value="America/New_York" selected>New York</option>' in page.text


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": "  "}, "name"),
        ({"name": "lena lead"}, "name"),
        ({"theme": "pink"}, "theme"),
        ({"density": ""}, "density"),
        ({"units": "ft"}, "units"),
        ({"default_lane": "laser"}, "default_lane"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_saved(
    member_page, member, lead, fields, wrong
):
    response = member_page.post(PROFILE, _wishes(units="in") | fields)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [wrong]
    assert "M</span>" in response.text
    member.refresh_from_db()
    assert (member.name, member.units) == ("Mara Member", "mm")


def test_what_one_holds_has_the_new_name(member_page, member, lead):
    held = [make_part(category=lane) for lane in ("cnc", "hand")]
    for part in held:
        workflow.assign(part, worker=member.name, actor=member)
    others = make_part(category="cnc")
    workflow.assign(others, worker=lead.name, actor=lead)
    done = make_part(category="completed", assigned=member.name)
    claimed = held[0].claimed_date
    response = member_page.post(PROFILE, _wishes(name="Mara Novak"))
    assert _told(response) == ["Saved. 2 parts that you hold have your new name."]
    names = Part.objects.order_by("pk").values_list("assigned", flat=True)
    assert list(names) == ["Mara Novak", "Mara Novak", lead.name, "Mara Member"]
    part = Part.objects.get(pk=held[0].pk)
    assert (part.status, part.claimed_date) == ("In Progress", claimed)
    event = part.events.first()
    assert event.changes == {"assigned": ["Mara Member", "Mara Novak"]}
    assert event.actor == member
    assert done.events.count() == 0


def test_a_zone_that_is_no_city_is_still_offered_to_who_has_it(member_page, member):
    User.objects.filter(pk=member.pk).update(time_zone="EST")
    assert '<option value="EST" selected>' in member_page.get(PROFILE).text


@pytest.mark.parametrize("rows", [1, 30])
def test_the_account_costs_the_same_for_any_number(
    member_page, member, rows, django_assert_num_queries
):
    for _ in range(rows):
        Client().force_login(member)
        make_key(owner=member)
    with django_assert_num_queries(4):  # session, user, sessions, keys
        page = member_page.get(PROFILE)
    assert page.text.count('<li class="device"') == min(rows + 1, 20)


def test_viewers_have_an_account_and_strangers_none(viewer_page):
    assert viewer_page.get(PROFILE).status_code == 200
    assert viewer_page.put(PROFILE).status_code == 405
    viewer_page.logout()
    for ask in (viewer_page.get, viewer_page.post):
        assert ask(PROFILE)["Location"] == f"/account/login/?next={PROFILE}"


# --- Everybody's --------------------------------------------------------------


def test_leads_see_everybody_and_what_they_hold(lead_page, lead, member):
    for _ in range(2):
        part = make_part(category="cnc")
        workflow.assign(part, worker=member.name, actor=member)
    make_part(category="completed", assigned=member.name)
    make_key(owner=member)
    seen = timezone.now()
    User.objects.filter(pk=member.pk).update(last_seen_at=seen)
    old = make_user("old", name="Old Hand", is_active=False)
    page = lead_page.get(PEOPLE)
    assert _names(page) == ["Lena Lead", "Mara Member", "Old Hand"]
    row = _row(page, member)
    assert "Role Member Seen just now Holds 2 parts Keys 1" in row
    assert 'href="/production/?assigned=Mara%20Member"' in page.text
    assert "Role Closed Seen never Holds nothing Keys 0" in _row(page, old)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=mara", ["Mara Member"]),
        ("search=lena+LEAD", ["Lena Lead"]),
        ("search=%00", ["Lena Lead", "Mara Member", "Old Hand"]),
        ("search=nobody", []),
        ("role=lead", ["Lena Lead"]),
        ("state=closed", ["Old Hand"]),
        ("state=active&role=member", ["Mara Member"]),
        ("role=boss&state=x&page=99", ["Lena Lead", "Mara Member", "Old Hand"]),
    ],
)
def test_people_are_found(lead_page, lead, member, query, found):
    make_user("old", name="Old Hand", is_active=False)
    assert _names(lead_page.get(f"{PEOPLE}?{query}")) == found


@pytest.mark.parametrize("rows", [1, 120])
def test_the_list_costs_the_same_for_any_number(
    lead_page, lead, rows, django_assert_num_queries
):
    User.objects.bulk_create(
        User(username=f"u{n}", name=f"User {n:03}") for n in range(rows)
    )
    with django_assert_num_queries(5):  # session, user, count, people, what they hold
        page = lead_page.get(PEOPLE)
    assert len(_names(page)) == min(rows + 1, 50)
    assert (f"Page 1 of {-(-(rows + 1) // 50)}" in page.text) is (rows > 49)


def test_a_role_is_changed_with_one_button(lead_page, lead, member):
    data = {"role": "viewer", "query": "search=m"}
    response = lead_page.post(f"{PEOPLE}{member.pk}/role/", data)
    assert response["Location"] == f"{PEOPLE}?search=m#person-{member.pk}"
    assert _told(response) == ["Mara Member is now a viewer."]
    assert User.objects.get(pk=member.pk).role == Role.VIEWER


@pytest.mark.parametrize("deed", ["role", "close"])
def test_the_last_lead_stays(lead_page, lead, deed):
    response = lead_page.post(f"{PEOPLE}{lead.pk}/{deed}/", {"role": "member"})
    assert _told(response)[0].startswith("Lena Lead is the only active lead.")
    lead.refresh_from_db()
    assert (lead.role, lead.is_active) == ("lead", True)


@pytest.mark.parametrize("lets_go", [True, False])
def test_closing_asks_and_lets_go_of_what_is_held(lead_page, member, lets_go):
    part = make_part(name="Hub", category="cnc")
    workflow.assign(part, worker=member.name, actor=member)
    address = f"{PEOPLE}{member.pk}/close/"
    page = lead_page.get(address)
    assert "Mara Member holds 1 part:" in page.text
    assert "Hub" in page.text
    member.refresh_from_db()
    assert member.is_active
    response = lead_page.post(address, {"let_go": "1"} if lets_go else {})
    said = "Mara Member’s account is closed."
    assert _told(response) == [f"{said} 1 part is free again." if lets_go else said]
    member.refresh_from_db()
    part.refresh_from_db()
    assert member.is_active is False
    assert part.assigned == ("" if lets_go else "Mara Member")
    assert part.status == ("Already Started" if lets_go else "In Progress")


def test_a_refusal_leaves_what_is_held(lead_page, lead):
    part = make_part(category="cnc")
    workflow.assign(part, worker=lead.name, actor=lead)
    lead_page.post(f"{PEOPLE}{lead.pk}/close/", {"let_go": "1"})
    part.refresh_from_db()
    assert part.assigned == lead.name


def test_an_account_is_opened_again(lead_page):
    old = make_user("old", name="Old Hand", is_active=False)
    response = lead_page.post(f"{PEOPLE}{old.pk}/open/")
    assert _told(response) == ["Old Hand can sign in again."]
    old.refresh_from_db()
    assert old.is_active


@pytest.mark.parametrize("who", ["member", "viewer"])
def test_only_leads_manage_people(who, client, request, lead):
    client.force_login(request.getfixturevalue(who))
    assert client.get(PEOPLE).status_code == 403
    for deed in ("role", "close", "open"):
        answer = client.post(f"{PEOPLE}{lead.pk}/{deed}/", {"role": "member"})
        assert answer.status_code == 403
    assert User.objects.get(pk=lead.pk).can_lead


def test_strangers_wrong_methods_and_nobody(lead_page):
    for deed in ("role", "close", "open"):
        assert lead_page.post(f"{PEOPLE}0/{deed}/").status_code == 404
    for deed in ("role", "open"):
        assert lead_page.get(f"{PEOPLE}1/{deed}/").status_code == 405
    lead_page.logout()
    assert lead_page.get(PEOPLE)["Location"].startswith("/account/login/")
