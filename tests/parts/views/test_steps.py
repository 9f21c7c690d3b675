"""The steps as buttons: each is tried through its address."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from parts import workflow
from parts.models import Part
from tests.factories import make_file, make_part

STEPS = [
    "approve",
    "send-back",
    "resubmit",
    "assign",
    "start",
    "accept-revision",
    "unclaim",
    "complete",
    "block",
    "unblock",
    "place",
    "made-wrong",
    "remake",
    "revert",
    "trash",
]


def press(client, step: str, part: Part, **data):
    return client.post(reverse(f"parts:{step}", args=[part.pk]), data)


def said(response) -> list[tuple[str, str]]:
    return [(m.level_tag, m.message) for m in get_messages(response.wsgi_request)]


@pytest.mark.parametrize("step", STEPS)
def test_a_stranger_is_asked_to_sign_in(step, client, db):
    part = make_part(category="cnc")
    response = press(client, step, part)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("accounts:login"))
    part.refresh_from_db()
    assert (part.category, part.status, part.assigned) == ("cnc", "Reviewed", "")
    assert part.deleted_at is None


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_posted(step, lead_page):
    part = make_part()
    response = lead_page.get(reverse(f"parts:{step}", args=[part.pk]))
    assert response.status_code == 405
    assert response["Allow"] == "POST"
    assert f'href="{part.get_absolute_url()}">Back to the part</a>' in response.text


@pytest.mark.parametrize("step", STEPS)
def test_a_missing_part_is_404(step, lead_page):
    address = reverse(f"parts:{step}", args=[999])
    assert lead_page.post(address).status_code == 404


@pytest.mark.parametrize("step", STEPS)
def test_a_part_in_the_trash_is_404(step, lead_page):
    part = make_part()
    workflow.trash(part, actor=None)
    assert press(lead_page, step, part).status_code == 404


@pytest.mark.parametrize("step", STEPS)
def test_a_viewer_changes_nothing_and_is_told_why(step, viewer_page):
    part = make_part(category="cnc")
    before = Part.objects.values().get()
    response = press(viewer_page, step, part, reason="x", storage="x")
    assert response.status_code == 302
    ((level, words),) = said(response)
    assert level == "error"
    assert words.startswith("Only ")
    assert Part.objects.values().get() == before


def test_approve(lead_page, lead):
    part = make_part(name="Hub", type="cnc")
    response = press(lead_page, "approve", part)
    part.refresh_from_db()
    assert (part.category, part.status) == ("cnc", "Reviewed")
    assert part.reviewer == lead.name
    assert said(response) == [("success", "Hub is ready to be made.")]


def test_approve_with_a_note(lead_page):
    part = make_part(name="Hub", type="cnc")
    press(lead_page, "approve", part, note=" Check the bend radius. ")
    part.refresh_from_db()
    assert part.category == "cnc"
    assert part.events.get(verb="approved").note == "Check the bend radius."


def test_approve_refuses_a_note_that_is_too_long(lead_page):
    part = make_part()
    response = press(lead_page, "approve", part, note="x" * 501)
    part.refresh_from_db()
    assert part.category == "review"
    assert said(response) == [("error", "Keep the note under 500 characters.")]


def test_send_back(lead_page):
    part = make_part(name="Hub")
    response = press(lead_page, "send-back", part, reason=" Too thin. ")
    part.refresh_from_db()
    assert part.blocked_reason == "Too thin."
    assert said(response) == [("success", "Hub is sent back.")]


def test_send_back_for_what_was_ticked_and_written(lead_page):
    part = make_part()
    wishes = ["Say which material.", "Upload the STEP file."]
    press(lead_page, "send-back", part, wish=wishes, reason=" Too thin. ")
    part.refresh_from_db()
    assert part.blocked_reason == (
        "Say which material.\nUpload the STEP file.\nToo thin."
    )


def test_send_back_for_what_was_ticked_alone(lead_page):
    part = make_part()
    press(lead_page, "send-back", part, wish="Say which material.", reason=" ")
    part.refresh_from_db()
    assert part.blocked_reason == "Say which material."


def test_send_back_wants_a_reason(lead_page):
    part = make_part()
    response = press(lead_page, "send-back", part, reason="  ")
    part.refresh_from_db()
    assert part.blocked_reason == ""
    assert said(response) == [("error", "Say what has to be changed.")]


def test_resubmit(member_page):
    part = make_part(name="Hub", blocked_reason="Too thin.")
    response = press(member_page, "resubmit", part)
    part.refresh_from_db()
    assert part.blocked_reason == ""
    assert said(response) == [("success", "Hub waits for review again.")]


def test_take(member_page, member):
    part = make_part(name="Hub", category="cnc")
    response = press(member_page, "assign", part)
    part.refresh_from_db()
    assert (part.assigned, part.status) == (member.name, "In Progress")
    assert said(response) == [("success", "Hub is yours.")]


@pytest.mark.parametrize("page", ["member_page", "lead_page"])
def test_take_loses_to_who_was_first(page, request):
    client = request.getfixturevalue(page)
    part = make_part(name="Hub", category="cnc", assigned="Sam", status="In Progress")
    response = press(client, "assign", part)
    part.refresh_from_db()
    assert part.assigned == "Sam"
    assert said(response) == [("error", "Sam has “Hub” already.")]


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "Sam took “Hub” just now."), (4, "Sam took “Hub” 4\xa0minutes ago.")],
)
def test_who_was_first_is_told_with_the_time(minutes, words, member_page):
    taken = timezone.now() - timedelta(minutes=minutes)
    held = {"assigned": "Sam", "status": "In Progress", "claimed_date": taken}
    part = make_part(name="Hub", category="cnc", **held)
    assert said(press(member_page, "assign", part)) == [("error", words)]


def test_a_lead_gives_a_part_to_somebody_else(lead_page):
    part = make_part(name="Hub", category="cnc", assigned="Sam", status="In Progress")
    response = press(lead_page, "assign", part, assigned="Kim")
    part.refresh_from_db()
    assert part.assigned == "Kim"
    assert said(response) == [("success", "Kim has Hub now.")]


def test_giving_wants_a_name(lead_page):
    part = make_part(category="cnc")
    response = press(lead_page, "assign", part, assigned=" ")
    part.refresh_from_db()
    assert part.assigned == ""
    assert said(response) == [("error", "Say who takes it.")]


def test_a_member_gives_parts_to_nobody(member_page):
    part = make_part(category="cnc")
    response = press(member_page, "assign", part, assigned="Kim")
    part.refresh_from_db()
    assert part.assigned == ""
    words = "Only leads may give a part to somebody else."
    assert said(response) == [("error", words)]


def test_start(member_page, member):
    part = make_part(name="Hub", category="cnc", assigned=member.name)
    response = press(member_page, "start", part)
    part.refresh_from_db()
    assert part.status == "In Progress"
    assert said(response) == [("success", "Hub is in progress.")]


def test_accept_revision(member_page, member):
    part = make_part(name="Hub", category="cnc")
    make_file(part)
    workflow.assign(part, worker=member.name, actor=member)
    make_file(part)
    response = press(member_page, "accept-revision", part)
    part.refresh_from_db()
    assert part.claimed_revision == 2
    assert said(response) == [("success", "You go on with the new file of Hub.")]


def test_unclaim(member_page, member):
    part = make_part(name="Hub", category="cnc")
    workflow.assign(part, worker=member.name, actor=member)
    response = press(member_page, "unclaim", part)
    part.refresh_from_db()
    assert (part.assigned, part.status) == ("", "Already Started")
    assert said(response) == [("success", "Hub is free again.")]


def test_nobody_lets_go_what_somebody_else_has(member_page):
    part = make_part(category="cnc", assigned="Sam", status="In Progress")
    response = press(member_page, "unclaim", part)
    part.refresh_from_db()
    assert part.assigned == "Sam"
    words = "Sam has this part; only a lead may let it go too."
    assert said(response) == [("error", words)]


def test_complete(member_page, member):
    part = make_part(name="Hub", category="cnc", amount=4)
    workflow.assign(part, worker=member.name, actor=member)
    response = press(member_page, "complete", part, storage=" Shelf A3 ")
    part.refresh_from_db()
    assert (part.category, part.status) == ("completed", "Completed")
    assert (part.storage_location, part.made) == ("Shelf A3", 4)
    assert said(response) == [("success", "Hub is done.")]


def test_complete_refuses_a_place_that_is_too_long(member_page):
    part = make_part(category="cnc")
    response = press(member_page, "complete", part, storage="x" * 201)
    part.refresh_from_db()
    assert part.category == "cnc"
    assert said(response) == [("error", "Keep the place under 200 characters.")]


def test_what_blocks_a_part_is_noted_and_cleared(member_page):
    part = make_part(name="Hub", category="cnc")
    response = press(member_page, "block", part, blocked=" No bar. ")
    part.refresh_from_db()
    assert (part.blocked_reason, part.category) == ("No bar.", "cnc")
    assert said(response) == [("success", "It is noted what blocks Hub.")]
    response = press(member_page, "unblock", part)
    part.refresh_from_db()
    assert part.blocked_reason == ""
    assert said(response)[-1] == ("success", "Hub can be made again.")
    changes = [event.changes for event in part.events.all()]
    assert {"blocked_reason": ["No bar.", ""]} in changes


@pytest.mark.parametrize(
    ("category", "text", "answer"),
    [
        ("cnc", " ", "Say what blocks it."),
        ("cnc", "x" * 501, "Keep the reason under 500 characters."),
        (
            "review",
            "No bar.",
            "“Hub” is not in production, so nothing there blocks it.",
        ),
        ("completed", "No", "“Hub” is not in production, so nothing there blocks it."),
    ],
)
def test_nothing_blocks_a_part_without_a_reason_or_elsewhere(
    member_page, category, text, answer
):
    part = make_part(name="Hub", category=category)
    response = press(member_page, "block", part, blocked=text)
    part.refresh_from_db()
    assert part.blocked_reason == ""
    assert said(response) == [("error", answer)]


def test_why_a_part_was_sent_back_is_not_cleared_as_if_it_were_unblocked(member_page):
    part = make_part(blocked_reason="Too thin.")
    press(member_page, "unblock", part)
    part.refresh_from_db()
    assert part.blocked_reason == "Too thin."


def test_place_is_noted_and_cleared(member_page):
    part = make_part(name="Hub", category="completed", storage_location="Shelf A3")
    response = press(member_page, "place", part, storage="  Box  7 ")
    part.refresh_from_db()
    assert part.storage_location == "Box 7"
    assert said(response) == [("success", "It is noted where Hub lies.")]
    press(member_page, "place", part, storage="")
    part.refresh_from_db()
    assert part.storage_location == ""


def test_place_refuses_one_that_is_too_long(member_page):
    part = make_part(category="completed")
    response = press(member_page, "place", part, storage="x" * 201)
    assert said(response) == [("error", "Keep the place under 200 characters.")]


def test_made_wrong_only_marks_the_part(lead_page):
    part = make_part(name="Hub", category="completed", assigned="Sam")
    response = press(lead_page, "made-wrong", part, wrong_reason="Bent.", pieces="1")
    part.refresh_from_db()
    assert (part.completed_incorrectly, part.wrong_reason) == (True, "Bent.")
    assert said(response) == [("success", "Hub is marked as made wrong.")]
    assert Part.objects.count() == 1


def test_made_wrong_sends_it_back_to_be_made_again(lead_page):
    part = make_part(name="Hub", code="26-301", category="completed", amount=4)
    response = press(
        lead_page,
        "made-wrong",
        part,
        wrong_reason="Bent.",
        pieces=" 3 ",
        again="1",
        next="/completed/",
    )
    new = Part.objects.get(remake_of=part)
    assert (new.category, new.amount, new.code) == ("cnc", 3, "26-301-R2")
    words = "Hub is in production again, as 26-301-R2."
    assert said(response) == [("success", words)]
    assert response["Location"] == f"/completed/#part-{part.pk}"


@pytest.mark.parametrize("pieces", ["", "x", "-1", "0", "5", "1.5", "²", "9" * 30])
def test_made_wrong_refuses_a_number_that_cannot_be(pieces, lead_page):
    part = make_part(category="completed", amount=4)
    asked = {"wrong_reason": "Bent.", "again": "1", "pieces": pieces}
    response = press(lead_page, "made-wrong", part, **asked)
    assert said(response) == [("error", "Say how many pieces: 1 to 4.")]
    assert Part.objects.count() == 1


def test_made_wrong_needs_a_reason(lead_page):
    part = make_part(category="completed")
    response = press(lead_page, "made-wrong", part, wrong_reason=" ", again="1")
    assert said(response) == [("error", "Say what was made wrong.")]


def test_a_second_tap_makes_no_second_remake(lead_page):
    part = make_part(name="Hub", code="26-301", category="completed")
    for _ in range(2):
        response = press(lead_page, "remake", part, reason="")
    words = "Say what was made wrong."
    assert said(response)[0] == ("error", words)
    workflow.mark_wrong(part, actor=None, reason="Bent.")
    for _ in range(2):
        response = press(lead_page, "remake", part)
    words = "“Hub” is being made again already, as 26-301-R2."
    assert said(response)[-1] == ("error", words)
    assert Part.objects.filter(remake_of=part).count() == 1


def test_revert(lead_page):
    part = make_part(name="Hub", category="completed")
    response = press(lead_page, "revert", part, why="Bore too small")
    part.refresh_from_db()
    assert (part.category, part.status) == ("cnc", "In Progress")
    assert part.events.get().note == "Bore too small"
    assert said(response) == [("success", "Hub is reopened.")]


def test_trash_leads_to_the_board_and_not_to_a_part_that_is_gone(lead_page):
    part = make_part(name="Hub")
    page = part.get_absolute_url()
    response = press(lead_page, "trash", part, next=page)
    part.refresh_from_db()
    assert part.deleted_at
    assert response["Location"] == f"{reverse('parts:review')}#part-{part.pk}"
    words = "Hub is in the trash. A lead can restore it for 30 days."
    assert said(response) == [("success", words)]


def test_a_step_leads_back_to_its_board_with_its_filters(member_page):
    part = make_part(category="cnc")
    board = "/production/?search=hub&mine=1"
    response = press(member_page, "assign", part, next=board)
    assert response["Location"] == f"{board}#part-{part.pk}"


def test_a_refused_step_leads_back_there_too(member_page):
    part = make_part()
    response = press(member_page, "assign", part, next="/review/?page=2#part-1")
    assert response["Location"] == f"/review/?page=2#part-{part.pk}"


def test_a_step_from_the_parts_page_leads_back_to_it(member_page):
    part = make_part(category="cnc")
    page = part.get_absolute_url()
    assert press(member_page, "assign", part)["Location"] == page
    assert press(member_page, "unclaim", part, next=page)["Location"] == page


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example/",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/\\evil.example",
        "\x00",
        "http:///evil.example",
    ],
)
def test_a_step_leads_to_no_other_site(address, member_page):
    part = make_part(category="cnc")
    response = press(member_page, "assign", part, next=address)
    assert response["Location"] == part.get_absolute_url()


def test_a_braced_name_is_only_a_name(member_page):
    part = make_part(name="{part.pk} {0} %s", category="cnc")
    response = press(member_page, "assign", part)
    assert said(response) == [("success", "{part.pk} {0} %s is yours.")]
