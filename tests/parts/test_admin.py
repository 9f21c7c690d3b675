import json
import re
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure

from parts import uploads, workflow
from parts.admin.events import EVENTS_SHOWN
from parts.errors import WrongState
from parts.models import Conversion, Part, PartEvent, PartFile, Season
from tests.factories import (
    TINY_PDF,
    TINY_STEP,
    make_converted,
    make_file,
    make_part,
    make_upload,
    make_user,
)

pytestmark = pytest.mark.django_db

LIST = "admin:parts_part_changelist"
ADD = "admin:parts_part_add"
CHANGE = "admin:parts_part_change"
STEP = "admin:parts_part_step"
FILES = "admin:parts_partfile_changelist"
EVENTS = "admin:parts_partevent_changelist"
PICTURE = "admin:parts_partfile_picture"


def told(response) -> list[str]:
    """The messages that the next page will show."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def rows(response) -> list[str]:
    return [str(row) for row in response.context["cl"].result_list]


def as_shown(page, url: str, **changes) -> dict:
    """What a browser posts from the form at ``url``, with some fields changed."""
    data = {}
    for field in page.get(url).context["adminform"].form:
        value = field.value()
        if field.name == "upload" or value is False:
            continue
        data[field.html_name] = "" if value is None else value
        if field.field.show_hidden_initial:
            data[field.html_initial_name] = data[field.html_name]
    return {**data, **changes}


def act(page, name: str, *parts, query: str = "", **said):
    """Post a bulk action, as the list does it, or as the page that asks."""
    data = {"action": name, "_selected_action": [part.pk for part in parts], **said}
    if not said:
        data["index"] = 0
    return page.post(f"{reverse(LIST)}{query}", data)


def errors(response) -> dict[str, list[str]]:
    return response.context["adminform"].form.errors


def verbs(part) -> list[str]:
    return [event.verb for event in part.events.order_by("id")]


# --- Who comes in -------------------------------------------------------------


def test_a_stranger_is_sent_to_the_sign_in_page_and_back(client, lead):
    url = reverse(LIST)
    response = client.get(url, follow=True)
    assert response.redirect_chain[-1] == (
        f"{reverse('accounts:login')}?next={url}",
        302,
    )


def test_the_admin_has_no_sign_in_of_its_own(client, lead):
    response = client.get(reverse("admin:login"))
    assert response.status_code == 302
    assert response.url == f"{reverse('accounts:login')}?next={reverse('admin:index')}"
    client.force_login(lead)
    assert client.get(reverse("admin:login")).url == reverse("admin:index")


@pytest.mark.parametrize("role", ["member", "viewer"])
@pytest.mark.parametrize("url", ["admin:index", LIST, ADD, FILES, EVENTS])
def test_who_is_no_lead_is_refused_without_a_loop(client, role, url):
    client.force_login(make_user(role=role))
    response = client.get(reverse(url), follow=True)
    assert response.status_code == 403
    assert len(response.redirect_chain) == 1


def test_a_member_can_post_nothing(member_page):
    part = make_part(type="cnc")
    act(member_page, "approve", part)
    member_page.post(reverse(STEP, args=[part.pk, "approve"]))
    member_page.post(reverse(CHANGE, args=[part.pk]), {"name": "Mine"})
    after = Part.objects.get(pk=part.pk)
    assert (after.category, after.name) == ("review", part.name)
    assert not after.events.exists()


def test_the_index_shows_what_leads_come_for_first(lead_page):
    apps = lead_page.get(reverse("admin:index")).context["app_list"]
    assert [(app["name"], [m["name"] for m in app["models"]]) for app in apps] == [
        ("Parts", ["Files", "History", "Parts", "Seasons"]),
        ("People and keys", ["API keys", "Users"]),
        ("Background work", ["Failed tasks"]),
        ("Backups", ["Backups"]),
    ]


# --- The list -----------------------------------------------------------------


def test_the_list_searches_what_the_boards_search(lead_page):
    make_part(name="Hub", notes="press fit", code="26-1")
    make_part(name="Plate", subsystem="Drive 100%")
    for text, found in [
        ("hub", ["Hub"]),
        ("PRESS", ["Hub"]),
        ("26-1", ["Hub"]),
        ("0%", ["Plate"]),
        ("%", ["Plate"]),
        ("nothing", []),
    ]:
        assert rows(lead_page.get(reverse(LIST), {"q": text})) == found


def test_the_list_filters(lead_page):
    season = Season.objects.create(name="2026")
    failed = make_part(name="Failed", category="cnc", season=season)
    file = make_file(failed)
    PartFile.objects.filter(pk=file.pk).update(state=Conversion.FAILED)
    make_part(name="Ready", category="hand", priority=2)
    for query, found in [
        ({"category__exact": "cnc"}, ["Failed"]),
        ({"status__exact": "Reviewed"}, ["Ready", "Failed"]),
        ({"type__exact": "hand"}, ["Ready"]),
        ({"priority__exact": 2}, ["Ready"]),
        ({"season__id__exact": season.pk}, ["Failed"]),
        ({"current_step__state__exact": "failed"}, ["Failed"]),
    ]:
        assert rows(lead_page.get(reverse(LIST), query)) == found


def test_the_trash_is_seen_only_when_asked_for(lead_page):
    make_part(name="Kept")
    make_part(name="Gone", deleted_at=timezone.now())
    assert rows(lead_page.get(reverse(LIST))) == ["Kept"]
    assert rows(lead_page.get(reverse(LIST), {"trash": "only"})) == ["Gone"]
    assert rows(lead_page.get(reverse(LIST), {"trash": "with"})) == ["Gone", "Kept"]


def test_the_list_shows_picture_and_status_in_words(lead_page):
    part = make_part(
        name="Hub", category="cnc", blocked_reason="No stock", completed_incorrectly=1
    )
    file = make_converted(part)
    make_part(name="Bare")
    text = lead_page.get(reverse(LIST)).content.decode()
    source = reverse(PICTURE, args=[file.pk, file.thumbnail_tag])
    assert re.findall(r'<img class="picture" src="([^"]+)"', text) == [source]
    assert text.count('<span class="picture">') == 1
    assert re.findall(r'data-sign="(\w+)">([^<]+)<', text) == [
        ("waiting", "Waiting for review"),
        ("ready", "Ready"),
        ("blocked", "Blocked"),
        ("wrong", "Made wrong"),
    ]


@pytest.mark.parametrize("count", [1, 20])
def test_the_list_costs_the_same_for_any_number_of_parts(
    lead_page, count, django_assert_num_queries
):
    season = Season.objects.create(name="2026")
    for _ in range(count):
        make_converted(make_part(category="cnc", assigned="Sam", season=season))
    # Session, user, count, full count, parts, and the filter's seasons.
    with django_assert_num_queries(6):
        response = lead_page.get(reverse(LIST))
    assert response.content.count(b'<img class="picture"') == count


# --- Adding -------------------------------------------------------------------


def test_add_hands_a_part_in_with_its_file(lead_page, lead, queued):
    season = Season.objects.create(name="2026")
    data = as_shown(
        lead_page, reverse(ADD), name="Hub", subsystem="Drive", type="cnc", amount=3
    )
    assert data["season"] == season.pk
    response = lead_page.post(reverse(ADD), {**data, "upload": make_upload("hub.step")})
    part = Part.objects.get()
    assert response.url == reverse(LIST)
    assert (part.name, part.amount, part.season) == ("Hub", 3, season)
    assert (part.category, part.status) == ("review", "Pending")
    assert part.code == str(part.uuid)[:8]
    assert part.current_step.name == "hub.step"
    assert [(e.verb, e.actor) for e in part.events.order_by("id")] == [
        ("created", lead),
        ("uploaded", lead),
    ]


def test_an_incomplete_part_is_not_added(lead_page):
    response = lead_page.post(
        reverse(ADD), as_shown(lead_page, reverse(ADD), name="Hub", amount=0)
    )
    assert errors(response) == {
        "subsystem": ["This field is required."],
        "amount": ["At least one piece is made."],
    }
    assert not Part.objects.exists()


def test_a_file_is_stored_before_the_transaction(lead_page, monkeypatch):
    """Who waits for a bucket in it keeps everybody else from writing on SQLite."""
    depths = []
    store = uploads.store

    def watched(upload):
        depths.append(len(connection.savepoint_ids))
        return store(upload)

    monkeypatch.setattr(uploads, "store", watched)
    data = as_shown(lead_page, reverse(ADD), name="Hub", subsystem="Drive")
    lead_page.post(reverse(ADD), {**data, "upload": make_upload()})
    assert depths == [0]
    assert Part.objects.get().file == "plate.step"


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("hub.exe", TINY_STEP, "“.exe” files are not taken"),
        ("hub.pdf", TINY_STEP, "This is not a PDF file, whatever its name says."),
        ("hub.step", b"", "The submitted file is empty."),
    ],
)
def test_a_refused_file_is_an_error_of_the_form(lead_page, name, content, error):
    data = as_shown(lead_page, reverse(ADD), name="Hub", subsystem="Drive")
    data["upload"] = make_upload(name, content)
    response = lead_page.post(reverse(ADD), data)
    assert errors(response)["upload"][0].startswith(error)
    assert not Part.objects.exists()


def test_a_file_over_the_limit_is_an_error_of_the_form(lead_page, settings):
    settings.UPLOAD_LIMIT_BYTES = 1024 * 1024
    part = make_part()
    url = reverse(CHANGE, args=[part.pk])
    data = as_shown(lead_page, url)
    data["upload"] = make_upload("hub.step", TINY_STEP + b" " * 1024 * 1024)
    assert errors(lead_page.post(url, data)) == {
        "upload": ["The file is larger than 1 MB."]
    }
    assert not PartFile.objects.exists()


# --- Editing ------------------------------------------------------------------


def test_an_edit_writes_one_event_with_what_changed(lead_page, lead):
    part = make_part(name="Hub", category="completed", assigned="Sam")
    url = reverse(CHANGE, args=[part.pk])
    data = as_shown(lead_page, url, storage_location="Shelf A3", priority=3)
    response = lead_page.post(url, data)
    assert response.url == reverse(LIST)
    part.refresh_from_db()
    assert (part.storage_location, part.priority) == ("Shelf A3", 3)
    event = part.events.get()
    assert (event.verb, event.actor) == ("edited", lead)
    assert event.changes == {
        "storage_location": ["", "Shelf A3"],
        "priority": [1, 3],
    }


def test_saving_an_unchanged_form_changes_nothing(lead_page):
    part = make_part(
        notes="two\nlines", due_date="2026-12-01", extra={"a": [1]}, onshape_url=""
    )
    url = reverse(CHANGE, args=[part.pk])
    before = Part.objects.get(pk=part.pk)
    assert lead_page.post(url, as_shown(lead_page, url)).status_code == 302
    after = Part.objects.get(pk=part.pk)
    assert after.updated_at == before.updated_at
    assert not after.events.exists()


def test_a_stale_form_does_not_undo_what_others_did(lead_page, member):
    part = make_part(name="Hub", category="cnc")
    url = reverse(CHANGE, args=[part.pk])
    data = as_shown(lead_page, url, notes="Deburr it.")
    workflow.edit(part, actor=member, made=7, name="Hub v2")
    lead_page.post(url, data)
    part.refresh_from_db()
    assert (part.name, part.made, part.notes) == ("Hub v2", 7, "Deburr it.")
    assert part.events.first().changes == {"notes": ["", "Deburr it."]}


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("amount", "0", "At least one piece is made."),
        ("amount", "-1", "Ensure this value is greater than or equal to 0."),
        ("amount", str(10**30), "Ensure this value is less than or equal to"),
        ("made", "many", "Enter a whole number."),
        ("code", "", "A part keeps a number; give it another."),
        ("subsystem", " ", "This field is required."),
        ("type", "laser", "Select a valid choice."),
        ("priority", "9", "Select a valid choice."),
        ("season", "99", "Select a valid choice."),
        ("due_date", "soon", "Enter a valid date."),
        ("name", "x" * 201, "Ensure this value has at most 200 characters"),
        ("name", "a\x00b", "Null characters are not allowed."),
        ("onshape_url", "javascript:alert(1)", "Enter a valid URL."),
        ("onshape_url", "ftp://example.org/hub", "Enter a valid URL."),
        ("extra", "{", "Enter a valid JSON."),
        ("extra", "[1]", "This must be an object: {…}."),
        ("extra", '{"a": null}', "“a” must be text, a number, true or false"),
        ("extra", '{"a": [[1]]}', "“a” must be text, a number, true or false"),
        ("extra", '{"a": {"b": [1]}}', "“a” must be text, a number, true or false"),
        ("extra", '{"a": NaN}', "This is not JSON that can be kept."),
        ("extra", '{"a": 1e999}', "This is not JSON that can be kept."),
        ("extra", f'{{"a": {"9" * 5000}}}', "This is not JSON that can be kept."),
        ("extra", '{"a": ' + "[" * 100_000, "This is not JSON that can be kept."),
        ("extra", '{"a": "\\ud800"}', "This is not JSON that can be kept."),
        ("extra", '{"a": "\\u0000"}', "Text cannot hold the character 0."),
    ],
)
def test_an_invalid_edit_is_an_error_of_its_field(lead_page, field, value, error):
    part = make_part(name="Hub", code="26-1")
    before = Part.objects.filter(pk=part.pk).values().get()
    url = reverse(CHANGE, args=[part.pk])
    response = lead_page.post(url, as_shown(lead_page, url, **{field: value}))
    assert response.status_code == 200
    assert list(errors(response)) == [field]
    assert errors(response)[field][0].startswith(error)
    assert Part.objects.filter(pk=part.pk).values().get() == before
    assert not part.events.exists()


def test_further_data_is_edited_as_an_object(lead_page):
    workers = [{"name": "Sam", "timestamp": "2026-01-15T10:30:00+00:00"}]
    part = make_part(extra={"finish": "raw", "handWorkers": workers})
    url = reverse(CHANGE, args=[part.pk])
    data = as_shown(lead_page, url)
    assert json.loads(data["extra"]) == {"finish": "raw"}
    changed = {"finish": ["raw", 2, True], "bend": {"radius": 1.5}}
    lead_page.post(url, {**data, "extra": json.dumps(changed)})
    part.refresh_from_db()
    assert part.extra == {**changed, "handWorkers": workers}
    lead_page.post(url, as_shown(lead_page, url, extra=""))
    part.refresh_from_db()
    assert part.extra == {"handWorkers": workers}


def test_the_form_never_writes_state(lead_page):
    part = make_part(name="Hub", category="cnc", assigned="Sam")
    file = make_file(make_part())
    before = Part.objects.filter(pk=part.pk).values().get()
    url = reverse(CHANGE, args=[part.pk])
    state = {
        "category": "completed",
        "status": "Completed",
        "assigned": "Me",
        "claimed_date": "2020-01-01",
        "claimed_date_0": "2020-01-01",
        "claimed_date_1": "00:00",
        "claimed_revision": 4,
        "approved_at_0": "2020-01-01",
        "completed_at_0": "2020-01-01",
        "deleted_at_0": "2020-01-01",
        "file": "x.step",
        "current_step": file.pk,
        "uuid": "f38b2ffc-80a4-4f5a-91c9-bc701e7ea419",
    }
    form = lead_page.get(url).context["adminform"].form
    assert not form.fields.keys() & state.keys()
    lead_page.post(url, as_shown(lead_page, url, **state))
    assert Part.objects.filter(pk=part.pk).values().get() == before


def test_another_type_moves_a_part_in_production_to_its_lane(lead_page):
    part = make_part(category="cnc")
    url = reverse(CHANGE, args=[part.pk])
    lead_page.post(url, as_shown(lead_page, url, type="hand"))
    part.refresh_from_db()
    assert (part.type, part.category) == ("hand", "hand")


def test_a_file_can_be_added_to_a_part_that_was_sent_back(lead_page, lead, queued):
    part = make_part(blocked_reason="Too thin", status="Pending")
    make_file(part)
    url = reverse(CHANGE, args=[part.pk])
    data = as_shown(lead_page, url, name="Hub v2")
    response = lead_page.post(url, {**data, "upload": make_upload("hub2.step")})
    assert response.url == reverse(LIST)
    part.refresh_from_db()
    assert (part.current_step.name, part.current_step.revision) == ("hub2.step", 2)
    assert part.current_step.uploaded_by == lead
    assert (part.name, part.file, part.blocked_reason) == ("Hub v2", "hub2.step", "")


def test_a_drawing_can_be_added(lead_page):
    part = make_part()
    url = reverse(CHANGE, args=[part.pk])
    data = as_shown(lead_page, url)
    lead_page.post(url, {**data, "upload": make_upload("hub.pdf", TINY_PDF)})
    part.refresh_from_db()
    assert (part.current_drawing.name, part.current_step) == ("hub.pdf", None)


def test_a_form_whose_part_went_to_the_trash_is_refused_in_words(lead_page):
    part = make_part(name="Hub")
    url = reverse(CHANGE, args=[part.pk])
    data = as_shown(lead_page, url, notes="Late")
    workflow.trash(part, actor=None)
    response = lead_page.post(url, data)
    assert response.url == url
    assert told(response) == ["“Hub” is in the trash."]
    part.refresh_from_db()
    assert part.notes == ""


def test_a_refusal_undoes_the_edit_that_came_with_it(lead_page, monkeypatch):
    part = make_part(name="Hub")
    url = reverse(CHANGE, args=[part.pk])
    data = as_shown(lead_page, url, name="Hub v2")

    def refuse(part, *args, **kwargs):
        raise WrongState("Too late.")

    monkeypatch.setattr(workflow, "attach", refuse)
    response = lead_page.post(url, {**data, "upload": make_upload()})
    assert told(response) == ["Too late."]
    part.refresh_from_db()
    assert part.name == "Hub"
    assert not part.events.exists()


def test_a_part_that_is_not_there_leads_to_the_index(lead_page):
    response = lead_page.get(reverse(CHANGE, args=[999]))
    assert response.url == reverse("admin:index")


# --- Files and history on the part's page -------------------------------------


def test_files_and_history_are_shown_and_not_editable(lead_page, lead):
    part = make_part(name="Hub")
    make_converted(part)
    workflow.edit(part, actor=lead, due_date=timezone.now().date())
    text = lead_page.get(reverse(CHANGE, args=[part.pk])).content.decode()
    assert text.count('<tr class="form-row has_original"') == 3
    assert "plate.step" in text
    assert "Lena Lead" in text
    names = re.findall(r'name="((?:files|events)-[^"]+)"', text)
    assert {
        name for name in names if not name.endswith(("_FORMS", "-id", "-part"))
    } == (set())


def test_what_is_posted_about_files_and_history_is_not_read(lead_page):
    part = make_part()
    file = make_file(part)
    event = part.events.get()
    url = reverse(CHANGE, args=[part.pk])
    posted = {}
    for prefix, pk in (("files", file.pk), ("events", event.pk)):
        posted |= {
            f"{prefix}-TOTAL_FORMS": 90,
            f"{prefix}-INITIAL_FORMS": 90,
            f"{prefix}-0-id": pk,
            f"{prefix}-0-DELETE": "on",
            f"{prefix}-0-note": "forged",
            f"{prefix}-0-name": "forged.step",
            f"{prefix}-1-verb": "approved",
        }
    response = lead_page.post(url, as_shown(lead_page, url, name="New", **posted))
    assert response.status_code == 302
    file.refresh_from_db()
    event.refresh_from_db()
    assert (file.name, event.note) == ("plate.step", "step")
    assert verbs(part) == ["uploaded", "edited"]


def test_a_long_history_is_cut_and_leads_to_the_whole(lead_page):
    part = make_part(name="Hub")
    now = timezone.now()
    PartEvent.objects.bulk_create(
        PartEvent(part=part, verb="edited", at=now - timedelta(minutes=n), note=str(n))
        for n in range(EVENTS_SHOWN + 5)
    )
    response = lead_page.get(reverse(CHANGE, args=[part.pk]))
    shown = [
        form.instance.note
        for form in response.context["inline_admin_formsets"][1].formset.initial_forms
    ]
    assert shown == [str(n) for n in range(EVENTS_SHOWN)]
    whole = lead_page.get(
        reverse("admin:parts_part_history", args=[part.pk]), follow=True
    )
    assert whole.context["cl"].result_count == EVENTS_SHOWN + 5


@pytest.mark.parametrize("count", [1, 20])
def test_a_part_costs_the_same_for_any_number_of_files_and_events(
    lead_page, count, django_assert_num_queries
):
    part = make_part(category="cnc", assigned="Sam")
    for _ in range(count):
        make_file(part)
    lead_page.get(reverse(LIST))  # content types are cached from here on
    # Session, user, part, files, events, seasons, and which steps are open.
    with django_assert_num_queries(7):
        response = lead_page.get(reverse(CHANGE, args=[part.pk]))
    assert response.content.count(b'class="form-row has_original"') == 2 * count


@pytest.mark.parametrize("model", ["partfile", "partevent"])
def test_files_and_events_cannot_be_added_changed_or_deleted(lead_page, model):
    file = make_file(make_part())
    pk = file.pk if model == "partfile" else PartEvent.objects.get().pk
    statuses = {
        "add": lead_page.get(reverse(f"admin:parts_{model}_add")).status_code,
        "view": lead_page.get(
            reverse(f"admin:parts_{model}_change", args=[pk])
        ).status_code,
        "change": lead_page.post(
            reverse(f"admin:parts_{model}_change", args=[pk]), {"note": "forged"}
        ).status_code,
        "delete": lead_page.post(
            reverse(f"admin:parts_{model}_delete", args=[pk]), {"post": "yes"}
        ).status_code,
    }
    lead_page.post(
        reverse(f"admin:parts_{model}_changelist"),
        {"action": "delete_selected", "_selected_action": pk, "post": "yes"},
    )
    assert statuses == {"add": 403, "view": 200, "change": 403, "delete": 403}
    assert (PartFile.objects.count(), PartEvent.objects.count()) == (1, 1)


def test_the_history_tells_changes_in_words(lead_page, lead):
    part = make_part(name="Hub", category="cnc")
    workflow.assign(part, worker="Sam", actor=lead)
    PartEvent.objects.filter(part=part).update(
        changes={
            "status": ["Reviewed", "In Progress"],
            "claimed_date": [None, "2026-01-15T10:30:00+00:00"],
            "gone_column": ["", "x" * 100],
        }
    )
    text = lead_page.get(reverse(EVENTS), {"q": "hub"}).content.decode()
    changes = re.findall(r'<div><span class="quiet">(.*?):</span> (.*?)</div>', text)
    assert changes == [
        ("claimed date", "– → Jan. 15, 2026, 10:30 a.m."),
        ("gone column", f"– → {'x' * 79}…"),
        ("status", "Ready → In progress"),
    ]


@pytest.mark.parametrize("count", [1, 20])
def test_the_history_costs_the_same_for_any_number_of_events(
    lead_page, lead, count, django_assert_num_queries
):
    for number in range(count):
        workflow.edit(make_part(), actor=lead, notes=str(number))
    with django_assert_num_queries(5):  # session, user, count, full count, events
        response = lead_page.get(reverse(EVENTS))
    assert len(rows(response)) == count


# --- Steps of one part --------------------------------------------------------


@pytest.mark.parametrize(
    ("stands", "labels"),
    [
        ({}, ["Approve", "Send back", "Put the name right", "Put elsewhere"]),
        (
            {"blocked_reason": "Too thin"},
            [
                "Approve",
                "Send back",
                "Hand in again",
                "Put the name right",
                "Put elsewhere",
            ],
        ),
        ({"category": "cnc"}, ["Finish", "Give to somebody", "Put elsewhere"]),
        (
            {"category": "cnc", "assigned": "Sam"},
            ["Start", "Finish", "Give to somebody", "Let go", "Put elsewhere"],
        ),
        (
            {"category": "hand", "assigned": "Sam", "status": "In Progress"},
            ["Finish", "Give to somebody", "Let go", "Put elsewhere"],
        ),
        ({"category": "completed"}, ["Put the name right", "Reopen", "Put elsewhere"]),
        ({"deleted_at": timezone.now()}, ["Restore"]),
    ],
)
def test_a_part_offers_the_steps_of_its_state(lead_page, stands, labels):
    part = make_part(**stands)
    steps = lead_page.get(reverse(CHANGE, args=[part.pk])).context["steps"]
    assert [step["label"] for step in steps] == labels


def test_a_newer_file_and_a_conversion_have_their_steps(lead_page, lead):
    part = make_part(category="cnc")
    make_converted(part)
    workflow.assign(part, worker="Sam", actor=lead)
    make_converted(part)
    url = reverse(CHANGE, args=[part.pk])
    labels = [step["label"] for step in lead_page.get(url).context["steps"]]
    assert "Accept the new file" in labels
    assert "Convert again" in labels
    lead_page.post(reverse(STEP, args=[part.pk, "accept"]))
    part.refresh_from_db()
    assert part.claimed_revision == 2


def test_a_step_without_a_question_is_taken_at_once(lead_page, lead):
    part = make_part(name="Hub", type="cnc")
    response = lead_page.post(reverse(STEP, args=[part.pk, "approve"]))
    assert response.url == reverse(CHANGE, args=[part.pk])
    assert told(response) == ["“Hub” is approved."]
    part.refresh_from_db()
    assert (part.category, part.status, part.reviewer) == (
        "cnc",
        "Reviewed",
        "Lena Lead",
    )


def test_reading_a_step_only_asks(lead_page):
    part = make_part(type="cnc")
    response = lead_page.get(reverse(STEP, args=[part.pk, "approve"]))
    assert response.status_code == 200
    part.refresh_from_db()
    assert part.category == "review"


def test_a_part_is_sent_back_with_a_reason_and_only_so(lead_page):
    part = make_part(name="Hub")
    url = reverse(STEP, args=[part.pk, "send_back"])
    assert lead_page.get(url).context["parts"] == [part]
    refused = lead_page.post(url, {"confirmed": "yes", "reason": "  "})
    assert refused.status_code == 422
    assert refused.context["form"].errors == {"reason": ["This field is required."]}
    assert not part.events.exists()
    response = lead_page.post(url, {"confirmed": "yes", "reason": "Too thin"})
    assert told(response) == ["“Hub” is sent back."]
    part.refresh_from_db()
    assert part.blocked_reason == "Too thin"


def test_a_wrong_holder_is_put_right(lead_page):
    part = make_part(name="Hub", category="cnc", assigned="Smm", status="In Progress")
    make_user("sam", name="Sam")
    make_user("vic", name="Vic", role="viewer")
    url = reverse(STEP, args=[part.pk, "reassign"])
    assert list(lead_page.get(url).context["people"]) == ["Lena Lead", "Sam"]
    response = lead_page.post(url, {"confirmed": "yes", "worker": "Sam"})
    assert told(response) == ["“Hub” is given to Sam."]
    part.refresh_from_db()
    assert (part.assigned, part.status) == ("Sam", "In Progress")
    assert part.events.first().changes["assigned"] == ["Smm", "Sam"]


@pytest.mark.parametrize("name", ["Sam", ""])
def test_whose_a_completed_part_is_can_be_put_right(lead_page, lead, name):
    part = make_part(name="Hub", category="completed", assigned="Smm")
    url = reverse(STEP, args=[part.pk, "hold"])
    assert list(lead_page.get(url).context["people"]) == ["Lena Lead"]
    response = lead_page.post(url, {"confirmed": "yes", "assigned": name})
    assert told(response) == ["“Hub” is noted with that name."]
    part.refresh_from_db()
    assert (part.assigned, part.category) == (name, "completed")
    event = part.events.get()
    assert (event.actor, event.changes) == (lead, {"assigned": ["Smm", name]})


def test_a_step_that_cannot_be_taken_is_refused_in_words(lead_page):
    part = make_part(name="Hub", category="completed")
    response = lead_page.post(reverse(STEP, args=[part.pk, "approve"]))
    assert response.url == reverse(CHANGE, args=[part.pk])
    assert told(response) == [
        'Not done:<ul class="refusals">'
        "<li>“Hub” is completed already, so it cannot be approved.</li></ul>"
    ]


@pytest.mark.parametrize(
    ("said", "told_", "stands"),
    [
        (
            {"category": "review", "status": ""},
            "“Hub” is moved.",
            ("review", "Pending"),
        ),
        ({"status": "Cancelled"}, "“Hub” is moved.", ("cnc", "Cancelled")),
        ({"category": "completed"}, "“Hub” is moved.", ("completed", "Completed")),
        (
            {"category": "hand"},
            'Not done:<ul class="refusals"><li>“Hub”: A part of type “cnc” cannot '
            "stand in “hand”.</li></ul>",
            ("cnc", "Reviewed"),
        ),
        (
            {"category": "review", "status": "Completed"},
            'Not done:<ul class="refusals"><li>“Hub”: Category “review” and status '
            "“Completed” contradict each other.</li></ul>",
            ("cnc", "Reviewed"),
        ),
    ],
)
def test_old_data_is_put_elsewhere_by_the_rules(lead_page, said, told_, stands):
    part = make_part(name="Hub", category="cnc")
    url = reverse(STEP, args=[part.pk, "move"])
    response = lead_page.post(url, {"confirmed": "yes", **said})
    assert told(response) == [told_]
    part.refresh_from_db()
    assert (part.category, part.status) == stands


def test_putting_elsewhere_needs_a_place(lead_page):
    part = make_part()
    url = reverse(STEP, args=[part.pk, "move"])
    response = lead_page.post(url, {"confirmed": "yes", "category": "", "status": ""})
    assert response.status_code == 422
    assert response.context["form"].errors == {
        "__all__": ["Choose a category or a status."]
    }


@pytest.mark.parametrize(("pk", "name"), [(None, "explode"), (999, "approve")])
def test_an_unknown_step_or_part_is_not_found(lead_page, pk, name):
    pk = pk or make_part().pk
    assert lead_page.post(reverse(STEP, args=[pk, name])).status_code == 404


# --- The trash ----------------------------------------------------------------


def test_delete_asks_and_moves_to_the_trash(lead_page):
    part = make_part(name="Hub")
    make_file(part)
    url = reverse("admin:parts_part_delete", args=[part.pk])
    asked = reverse(STEP, args=[part.pk, "trash"])
    assert lead_page.get(url).url == asked
    assert lead_page.post(url, {"post": "yes"}).url == asked
    part.refresh_from_db()
    assert part.deleted_at is None
    response = lead_page.post(asked, {"confirmed": "yes"})
    assert told(response) == ["“Hub” is in the trash."]
    part.refresh_from_db()
    assert part.deleted_at is not None
    assert verbs(part) == ["uploaded", "trashed"]


@pytest.mark.parametrize("key", ["999", "_31", "x"])
def test_deleting_what_is_not_there_is_not_found(lead_page, key):
    url = f"{reverse(LIST)}{key}/delete/"
    assert lead_page.post(url, {"post": "yes"}).status_code == 404


def test_what_is_in_the_trash_is_only_shown_and_can_be_restored(lead_page):
    part = make_part(name="Hub")
    workflow.trash(part, actor=None)
    url = reverse(CHANGE, args=[part.pk])
    response = lead_page.get(url)
    text = response.content.decode()
    assert 'name="_save"' not in text
    assert 'name="name"' not in text
    assert 'class="deletelink"' not in text
    lead_page.post(reverse(STEP, args=[part.pk, "restore"]))
    part.refresh_from_db()
    assert part.deleted_at is None
    assert 'name="_save"' in lead_page.get(url).content.decode()


# --- Bulk actions -------------------------------------------------------------


def test_the_actions_are_the_steps_and_never_a_deletion(lead_page):
    response = lead_page.get(reverse(LIST))
    choices = response.context["action_form"].fields["action"].choices
    make_part()
    response = lead_page.get(reverse(LIST))
    choices = response.context["action_form"].fields["action"].choices
    assert [name for name, _ in choices if name] == [
        "approve",
        "send_back",
        "reassign",
        "unclaim",
        "complete",
        "revert",
        "retry",
        "trash",
        "restore",
    ]


def test_a_bulk_delete_deletes_nothing(lead_page):
    part = make_part()
    act(lead_page, "delete_selected", part, post="yes")
    assert Part.objects.filter(pk=part.pk, deleted_at=None).exists()


def test_bulk_approve_tells_each_refusal(lead_page):
    parts = [
        make_part(name="Hub", type="cnc"),
        make_part(name="Plate"),
        make_part(name="<b>Shaft</b>", category="completed"),
        make_part(name="Tube", category="cnc"),
    ]
    response = act(lead_page, "approve", *parts)
    assert response.url == reverse(LIST)
    assert told(response) == [
        "2 parts are approved.",
        'Not done:<ul class="refusals">'
        "<li>“Tube” is in production (ready), so it cannot be approved.</li>"
        "<li>“&lt;b&gt;Shaft&lt;/b&gt;” is completed already, so it cannot be "
        "approved.</li></ul>",
    ]
    stands = {str(part): part.category for part in Part.objects.all()}
    assert stands == {
        "Hub": "cnc",
        "Plate": "hand",
        "<b>Shaft</b>": "completed",
        "Tube": "cnc",
    }


def test_bulk_send_back_asks_for_the_reason_first(lead_page):
    parts = [make_part(name="Hub"), make_part(name="Plate", category="cnc")]
    asked = act(lead_page, "send_back", *parts)
    assert asked.status_code == 200
    assert {str(part) for part in asked.context["parts"]} == {"Hub", "Plate"}
    text = asked.content.decode()
    assert '<input type="hidden" name="action" value="send_back">' in text
    for part in parts:
        assert f'name="_selected_action" value="{part.pk}"' in text
    assert not PartEvent.objects.exists()
    response = act(lead_page, "send_back", *parts, confirmed="yes", reason="Too thin")
    assert told(response) == [
        "“Hub” is sent back.",
        'Not done:<ul class="refusals"><li>“Plate” is in production (ready), so it '
        "cannot be sent back.</li></ul>",
    ]
    assert Part.objects.get(name="Hub").blocked_reason == "Too thin"


def test_bulk_revert_names_the_part_that_is_not_completed(lead_page):
    parts = [make_part(name="Hub", category="completed"), make_part(name="Plate")]
    response = act(lead_page, "revert", *parts, confirmed="yes", reason="")
    assert told(response) == [
        "“Hub” is in production again.",
        'Not done:<ul class="refusals"><li>“Plate”: Part is not completed</li></ul>',
    ]
    hub = Part.objects.get(name="Hub")
    assert (hub.category, hub.status) == ("cnc", "In Progress")


def test_bulk_trash_asks_and_restore_brings_back(lead_page):
    parts = [make_part(name="Hub"), make_part(name="Plate")]
    assert act(lead_page, "trash", *parts).status_code == 200
    assert Part.objects.live().count() == 2
    response = act(lead_page, "trash", *parts, confirmed="yes")
    assert told(response) == ["2 parts are in the trash."]
    assert Part.objects.live().count() == 0
    back = act(lead_page, "restore", *parts, query="?trash=only")
    assert told(back)[-1] == "2 parts are restored."
    assert Part.objects.live().count() == 2


def test_bulk_finish_gives_all_a_place(lead_page):
    parts = [make_part(category="cnc"), make_part(category="misc", amount=4)]
    act(lead_page, "complete", *parts, confirmed="yes", storage="Shelf A3")
    assert list(
        Part.objects.order_by("id").values_list("category", "storage_location", "made")
    ) == [("completed", "Shelf A3", 1), ("completed", "Shelf A3", 4)]


def test_bulk_retry_queues_conversions(
    lead_page, queued, django_capture_on_commit_callbacks
):
    failed = make_part(name="Failed")
    file = make_file(failed)
    PartFile.objects.filter(pk=file.pk).update(
        state=Conversion.FAILED, error="Cut off", attempts=3
    )
    waiting = make_part(name="Waiting")
    make_file(waiting)
    queued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        response = act(lead_page, "retry", failed, waiting, make_part(name="Bare"))
    assert told(response) == [
        "“Failed” is queued for conversion.",
        'Not done:<ul class="refusals"><li>“Bare” has no STEP file.</li>'
        "<li>“Waiting” is being converted already.</li></ul>",
    ]
    file.refresh_from_db()
    assert (file.state, file.error, file.attempts) == ("queued", "", 0)
    assert queued == [file.pk]


def test_too_many_parts_at_once_are_refused(lead_page, monkeypatch):
    monkeypatch.setattr("parts.admin.steps.MOST_AT_ONCE", 2)
    parts = [make_part(type="cnc") for _ in range(3)]
    response = act(lead_page, "approve", *parts)
    assert told(response) == [
        "Choose 2 parts at most; these are 3. Nothing was changed."
    ]
    assert not PartEvent.objects.exists()


# --- Files --------------------------------------------------------------------


def test_the_files_are_found_and_filtered(lead_page):
    file = make_file(make_part(name="Hub"), "hub.step")
    make_file(make_part(name="Plate"), "plate.pdf", TINY_PDF)
    PartFile.objects.filter(pk=file.pk).update(
        state=Conversion.FAILED, error="This file is cut off."
    )
    hub, plate = "hub.step (STEP file, revision 1)", "plate.pdf (Drawing, revision 1)"
    for query, found in [
        ({}, [plate, hub]),
        ({"q": "hub"}, [hub]),
        ({"q": "Plate"}, [plate]),
        ({"state__exact": "failed"}, [hub]),
        ({"kind__exact": "drawing"}, [plate]),
    ]:
        assert rows(lead_page.get(reverse(FILES), query)) == found
    assert "This file is cut off." in lead_page.get(reverse(FILES)).content.decode()


@pytest.mark.parametrize("count", [1, 20])
def test_the_files_cost_the_same_for_any_number(
    lead_page, count, django_assert_num_queries
):
    for _ in range(count):
        make_converted(make_part())
    with django_assert_num_queries(5):  # session, user, count, full count, files
        response = lead_page.get(reverse(FILES))
    assert response.content.count(b'<img class="picture"') == count


def test_pictures_of_old_revisions_and_of_the_trash_are_shown(lead_page):
    part = make_part()
    older = make_converted(part)
    make_converted(part)
    workflow.trash(part, actor=None)
    url = reverse(PICTURE, args=[older.pk, older.thumbnail_tag])
    response = lead_page.get(url)
    assert b"".join(response.streaming_content) == b"PNG-fake"
    assert response["Content-Type"] == "image/png"
    assert response["Cache-Control"] == "private, max-age=31536000, immutable"
    assert response["X-Content-Type-Options"] == "nosniff"
    lead_page.logout()
    assert lead_page.get(url).status_code == 302


def test_a_picture_that_is_lost_is_not_found(lead_page):
    file = make_converted(make_part())
    file.thumbnail.storage.delete(file.thumbnail.name)
    url = reverse(PICTURE, args=[file.pk, file.thumbnail_tag])
    assert lead_page.get(url).status_code == 404


@pytest.mark.parametrize("tag", ["0", "f" * 16])
def test_a_picture_that_is_not_there_is_not_found(lead_page, tag):
    for file in (make_file(make_part()), make_converted(make_part())):
        url = reverse(PICTURE, args=[file.pk, tag])
        assert lead_page.get(url).status_code == 404


def test_conversions_are_tried_again_from_the_list_of_files(
    lead_page, lead, queued, django_capture_on_commit_callbacks
):
    part = make_part(name="Hub")
    older, newest = make_converted(part), make_converted(part)
    plate = make_part(name="Plate")
    former, waiting = make_file(plate, "old.step"), make_file(plate, "new.step")
    drawing = make_file(plate, "plate.pdf", TINY_PDF)
    queued.clear()
    chosen = [file.pk for file in (older, newest, former, waiting, drawing)]
    with django_capture_on_commit_callbacks(execute=True):
        response = lead_page.post(
            reverse(FILES),
            {"action": "retry", "_selected_action": chosen, "index": 0},
        )
    assert told(response) == [
        "2 files are queued for conversion.",
        'Not done:<ul class="refusals"><li>“plate.pdf” is no STEP file.</li>'
        "<li>“new.step” is being converted already.</li>"
        "<li>“old.step” is being converted already.</li></ul>",
    ]
    assert sorted(queued) == [older.pk, newest.pk]
    events = part.events.filter(verb="retried", actor=lead)
    assert sorted(event.revision for event in events) == [1, 2]


def test_a_conversion_is_tried_again_from_the_page_of_its_file(
    lead_page, queued, django_capture_on_commit_callbacks
):
    file = make_converted(make_part())
    url = reverse("admin:parts_partfile_change", args=[file.pk])
    retry = reverse("admin:parts_partfile_retry", args=[file.pk])
    queued.clear()
    assert [s["url"] for s in lead_page.get(url).context["steps"]] == [retry]
    assert lead_page.get(retry).status_code == 405
    with django_capture_on_commit_callbacks(execute=True):
        assert lead_page.post(retry).url == url
    assert queued == [file.pk]
    assert "steps" not in lead_page.get(url).context


# --- Seasons and background work ----------------------------------------------


def test_seasons_are_archived_and_counted(lead_page):
    season = Season.objects.create(name="2025")
    make_part(season=season)
    make_part(season=season, deleted_at=timezone.now())
    url = reverse("admin:parts_season_changelist")
    assert lead_page.get(url).context["cl"].result_list[0].part_count == 2
    data = {"_selected_action": season.pk, "index": 0}
    response = lead_page.post(url, {**data, "action": "archive"})
    assert told(response) == ["“2025” is archived."]
    season.refresh_from_db()
    assert season.archived is True
    lead_page.post(url, {**data, "action": "unarchive"})
    season.refresh_from_db()
    assert season.archived is False


def test_a_season_with_parts_is_not_deleted(lead_page):
    season = Season.objects.create(name="2025")
    make_part(season=season)
    lead_page.post(
        reverse("admin:parts_season_delete", args=[season.pk]), {"post": "yes"}
    )
    lead_page.post(
        reverse("admin:parts_season_changelist"),
        {"action": "delete_selected", "_selected_action": season.pk, "post": "yes"},
    )
    assert Season.objects.get() == season
    empty = Season.objects.create(name="2024")
    lead_page.post(
        reverse("admin:parts_season_delete", args=[empty.pk]), {"post": "yes"}
    )
    assert Season.objects.get() == season


def test_two_seasons_of_one_name_are_an_error_of_the_form(lead_page):
    Season.objects.create(name="2025")
    response = lead_page.post(reverse("admin:parts_season_add"), {"name": "2025"})
    assert errors(response) == {"name": ["Season with this Name already exists."]}


def test_leads_see_what_failed_and_cannot_write_schedules(lead_page):
    now = timezone.now()
    failure = Failure.objects.create(
        id="a" * 32,
        name="rescue",
        func="parts.tasks.rescue",
        started=now,
        stopped=now,
        success=False,
        result="disk full : Traceback",
    )
    text = lead_page.get(reverse("admin:django_q_failure_changelist")).content.decode()
    assert "disk full" in text
    url = reverse("admin:django_q_failure_change", args=[failure.pk])
    assert "Traceback" in lead_page.get(url).content.decode()
    assert lead_page.post(url, {"func": "os.abort"}).status_code == 403
    for name in ("schedule", "success", "ormq"):
        assert lead_page.get(f"/admin/django_q/{name}/").status_code == 404
