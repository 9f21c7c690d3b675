"""Home: what waits for whom, and what is stuck."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Lane
from parts import workflow
from parts.models import Part, PartFile, Season
from parts.templatetags import drawn
from parts.views import home
from tests.factories import make_converted, make_file, make_part, make_user

HOME = reverse("parts:home")


def ago(**span) -> timezone.datetime:
    return timezone.now() - timedelta(**span)


def shown(response) -> dict[str, list[str]]:
    """The names of the parts in each section that stands on the page."""
    return {
        section.key: [row.part.name for row in section.rows]
        for group in response.context["groups"]
        for section in group
    }


def told(response, key: str) -> list[tuple[list[str], str]]:
    """Of each row of a section: why it is there, and its button."""
    (section,) = (s for s in response.context["gauges"] if s.key == key)
    return [
        (
            [mark.word for mark in row.why],
            str(getattr(row.step or row.link, "label", "")),
        )
        for row in section.rows
    ]


def on_cards(board) -> list[str]:
    return re.findall(r'part-card__link" href="[^"]+">([^<]+)<', board.text)


def hold(part: Part, person: str, **changes) -> Part:
    taken = {"assigned": person, "status": "In Progress", "claimed_date": ago(days=1)}
    Part.objects.filter(pk=part.pk).update(**{**taken, **changes})
    return part


# --- For everybody ------------------------------------------------------------


def test_an_empty_shop_says_what_to_do(member_page, viewer, client):
    text = member_page.get(HOME).text
    assert "Nothing waits for anybody" in text
    assert 'class="gauges"' not in text
    assert f'href="{reverse("parts:create")}">' in text.split('class="empty"')[1]
    client.force_login(viewer)
    text = client.get(HOME).text
    assert "Nothing waits for anybody" in text
    assert reverse("parts:create") not in text


def test_the_gauges_count_all_and_lead_to_their_sections(lead_page, monkeypatch):
    monkeypatch.setattr(home, "ROWS", 2)
    for _ in range(3):
        make_part()
    response = lead_page.get(HOME)
    gauges = {s.key: s.total for s in response.context["gauges"]}
    assert gauges == {
        "mine": 0,
        "sent-back": 0,
        "review": 3,
        "overdue": 0,
        "held": 0,
        "not-converted": 0,
        "blocked": 0,
        "ready": 0,
    }
    assert '<a class="gauge__link" href="#review">' in response.text
    assert 'href="#overdue"' not in response.text
    assert '<a class="work__all" href="/review/">Show all 3</a>' in response.text


def test_archived_seasons_and_the_trash_are_left_out(lead_page):
    old = Season.objects.create(name="2025", archived=True)
    make_part(name="Old", season=old)
    workflow.trash(make_part(name="Gone"), actor=None)
    make_part(name="New", season=Season.objects.create(name="2026"))
    assert shown(lead_page.get(HOME))["review"] == ["New"]


def test_a_part_that_stands_twice_has_its_id_once(lead_page):
    part = make_part(category="cnc", due_date="2020-01-01", blocked_reason="No bar.")
    text = lead_page.get(HOME).text
    assert text.count(f'href="{part.get_absolute_url()}"') == 2
    assert text.count(f'id="part-{part.pk}"') == 1


# --- Who makes parts ----------------------------------------------------------


def test_what_i_hold_stands_oldest_first_but_newer_files_before(member_page, member):
    for name, days in (("A", 1), ("B", 3), ("C", 2)):
        hold(
            make_part(name=name, category="cnc"),
            member.name,
            claimed_date=ago(days=days),
        )
    newer = make_part(name="N", category="hand")
    make_file(newer)
    workflow.assign(newer, worker=member.name, actor=member)
    make_file(newer)
    hold(make_part(name="Other", category="cnc"), "Sam")
    response = member_page.get(HOME)
    assert shown(response)["mine"] == ["N", "B", "C", "A"]
    assert told(response, "mine")[0] == (
        ["New file since you took it"],
        "Accept the new file",
    )
    assert told(response, "mine")[1] == ([], "Done")


def test_a_blocked_part_in_my_hands_says_why(member_page, member):
    hold(make_part(category="cnc", blocked_reason="No bar."), member.name)
    assert told(member_page.get(HOME), "mine") == [(["No bar."], "Done")]


def test_what_was_sent_back_to_me_says_why(member_page, member, lead):
    mine = workflow.create(actor=member, name="Mine", subsystem="Arm")
    make_part(name="Other's", blocked_reason="Too thin.")
    workflow.send_back(mine, actor=lead, reason="Slot is too thin.")
    response = member_page.get(HOME)
    assert shown(response)["sent-back"] == ["Mine"]
    assert told(response, "sent-back") == [(["Slot is too thin."], "Hand in again")]


def test_what_i_handed_in_is_shown_without_a_button(member_page, member):
    workflow.create(actor=member, name="Mine", subsystem="Arm", material="6061-T6")
    make_part(name="Other's")
    response = member_page.get(HOME)
    assert shown(response)["handed-in"] == ["Mine"]
    (row,) = told(response, "handed-in")
    assert row[1] == ""


def test_ready_parts_stand_by_priority_due_date_and_age(member_page):
    make_part(name="Old", category="cnc", created_at=ago(days=9))
    make_part(name="New", category="cnc")
    make_part(name="Due", category="hand", due_date=timezone.localdate())
    make_part(name="Urgent", category="misc", priority=3)
    make_part(name="Blocked", category="cnc", blocked_reason="No bar.")
    hold(make_part(name="Held", category="cnc"), "Sam")
    response = member_page.get(HOME)
    assert shown(response)["ready"] == ["Urgent", "Due", "Old", "New"]
    assert told(response, "ready")[1] == (["Due today"], "Take it")


def test_ready_is_what_is_in_my_lane(member_page, member):
    for lane in ("cnc", "hand", "misc"):
        make_part(name=lane, category=lane)
    member.default_lane = Lane.HAND
    member.save()
    response = member_page.get(HOME)
    assert shown(response)["ready"] == ["hand"]
    assert '<p class="work__soft">Hand</p>' in response.text


def test_without_a_lane_it_is_what_i_made_before(member_page, member, lead):
    for lane in ("cnc", "hand", "misc"):
        make_part(name=lane, category=lane)
    assert shown(member_page.get(HOME))["ready"] == ["cnc", "hand", "misc"]
    for maker, lane in ((member, "misc"), (member, "cnc"), (lead, "hand")):
        workflow.complete(make_part(category=lane), actor=maker)
    response = member_page.get(HOME)
    assert shown(response)["ready"] == ["cnc", "misc"]
    assert '<p class="work__soft">CNC, Misc</p>' in response.text


def test_show_all_leads_to_the_board_that_has_them(member_page, member, monkeypatch):
    monkeypatch.setattr(home, "ROWS", 1)
    member.default_lane = Lane.CNC
    member.save()
    for n in range(3):
        hold(make_part(name=f"M{n}", category="cnc"), member.name)
        make_part(name=f"R{n}", category="cnc")
    text = member_page.get(HOME).text
    links = re.findall(r'work__all" href="([^"]+)">Show all 3<', text)
    found = [
        re.findall(
            r'part-card__link" href="[^"]+">([^<]+)<', member_page.get(link).text
        )
        for link in (link.replace("&amp;", "&") for link in links)
    ]
    assert found == [["M0", "M1", "M2"], ["R0", "R1", "R2"]]


def test_nothing_in_hands_and_nothing_ready_say_so(member_page):
    make_part(category="completed", completed_at=ago(days=1))
    assert "Nothing waits for anybody" in member_page.get(HOME).text
    hold(make_part(category="cnc"), "Sam")
    text = member_page.get(HOME).text
    assert "Nothing waits for anybody" not in text
    assert "Nothing is in your hands. Take a part that is ready." in text
    assert "Nothing is ready to be made here." in text


def test_a_member_sees_no_trouble_of_others(member_page):
    make_part(category="cnc", due_date="2020-01-01", blocked_reason="No bar.")
    make_part(category="cnc")
    assert shown(member_page.get(HOME)).keys() == {"mine", "ready"}


# --- Leads --------------------------------------------------------------------


def test_what_waits_for_review_stands_oldest_first(lead_page):
    make_part(name="New", created_at=ago(hours=1))
    make_part(name="Old", created_at=ago(days=9))
    make_part(name="Sent back", blocked_reason="Too thin.")
    response = lead_page.get(HOME)
    assert shown(response)["review"] == ["Old", "New"]
    assert "9\xa0days" in response.text


def test_only_what_looks_right_is_approved_from_home(lead_page):
    right, wrong = (
        make_part(name="Right", type="cnc"),
        make_part(name="Wrong", type="cnc"),
    )
    make_converted(right, sha256="a")
    make_converted(wrong, sha256="b")
    for part in (right, wrong):
        part.material_thickness = "0.090 in" if part is right else "0.25 in"
        part.save()
    response = lead_page.get(HOME)
    assert told(response, "review") == [
        ([], "Approve"),
        (["Thickness says 0.25 in, the model measures 0.090 in."], "Review"),
    ]
    assert (
        f'href="{reverse("parts:review")}#part-{wrong.pk}">Review</a>' in response.text
    )


def test_what_is_late_says_how_late_and_who_has_it(lead_page):
    today = timezone.localdate()
    free = make_part(name="Free", category="cnc", due_date=today - timedelta(days=2))
    held = make_part(name="Held", category="cnc", due_date=today - timedelta(days=1))
    hold(held, "Sam")
    make_part(name="Waits", type="cnc", due_date=today - timedelta(days=3))
    make_part(name="Today", category="cnc", due_date=today)
    make_part(name="Done", category="completed", due_date=today - timedelta(days=9))
    response = lead_page.get(HOME)
    assert shown(response)["overdue"] == ["Waits", "Free", "Held"]
    assert told(response, "overdue") == [
        (["3 days overdue"], "Review"),
        (["2 days overdue"], "Take it"),
        (["1 day overdue", "Sam"], "Give to…"),
    ]
    assert free.get_absolute_url() in response.text
    assert f'href="{reverse("parts:give", args=[held.pk])}?next=%2F"' in response.text


def test_what_is_held_for_more_than_five_days(lead_page, lead):
    hold(make_part(name="A", category="cnc"), "Sam", claimed_date=ago(days=6))
    hold(make_part(name="B", category="cnc"), lead.name, claimed_date=ago(days=9))
    hold(make_part(name="C", category="cnc"), "Sam", claimed_date=ago(days=4))
    response = lead_page.get(HOME)
    assert shown(response)["held"] == ["B", "A"]
    assert told(response, "held") == [(["You"], "Done"), (["Sam"], "Give to…")]


def test_a_failed_conversion_says_why_and_can_be_tried_again(lead_page, queued):
    file = make_file(make_part(name="F", category="cnc"))
    finished = make_file(make_part(category="completed"))
    for pk in (file.pk, finished.pk):
        PartFile.objects.filter(pk=pk).update(state="failed", error="No solid.")
    response = lead_page.get(HOME)
    assert shown(response)["not-converted"] == ["F"]
    assert told(response, "not-converted")[0][0] == ["No solid."]
    address = reverse("parts:file-retry", args=[file.part_id, "step", 1])
    assert f'action="{address}"' in response.text


def test_what_is_blocked_says_why(lead_page):
    make_part(name="B", category="cnc", blocked_reason="Out of 1 in bar.")
    make_part(name="Sent back", blocked_reason="Too thin.")
    response = lead_page.get(HOME)
    assert shown(response)["blocked"] == ["B"]
    assert told(response, "blocked") == [(["Out of 1 in bar."], "No longer blocked")]


def test_a_step_from_home_leads_back_to_it(lead_page):
    part = make_part(category="cnc")
    assert 'name="next" value="/"' in lead_page.get(HOME).text
    response = lead_page.post(reverse("parts:assign", args=[part.pk]), {"next": "/"})
    assert response["Location"] == f"/#part-{part.pk}"


@pytest.mark.parametrize(
    ("stuck", "names"),
    [
        ("overdue", ["Late"]),
        ("held-too-long", ["Held"]),
        ("not-converted", ["Failed"]),
        ("blocked", ["Blocked"]),
        ("sent-back", ["Back"]),
    ],
)
def test_a_board_shows_only_what_is_stuck(stuck, names, lead_page):
    make_part(name="Late", category="cnc", due_date="2020-01-01")
    hold(make_part(name="Held", category="cnc"), "Sam", claimed_date=ago(days=6))
    failed = make_file(make_part(name="Failed", category="cnc"))
    PartFile.objects.filter(pk=failed.pk).update(state="failed")
    make_part(name="Blocked", category="cnc", blocked_reason="No bar.")
    make_part(name="Back", blocked_reason="Too thin.")
    make_part(name="Fine", category="cnc")
    board = lead_page.get(reverse("parts:search"), {"stuck": stuck})
    assert on_cards(board) == names


# --- Viewers ------------------------------------------------------------------


def test_a_viewer_sees_what_the_shop_is_doing_and_presses_nothing(viewer_page):
    hold(make_part(name="Held", category="cnc"), "Sam")
    make_part(name="Ready", category="hand")
    make_part(name="Waits", type="cnc")
    make_part(name="Blocked", category="cnc", blocked_reason="No bar.")
    make_part(name="Done", category="completed", completed_at=ago(days=1))
    make_part(name="Long ago", category="completed", completed_at=ago(days=8))
    response = viewer_page.get(HOME)
    assert shown(response) == {
        "held": ["Held"],
        "ready": ["Ready"],
        "review": ["Waits"],
        "blocked": ["Blocked"],
        "completed": ["Done"],
    }
    assert "What the shop is doing" in response.text
    assert "work-row__step" not in response.text


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Other"},
        {"subsystem": "Other"},
        {"priority": 3},
        {"created_at": ago(days=300)},
        {"blocked_reason": "No bar."},
        {"storage_location": "Bin 12"},
    ],
)
def test_a_row_that_was_drawn_before_looks_as_if_it_was_not(
    member_page, member, change
):
    part = hold(make_converted(make_part(category="cnc")).part, "Mara Member")
    before = _rows(member_page)
    assert _rows(member_page) == before
    Part.objects.filter(pk=part.pk).update(**change)
    kept = _rows(member_page)
    drawn.pieces.clear()
    assert kept == _rows(member_page)


def test_a_row_that_was_drawn_for_another_has_my_own_token(lead_page):
    make_part(category="cnc")
    other = Client()
    other.force_login(make_user(role="lead"))
    for page in (lead_page, other):
        answer = page.get(HOME)
        rows = answer.text[answer.text.find('<ul class="work__rows') :]
        found = re.findall(r'csrfmiddlewaretoken" value="([^"]+)"', rows)
        assert set(found) == {str(answer.context["csrf_token"])}


def _rows(page) -> str:
    answer = page.get(HOME)
    start, end = answer.text.find('<ul class="work__rows'), answer.text.rfind("</ul>")
    return answer.text[start:end].replace(str(answer.context["csrf_token"]), "token")


# --- Cost ---------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 12])
@pytest.mark.parametrize(
    ("page", "queries"),
    # session, user, version, sections, parts; who works: own lanes; in review: twins;
    # whom a lead may give a part to
    [("lead_page", 7), ("member_page", 6), ("viewer_page", 6)],
)
def test_query_cost_is_flat(page, queries, rows, request, django_assert_num_queries):
    client = request.getfixturevalue(page)
    for _ in range(rows):
        make_converted(make_part(type="cnc"))
        late = make_part(category="cnc", due_date="2020-01-01")
        make_converted(hold(late, "Sam", claimed_date=ago(days=6)))
        make_part(category="hand")
        make_part(category="cnc", blocked_reason="No bar.")
        hold(make_part(category="cnc"), "Mara Member")
    with django_assert_num_queries(queries):
        response = client.get(HOME)
    assert len(shown(response)["ready"]) == min(rows, home.ROWS)
