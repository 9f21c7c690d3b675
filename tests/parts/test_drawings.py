"""Drawings from Onshape: wished for, fetched in the background, kept as revisions."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Role
from parts import drawings, workflow
from parts.errors import LinkRefused, NotAllowed, OnshapeFailed
from parts.models import DrawingFetch, PartFile
from parts.onshape import client
from tests.factories import (
    TINY_PDF,
    make_converted,
    make_file,
    make_key,
    make_part,
    make_user,
)
from tests.onshape import PDF, cut_off, raw, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def part(onshape):
    return make_part(name="Gusset", type="hand", onshape_url=onshape.link())


def fetched(part, actor=None) -> DrawingFetch:
    """Wish for the drawing of ``part`` and let a worker fetch it."""
    wish = drawings.ask(part, actor=actor)
    drawings.fetch(wish.pk)
    wish.refresh_from_db()
    part.refresh_from_db()
    return wish


def content(file: PartFile) -> bytes:
    with file.content.open("rb") as stored:
        return stored.read()


# --- Asking -------------------------------------------------------------------


def test_a_wish_is_written_down_and_queued(
    part, member, wished, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        wish = drawings.ask(part, actor=member)
    assert wished == [wish.pk]
    wish.refresh_from_db()
    assert (wish.part, wish.link, wish.state) == (part, part.onshape_url, "queued")
    assert (wish.asked_by, wish.asked_by_name) == (member, "Mara Member")
    assert (wish.api_key, wish.attempts, wish.is_open) == (None, 0, True)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_second_wish_joins_the_first(
    part, member, lead, wished, state, django_capture_on_commit_callbacks
):
    first = drawings.ask(part, actor=member)
    DrawingFetch.objects.update(state=state)
    with django_capture_on_commit_callbacks(execute=True):
        assert drawings.ask(part, actor=lead) == first
    assert wished == []
    assert DrawingFetch.objects.count() == 1


@pytest.mark.parametrize("state", ["done", "failed"])
def test_what_has_ended_can_be_wished_for_again(part, member, state):
    first = drawings.ask(part, actor=member)
    DrawingFetch.objects.update(state=state)
    second = drawings.ask(part, actor=member)
    assert second != first
    assert drawings.latest(part) == second


def test_the_database_holds_one_open_wish_for_each_part(part):
    drawings.ask(part, actor=None)
    drawings.ask(make_part(onshape_url=part.onshape_url), actor=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        DrawingFetch.objects.create(part=part, state="running")
    with pytest.raises(IntegrityError), transaction.atomic():
        DrawingFetch.objects.create(part=part, state="lost")


def test_who_may_only_look_may_not_ask(part, viewer):
    with pytest.raises(NotAllowed, match="^Only members and leads may fetch"):
        drawings.ask(part, actor=viewer)
    assert not DrawingFetch.objects.exists()


@pytest.mark.parametrize("link", ["", "https://example.org/documents/1"])
def test_a_part_without_a_good_link_has_nothing_to_ask_for(onshape, member, link):
    part = make_part(onshape_url=link)
    assert not drawings.can_ask(part)
    with pytest.raises(LinkRefused):
        drawings.ask(part, actor=member)
    assert not DrawingFetch.objects.exists()


@pytest.mark.parametrize("name", ["ONSHAPE_ACCESS_KEY", "ONSHAPE_SECRET_KEY"])
def test_without_keys_nothing_is_asked(part, member, settings, name):
    assert drawings.can_ask(part)
    setattr(settings, name, "")
    assert not drawings.can_ask(part)
    with pytest.raises(OnshapeFailed) as refused:
        drawings.ask(part, actor=member)
    assert str(refused.value) == (
        "This server has no access to Onshape; whoever runs it sets "
        "ONSHAPE_ACCESS_KEY and ONSHAPE_SECRET_KEY."
    )
    assert not DrawingFetch.objects.exists()


def test_the_task_may_take_as_long_as_a_fetch(monkeypatch, settings):
    tasks = []
    monkeypatch.setattr(
        drawings, "async_task", lambda *words, **options: tasks.append((words, options))
    )
    drawings.enqueue(7)
    ((words, options),) = tasks
    assert words == ("parts.drawings.fetch", 7)
    assert options["timeout"] > settings.ONSHAPE_TIMEOUT_SECONDS + 20
    # A task is handed out again after that, and must have ended then.
    assert options["timeout"] <= settings.Q_CLUSTER["retry"]


# --- Fetching -----------------------------------------------------------------


def test_the_drawing_becomes_a_revision_of_the_part(part, member):
    wish = fetched(part, member)
    drawing = part.current_drawing
    assert (wish.state, wish.error, wish.attempts) == ("done", "", 1)
    assert (wish.drawing, wish.is_new) == (drawing, True)
    assert (drawing.kind, drawing.revision) == ("drawing", 1)
    assert drawing.name == "Gusset drawing.pdf"
    assert (drawing.uploaded_by, content(drawing)) == (member, PDF)
    assert part.file == "Gusset drawing.pdf"
    event = part.events.first()
    assert (event.verb, event.note, event.revision) == ("uploaded", "drawing", 1)
    assert (event.actor, event.actor_name) == (member, "Mara Member")


def test_a_keys_wish_is_the_keys_deed(part, member):
    key, _ = make_key(owner=member, name="Robot")
    wish = fetched(part, key)
    assert (wish.asked_by, wish.api_key) == (member, key)
    event = part.events.first()
    assert (event.api_key, event.actor_name) == (key, "Robot")
    assert wish.asked_by_name == "Robot"


def test_older_drawings_are_kept(part, onshape):
    older = make_file(part, "old.pdf", TINY_PDF)
    onshape.pdf = PDF + b"%newer\n%%EOF\n"
    wish = fetched(part)
    assert wish.drawing.revision == 2
    assert part.files.count() == 2
    assert content(older) == TINY_PDF


def test_the_step_file_is_not_touched(part, member):
    step = make_converted(part)
    workflow.approve(part, actor=None)
    workflow.assign(part, worker=member.name, actor=member)
    before = PartFile.objects.filter(pk=step.pk).values().get()
    fetched(part, member)
    assert PartFile.objects.filter(pk=step.pk).values().get() == before
    assert (part.current_step, part.claimed_revision) == (step, 1)
    assert part.newer_files == [part.current_drawing]
    # What scripts download as the part's file is still the STEP file.
    assert (part.current_file, part.file) == (step, step.name)
    assert part.events.first().changes == {}


def test_a_drawing_that_was_the_current_file_is_so_again(part, onshape):
    make_file(part)
    make_file(part, "by hand.pdf", TINY_PDF)
    onshape.pdf = PDF + b"%newer\n%%EOF\n"
    wish = fetched(part)
    assert (part.current_file, part.file) == (wish.drawing, "Gusset drawing.pdf")


def test_an_equal_drawing_is_no_new_revision(part, member):
    first = fetched(part)
    second = fetched(part, member)
    assert (second.state, second.drawing, second.is_new) == (
        "done",
        first.drawing,
        False,
    )
    assert part.files.count() == 1
    assert part.events.count() == 1


def test_an_older_drawing_that_comes_back_is_a_new_revision(part, onshape):
    fetched(part)
    make_file(part, "by hand.pdf", PDF + b"%other\n%%EOF\n")
    assert fetched(part).drawing.revision == 3


def test_a_fetch_that_runs_twice_does_the_work_once(part, onshape):
    wish = fetched(part)
    drawings.fetch(wish.pk)
    assert onshape.asked.count("start") == 1


def test_a_fetch_that_is_gone_does_nothing(onshape):
    drawings.fetch(10**9)
    assert onshape.calls == []


@pytest.mark.parametrize(
    ("name", "file_name"),
    [
        ("Plate 2/4", "Plate 2-4.pdf"),
        ("..\\secret", "-secret.pdf"),
        ("Лист 1", "Лист 1.pdf"),
        ("", "A-7.pdf"),
        ("../..", "A-7.pdf"),
        ("Drawing.pdf", "Drawing.pdf"),
        ("x" * 300, f"{'x' * 251}.pdf"),
        (None, "A-7.pdf"),
    ],
)
def test_the_file_is_called_as_the_drawing(part, onshape, name, file_name):
    part.code = "A-7"
    part.save()
    onshape.done = {**onshape.done, "name": name}
    assert fetched(part).drawing.name == file_name


# --- Failures -----------------------------------------------------------------


def test_a_failure_is_recorded_in_words(part, onshape):
    onshape.done = {"requestState": "FAILED", "failureReason": "No sheets"}
    wish = fetched(part)
    assert (wish.state, wish.drawing) == ("failed", None)
    assert wish.error == "Onshape could not make a PDF of this drawing: No sheets."
    assert part.current_drawing is None
    assert fetched(part).state == "failed"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", PDF[: len(PDF) // 2], b"PK\x03\x04 a zip", b"%PDF-"]
)
def test_what_is_no_whole_pdf_is_not_kept(part, onshape, media, body):
    onshape.troubles["download"] = [raw(body, "application/octet-stream")]
    wish = fetched(part)
    assert (wish.state, wish.error) == (
        "failed",
        "What Onshape sent is not a whole PDF file. Try again later.",
    )
    assert not list(media.rglob("*.pdf"))


def test_a_download_cut_off_again_and_again_is_a_failure(part, onshape, media):
    onshape.troubles["download"] = [cut_off] * 9
    wish = fetched(part)
    assert wish.error == "The answer of Onshape was cut off. Try again later."
    assert not list(media.rglob("*.pdf"))


def test_a_drawing_over_the_upload_limit_is_not_kept(part, onshape, settings):
    settings.UPLOAD_LIMIT_BYTES = 1024 * 1024
    onshape.pdf = b"%PDF-" + b" " * 1024 * 1024
    assert fetched(part).error == "The PDF of this drawing is larger than 1 MB."


def test_a_rate_limit_beyond_our_patience_is_a_failure(part, onshape):
    onshape.troubles["start"] = [refusal(429, Retry_After="450")]
    assert fetched(part).error == (
        "Onshape takes no more calls from this server for now. Try again in 8 minutes."
    )


def test_a_bug_is_recorded_without_telling_the_inside(part, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise RuntimeError("secret inside")

    monkeypatch.setattr("parts.onshape.client.fetch_drawing", broken)
    wish = fetched(part)
    assert wish.state == "failed"
    assert wish.error.startswith("The server could not fetch this drawing.")
    assert f"drawing_broke fetch={wish.pk}" in caplog.text
    assert "secret inside" in caplog.text


def meanwhile(monkeypatch, happens) -> None:
    """Let something happen while the PDF is on its way."""
    store = drawings.uploads.store

    def slow(upload):
        happens()
        return store(upload)

    monkeypatch.setattr("parts.uploads.store", slow)


def test_the_drawing_of_a_former_link_is_not_kept(part, onshape, monkeypatch):
    link = onshape.link("v")
    meanwhile(monkeypatch, lambda: workflow.edit(part, actor=None, onshape_url=link))
    wish = fetched(part)
    assert (wish.state, wish.error) == (
        "failed",
        "The Onshape link of this part was changed meanwhile. Try again.",
    )
    assert part.current_drawing is None


def test_a_part_in_the_trash_gets_no_drawing(part, monkeypatch):
    meanwhile(monkeypatch, lambda: workflow.trash(part, actor=None))
    wish = fetched(part)
    assert (wish.state, wish.error) == ("failed", "“Gusset” is in the trash.")
    assert part.files.count() == 0


def test_a_part_that_is_deleted_meanwhile_takes_its_wish_along(part, monkeypatch):
    wish = drawings.ask(part, actor=None)
    meanwhile(monkeypatch, part.delete)
    drawings.fetch(wish.pk)
    assert not DrawingFetch.objects.exists()
    assert not PartFile.objects.exists()


def test_who_may_no_longer_work_adds_no_drawing(part):
    person = make_user(name="Past Member")
    wish = drawings.ask(part, actor=person)
    person.role = Role.VIEWER
    person.save()
    drawings.fetch(wish.pk)
    wish.refresh_from_db()
    assert wish.error == "Only members and leads may add files."


def test_the_wish_of_a_deleted_account_is_fulfilled(part):
    person = make_user(name="Past Member")
    wish = drawings.ask(part, actor=person)
    person.delete()
    drawings.fetch(wish.pk)
    wish.refresh_from_db()
    assert (wish.state, wish.asked_by_name) == ("done", "Past Member")


@pytest.mark.parametrize(
    "name", ["ONSHAPE_ACCESS_KEY", "ONSHAPE_SECRET_KEY", "ONSHAPE_URL"]
)
def test_settings_that_change_meanwhile_are_a_failure(part, onshape, settings, name):
    wish = drawings.ask(part, actor=None)
    setattr(settings, name, "https://cad.onshape.com" if "URL" in name else "")
    drawings.fetch(wish.pk)
    wish.refresh_from_db()
    assert wish.state == "failed"
    assert onshape.calls == []


# --- Workers that die ---------------------------------------------------------


def left(part, state: str, *, seconds_ago: float, attempts: int = 1) -> DrawingFetch:
    wish = drawings.ask(part, actor=None)
    DrawingFetch.objects.filter(pk=wish.pk).update(
        state=state,
        attempts=attempts,
        heartbeat_at=timezone.now() - timedelta(seconds=seconds_ago),
    )
    return wish


def test_rescue_queues_again_what_a_dead_worker_left(part, wished):
    dead = left(part, "running", seconds_ago=90)
    left(make_part(onshape_url=part.onshape_url), "running", seconds_ago=30)
    assert drawings.rescue() == 1
    assert wished == [dead.pk]
    assert drawings.rescue() == 0
    drawings.fetch(dead.pk)
    dead.refresh_from_db()
    assert (dead.state, dead.attempts) == ("done", 2)


def test_rescue_finds_a_wish_whose_task_was_lost(part, wished):
    lost = left(part, "queued", seconds_ago=360, attempts=0)
    left(make_part(onshape_url=part.onshape_url), "queued", seconds_ago=120)
    assert (drawings.rescue(), drawings.rescue()) == (1, 0)
    assert wished == [lost.pk]


def test_rescue_finds_what_was_left_before_the_clock_was_set_back(part, wished):
    dead = left(part, "running", seconds_ago=-3600)
    assert (drawings.rescue(), drawings.rescue()) == (1, 0)
    assert wished == [dead.pk]


def test_rescue_gives_up_on_what_kills_its_worker_every_time(part, wished):
    poison = left(part, "running", seconds_ago=90, attempts=3)
    assert drawings.rescue() == 0
    poison.refresh_from_db()
    assert (poison.state, poison.error) == (
        "failed",
        "Fetching this drawing was broken off 3 times. Try again later.",
    )
    assert wished == []
    assert not drawings.latest(part).is_open


def test_a_fetch_shows_that_it_is_alive(part, onshape, monkeypatch):
    wish = drawings.ask(part, actor=None)
    fetch_drawing = client.fetch_drawing
    hour_ago = timezone.now() - timedelta(hours=1)
    beats = []

    def watched(*args, **kwargs):
        DrawingFetch.objects.update(heartbeat_at=hour_ago)
        name = fetch_drawing(*args, **kwargs)
        beats.append(DrawingFetch.objects.get(pk=wish.pk).heartbeat_at)
        return name

    monkeypatch.setattr("parts.onshape.client.fetch_drawing", watched)
    drawings.fetch(wish.pk)
    assert beats[0] - hour_ago > timedelta(minutes=59)


def test_a_worker_that_was_given_up_adds_nothing(part, monkeypatch):
    # Meanwhile a rescue has given the wish to another worker.
    meanwhile(monkeypatch, lambda: DrawingFetch.objects.update(attempts=2))
    wish = fetched(part)
    assert (wish.state, wish.attempts) == ("running", 2)
    assert part.files.count() == 0
