"""The history of a part in words."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from parts import workflow
from parts.models import Part, PartEvent, Verb
from parts.views.timeline import Day, by_day, told
from tests.factories import make_key, make_part

ICONS = json.loads(Path(settings.BASE_DIR, "icons/sprite.json").read_text())


def event(verb: str, actor: str = "Sam", **fields) -> PartEvent:
    return PartEvent(part=Part(), verb=verb, actor_name=actor, **fields)


@pytest.mark.parametrize(
    ("happened", "words"),
    [
        (event("created"), "handed it in"),
        (event("edited", changes={"name": ["a", "b"]}), "changed it"),
        (
            event("uploaded", note="step", revision=2),
            "uploaded plate.step (revision 2)",
        ),
        (event("uploaded", note="drawing"), "uploaded a drawing"),
        (event("uploaded", note="step"), "uploaded a STEP file"),
        (event("approved"), "approved it"),
        (event("sent_back"), "sent it back"),
        (event("resubmitted"), "handed it in again"),
        (event("assigned", changes={"assigned": ["", "SAM"]}), "took it"),
        (event("assigned", changes={"assigned": ["Kim", "Sam"]}), "took it from Kim"),
        (event("assigned", changes={"assigned": ["", "Kim"]}), "gave it to Kim"),
        (
            event("assigned", changes={"assigned": ["Ann", "Kim"]}),
            "gave it to Kim instead of Ann",
        ),
        (event("assigned"), "took it"),
        (event("started"), "started it"),
        (event("accepted", revision=3), "accepted the new file (revision 3)"),
        (
            event("accepted", note="step", revision=2),
            "accepted the new plate.step (revision 2)",
        ),
        (event("unclaimed", changes={"assigned": ["Sam", ""]}), "let it go"),
        (event("unclaimed", changes={"assigned": ["Kim", ""]}), "took it from Kim"),
        (event("completed"), "finished it"),
        (event("reverted"), "reopened it"),
        (event("trashed"), "moved it to the trash"),
        (event("restored"), "took it out of the trash"),
        (event("retried"), "asked for another conversion"),
    ],
)
def test_each_event_is_a_sentence(happened, words):
    line = told(happened, {("step", 2): "plate.step"})
    assert line.who == "Sam"
    assert line.sentence == f"<strong>Sam</strong> {words}"


def test_every_verb_has_its_sentence_and_a_sign_of_the_sprite():
    for verb in Verb.values:
        line = told(event(verb))
        assert line.sentence.startswith("<strong>Sam</strong> ")
        assert line.icon in ICONS


def test_names_are_only_text():
    happened = event("assigned", actor="<b>", changes={"assigned": ["", "<i>{who}"]})
    sentence = "<strong>&lt;b&gt;</strong> gave it to &lt;i&gt;{who}"
    assert told(happened).sentence == sentence


def test_lines_are_grouped_by_the_days_of_the_reader():
    lines = [
        told(event("edited", at=datetime.fromisoformat(at)))
        for at in (
            "2026-11-25T05:00Z",
            "2026-11-25T03:00Z",  # in New York still the day before
            "2026-11-24T20:00Z",
        )
    ]
    with timezone.override("America/New_York"):
        days = [(day.date.day, len(day.lines)) for day in by_day(lines)]
    assert days == [(25, 1), (24, 2)]


@pytest.mark.parametrize(
    ("days", "words"), [(0, "Today"), (1, "Yesterday"), (2, "2 days ago")]
)
def test_a_day_says_how_long_ago_it_is(days, words):
    day = Day(timezone.localdate() - timedelta(days=days), [])
    assert (day.title, day.is_today) == (words, days == 0)


def test_what_nobody_did_the_system_did():
    assert told(event("completed", actor="")).who == "The system"


def test_a_reason_is_told_and_a_kind_is_not():
    assert told(event("sent_back", note="Too thin.")).note == "Too thin."
    assert told(event("uploaded", note="step")).note == ""


def test_changes_are_told_in_words():
    changed = event(
        "edited",
        changes={
            "amount": [1, 3],
            "category": ["cnc", "hand"],
            "completed_incorrectly": [False, True],
            "due_date": [None, "2026-12-01"],
            "material_thickness": ["", "6 mm"],
            "notes": ["", "line\nline"],
            "onshape_url": ["https://a", ""],
            "priority": [1, 3],
            "season": [None, "2026"],
            "type": ["cnc", "hand"],
            "unheard_of": [1, 2],
        },
    )
    changes = told(changed).changes
    assert [(c.label, c.before, c.after) for c in changes] == [
        ("amount", "1", "3"),
        ("made wrong", "no", "yes"),
        ("due date", "", "1 Dec 2026"),
        ("thickness", "", "6 mm"),
        ("notes", "", "line\nline"),
        ("Onshape link", "https://a", ""),
        ("priority", "Normal", "Urgent"),
        ("season", "", "2026"),
        ("type", "CNC or laser", "Hand fabrication"),
        ("unheard_of", "1", "2"),
    ]
    assert [c.label for c in changes if c.is_long] == ["notes"]


def test_a_step_does_not_list_what_its_sentence_says():
    taken = event(
        "assigned",
        changes={"assigned": ["", "Sam"], "status": ["Reviewed", "In Progress"]},
    )
    assert told(taken).changes == []
    approved = event("approved", changes={"material": ["a", "b"], "category": ["", ""]})
    assert [change.label for change in told(approved).changes] == ["material"]


def test_a_script_is_told_from_a_person(lead_page):
    part = make_part()
    key, _ = make_key(name="Laser robot")
    workflow.edit(part, actor=key, notes="by a script")
    html = lead_page.get(part.get_absolute_url()).content.decode()
    script = '<strong>Laser robot</strong> <span class="timeline__key">API key</span>'
    assert script in html
    assert html.count("timeline__key") == 1
    key.delete()  # its name stays
    assert "Laser robot" in lead_page.get(part.get_absolute_url()).text


def test_a_person_is_told_without_a_mark(lead_page, lead):
    part = make_part()
    workflow.edit(part, actor=lead, notes="by hand")
    assert "timeline__key" not in lead_page.get(part.get_absolute_url()).text
