"""Conversions: recorded, retried, rescued, never done twice for one file."""

import errno
import os
import shutil
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.utils import timezone
from django_q.brokers import get_broker

from parts import tasks, uploads, workflow
from parts.conversion import step
from parts.errors import WrongState
from parts.models import Conversion, DraftFile, Part, PartFile
from partsite import locks
from tests.factories import (
    STEP_SAMPLES,
    TINY_PDF,
    TINY_STEP,
    make_converted,
    make_draft,
    make_file,
    make_part,
    make_upload,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def converter(monkeypatch):
    """Stand in for the child process; ``calls`` counts, ``error`` is raised."""

    class Converter:
        calls = 0
        error: Exception | None = None

        def __call__(self, source, folder, **options):
            self.calls += 1
            if self.error:
                raise self.error
            (folder / "model.glb").write_bytes(b"glTF" + source.read_bytes())
            (folder / "thumbnail.png").write_bytes(b"PNG")
            return step.Conversion(
                glb=folder / "model.glb",
                thumbnail=folder / "thumbnail.png",
                facts={"solids": 1},
                warnings=[],
            )

    fake = Converter()
    monkeypatch.setattr(step, "convert", fake)
    return fake


def _read(stored, count: int) -> bytes:
    with stored.open("rb") as file:
        return file.read(count)


def test_convert_records_model_picture_and_facts(converter):
    file = make_file(make_part())
    assert file.state == Conversion.QUEUED
    tasks.convert(file.pk)
    file.refresh_from_db()
    assert (file.state, file.error, file.attempts) == (Conversion.DONE, "", 1)
    assert file.facts == {"solids": 1}
    assert file.model_bytes == file.model.size
    assert file.model.name.startswith("models/")
    assert _read(file.thumbnail, 9) == b"PNG"
    assert file.took_seconds is not None


def test_convert_twice_does_the_work_once(converter):
    file = make_file(make_part())
    tasks.convert(file.pk)
    tasks.convert(file.pk)
    assert converter.calls == 1


def test_convert_of_a_file_that_is_gone_does_nothing(converter):
    tasks.convert(10**9)
    assert converter.calls == 0


def test_an_equal_file_takes_over_the_model_without_converting(converter):
    first, second = make_file(make_part()), make_file(make_part())
    tasks.convert(first.pk)
    tasks.convert(second.pk)
    first.refresh_from_db()
    second.refresh_from_db()
    assert converter.calls == 1
    assert (second.state, second.model.name) == (Conversion.DONE, first.model.name)
    assert second.facts == first.facts


def test_an_equal_file_whose_model_was_lost_is_converted_itself(converter):
    first = make_file(make_part())
    tasks.convert(first.pk)
    first.refresh_from_db()
    default_storage.delete(first.model.name)
    second = make_file(make_part())
    tasks.convert(second.pk)
    second.refresh_from_db()
    assert converter.calls == 2
    assert default_storage.exists(second.model.name)


def test_a_running_conversion_shows_every_five_seconds_that_it_is_alive(
    monkeypatch, django_assert_num_queries
):
    file = make_file(make_part())
    PartFile.objects.filter(pk=file.pk).update(state="running", heartbeat_at=None)
    clock = SimpleNamespace(monotonic=lambda: clock.seconds, seconds=0)
    monkeypatch.setattr(tasks, "time", clock)
    beat = tasks._heartbeat(file)
    for seconds, queries in [(4, 0), (5, 1), (9, 0), (10, 1)]:
        clock.seconds = seconds
        with django_assert_num_queries(queries):
            beat()
    file.refresh_from_db()
    assert timezone.now() - file.heartbeat_at < timedelta(minutes=1)


def test_a_failure_is_recorded_in_words(converter):
    converter.error = step.ConversionError("cut_off", "This file is cut off.")
    file = make_file(make_part())
    tasks.convert(file.pk)
    file.refresh_from_db()
    assert (file.state, file.error) == (Conversion.FAILED, "This file is cut off.")
    assert file.model.name == ""


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_no_fault_of_the_file(converter, code):
    converter.error = OSError(code, "No space left on device")
    file = make_file(make_part())
    tasks.convert(file.pk)
    file.refresh_from_db()
    told = "The server's disk is full. Try again when there is room."
    assert (file.state, file.error) == (Conversion.FAILED, told)


def test_a_bug_is_recorded_without_telling_the_inside(converter, caplog):
    converter.error = RuntimeError("secret inside")
    file = make_file(make_part())
    tasks.convert(file.pk)
    file.refresh_from_db()
    assert file.state == Conversion.FAILED
    assert file.error.startswith("The server could not convert this file.")
    assert "secret inside" in caplog.text


def test_a_failed_file_can_be_converted_again(
    converter, queued, member, django_capture_on_commit_callbacks
):
    converter.error = step.ConversionError("crashed", "The kernel crashed.")
    file = make_file(make_part())
    tasks.convert(file.pk)
    converter.error = None
    with django_capture_on_commit_callbacks(execute=True):
        workflow.convert_again(file.part, actor=member)
    file.refresh_from_db()
    assert (file.state, file.error, file.attempts) == (Conversion.QUEUED, "", 0)
    assert queued == [file.pk]
    event = file.part.events.first()
    assert (event.verb, event.revision, event.actor) == ("retried", 1, member)
    tasks.convert(file.pk)
    file.refresh_from_db()
    assert file.state == Conversion.DONE


def test_an_older_file_can_be_converted_again(member):
    part = make_part()
    old = make_converted(part)
    make_file(part)
    workflow.convert_again(part, actor=member, file=old)
    old.refresh_from_db()
    assert old.state == Conversion.QUEUED


@pytest.mark.parametrize("state", [Conversion.QUEUED, Conversion.RUNNING])
def test_what_is_on_its_way_is_not_queued_twice(queued, member, state):
    file = make_file(make_part())
    PartFile.objects.filter(pk=file.pk).update(state=state)
    with pytest.raises(WrongState, match=r"^“plate\.step” is being converted already"):
        workflow.convert_again(file.part, actor=member, file=file)
    assert queued == []


def _left(state, *, attempts=1, seconds_ago: float | None, **fields) -> PartFile:
    file = make_file(make_part())
    beat = (
        None if seconds_ago is None else timezone.now() - timedelta(seconds=seconds_ago)
    )
    PartFile.objects.filter(pk=file.pk).update(
        state=state, attempts=attempts, heartbeat_at=beat, **fields
    )
    return file


def test_rescue_queues_again_what_a_dead_worker_left(queued, converter):
    dead = _left(Conversion.RUNNING, seconds_ago=60)
    alive = _left(Conversion.RUNNING, seconds_ago=2, sha256="another file's")
    assert tasks.rescue() == 1
    assert queued == [dead.pk]
    alive.refresh_from_db()
    assert alive.state == Conversion.RUNNING
    tasks.convert(dead.pk)
    dead.refresh_from_db()
    assert (dead.state, dead.attempts) == (Conversion.DONE, 2)


def test_rescue_gives_up_on_a_file_that_kills_its_worker_every_time(queued):
    poison = _left(Conversion.RUNNING, attempts=3, seconds_ago=60)
    assert tasks.rescue() == 0
    poison.refresh_from_db()
    assert poison.state == Conversion.FAILED
    assert poison.error == (
        "The conversion of this file was broken off 3 times. "
        "Try again, or export the file anew."
    )
    assert queued == []


def test_rescue_finds_a_file_whose_task_was_lost(queued):
    lost = _left(Conversion.QUEUED, attempts=0, seconds_ago=70)
    _left(Conversion.QUEUED, attempts=0, seconds_ago=50)  # somebody has its task
    _left(Conversion.RUNNING, seconds_ago=2)
    assert tasks.rescue() == 1
    assert queued == [lost.pk]


def test_rescue_finds_what_was_left_before_the_clock_was_set_back(queued):
    dead = _left(Conversion.RUNNING, seconds_ago=-3600)
    lost = _left(Conversion.QUEUED, attempts=0, seconds_ago=-3600)
    _left(Conversion.RUNNING, seconds_ago=-30, sha256="of a machine a little ahead")
    assert tasks.rescue() == 2
    assert queued == [dead.pk, lost.pk]
    assert tasks.rescue() == 0


def test_rescue_waits_while_there_are_tasks_in_the_queue(queued):
    _left(Conversion.QUEUED, attempts=0, seconds_ago=360)
    broker = get_broker()
    broker.enqueue("a task of another file")
    try:
        assert tasks.rescue() == 0
    finally:
        broker.purge_queue()
    assert queued == []


def test_rescue_does_not_queue_twice_what_it_has_just_queued(queued):
    _left(Conversion.RUNNING, seconds_ago=60)
    assert (tasks.rescue(), tasks.rescue()) == (1, 0)


def test_what_is_away_says_nothing_of_the_file(monkeypatch):
    def away(*args, **options):
        raise OperationalError("the connection is closed")

    file = make_file(make_part())
    monkeypatch.setattr(step, "convert", away)
    with pytest.raises(OperationalError):
        tasks.convert(file.pk)
    file.refresh_from_db()
    assert (file.state, file.error) == (Conversion.RUNNING, "")


def test_a_worker_that_was_given_up_does_not_overwrite_its_successor(converter):
    file = make_file(make_part())
    late = step.convert

    def slow(source, folder, **options):
        # Meanwhile a rescue has given the file to another worker.
        PartFile.objects.filter(pk=file.pk).update(attempts=2)
        return late(source, folder, **options)

    step.convert = slow
    tasks.convert(file.pk)
    file.refresh_from_db()
    assert (file.state, file.attempts) == (Conversion.RUNNING, 2)


def test_a_part_takes_over_what_was_made_while_it_was_described(converter, member):
    draft = make_draft(member)
    tasks.convert_draft(draft.pk)
    draft.refresh_from_db()
    assert (draft.state, draft.facts) == (Conversion.DONE, {"solids": 1})
    file = make_file(make_part())
    tasks.convert(file.pk)
    file.refresh_from_db()
    assert converter.calls == 1
    assert (file.state, file.model.name) == (Conversion.DONE, draft.model.name)


def test_a_file_waits_while_an_equal_one_is_converted(converter, member, queued):
    draft, file = make_draft(member), make_file(make_part())
    really = step.convert

    def meanwhile(*args, **options):
        tasks.convert(file.pk)  # a second worker takes the part's file
        return really(*args, **options)

    step.convert = meanwhile
    tasks.convert_draft(draft.pk)
    file.refresh_from_db()
    assert (file.state, file.attempts) == (Conversion.DONE, 0)
    assert converter.calls == 1
    assert queued == []


def test_what_waited_for_a_failed_conversion_is_tried_itself(
    converter, member, queued_drafts
):
    converter.error = step.ConversionError("crashed", "The kernel crashed.")
    draft, file = make_draft(member), make_file(make_part())
    tasks.convert(file.pk)
    draft.refresh_from_db()
    assert draft.state == Conversion.QUEUED
    assert queued_drafts == [draft.pk]


def test_rescue_queues_again_the_drafts_of_a_dead_worker(member, queued_drafts):
    long_ago = timezone.now() - timedelta(minutes=6)
    dead = make_draft(member, state="running", attempts=1, heartbeat_at=long_ago)
    poison = make_draft(member, state="running", attempts=3, heartbeat_at=long_ago)
    assert tasks.rescue() == 1
    assert queued_drafts == [dead.pk]
    poison.refresh_from_db()
    assert poison.state == Conversion.FAILED


def test_empty_trash_deletes_for_good_after_thirty_days():
    now = timezone.now()
    make_part(deleted_at=now - timedelta(days=31))
    young = make_part(deleted_at=now - timedelta(days=29))
    kept = make_part()
    assert tasks.empty_trash() == 1
    assert set(Part.objects.all()) == {young, kept}


@pytest.mark.parametrize("purge", [tasks.empty_trash, tasks.clear_drafts])
def test_nothing_is_purged_while_a_backup_is_being_made(purge, member, monkeypatch):
    monkeypatch.setattr(tasks, "_PURGE_WAIT_SECONDS", 0)
    long_ago = timezone.now() - timedelta(days=31)
    make_part(deleted_at=long_ago)
    make_draft(member, sent_at=long_ago)
    with locks.exclusive(tasks.PURGE_LOCK):
        assert purge() == 0
    assert purge() == 1


def _stored(media: Path) -> set[str]:
    return {str(p.relative_to(media)) for p in media.rglob("*") if p.is_file()}


def _age(media: Path) -> None:
    """Have everything stored lie there since yesterday."""
    for path in media.rglob("*"):
        os.utime(path, (time.time() - 86_400,) * 2)


def _trashed_long_ago(part: Part) -> None:
    Part.objects.filter(pk=part.pk).update(
        deleted_at=timezone.now() - timedelta(days=31)
    )


def test_emptying_the_trash_deletes_the_bytes_of_its_files(media):
    part, other = make_part(), make_part()
    make_converted(part)
    make_file(part, "d.pdf", TINY_PDF)
    picture = uploads.store_png(make_upload("a.png", b"first"))
    workflow.add_views(part, actor=None, views={0: picture})
    assert len(_stored(media)) == 5
    make_file(other, "other.step", TINY_STEP.replace(b"DATA;", b"DATA; "))
    kept = other.files.get().content.name
    _trashed_long_ago(part)
    _age(media)
    assert tasks.empty_trash() == 1
    assert _stored(media) == {kept}


def test_bytes_that_another_part_has_stay(media):
    part, twin = make_part(), make_part()
    file = make_converted(part)
    make_file(twin)
    shared = uploads.store_png(make_upload("a.png", b"first"))
    for each in (part, twin):
        workflow.add_views(each, actor=None, views={0: shared})
    before = _stored(media)
    _trashed_long_ago(part)
    _age(media)
    tasks.empty_trash()
    # The model too: the equal file is about to take it over.
    assert _stored(media) == before
    assert file.model.name in before


def test_a_model_that_another_file_has_stays(media):
    part, other = make_part(), make_part()
    file = make_converted(part)
    newer = make_file(other, "other.step", TINY_STEP.replace(b"DATA;", b"DATA; "))
    PartFile.objects.filter(pk=newer.pk).update(model=file.model.name)
    _trashed_long_ago(part)
    _age(media)
    tasks.empty_trash()
    assert file.model.name in _stored(media)
    assert file.content.name not in _stored(media)


def test_bytes_that_were_just_sent_again_stay(media):
    part = make_part()
    file = make_file(part)
    _trashed_long_ago(part)
    _age(media)
    uploads.store(make_upload())  # its row comes in a moment
    tasks.empty_trash()
    assert file.content.name in _stored(media)


def test_the_trash_is_emptied_where_bytes_are_gone_already(media):
    part = make_part()
    make_converted(part)
    _trashed_long_ago(part)
    shutil.rmtree(media)
    assert tasks.empty_trash() == 1


def test_what_somebody_is_handing_in_stays(media, member):
    part = make_part()
    file = make_converted(part)
    make_draft(member)
    before = _stored(media)
    _trashed_long_ago(part)
    _age(media)
    tasks.empty_trash()
    assert file.model.name in _stored(media)
    assert _stored(media) == before


def test_drafts_and_their_bytes_go_after_a_day(media, member):
    now = timezone.now()
    make_draft(member, sent_at=now - timedelta(hours=25))
    make_draft(member, "d.pdf", TINY_PDF, sent_at=now - timedelta(hours=25))
    young = make_draft(member, sent_at=now - timedelta(hours=23))
    _age(media)
    assert tasks.clear_drafts() == 2
    assert list(DraftFile.objects.all()) == [young]
    assert _stored(media) == {young.content.name}


def test_bytes_that_a_part_took_over_stay(media, member):
    make_draft(member, sent_at=timezone.now() - timedelta(hours=25))
    file = make_file(make_part())
    _age(media)
    assert tasks.clear_drafts() == 1
    assert _stored(media) == {file.content.name}


def test_drafts_go_with_nobody_to_own_them(media, member):
    make_draft(member, sent_at=timezone.now() - timedelta(hours=25))
    member.delete()
    _age(media)
    assert tasks.clear_drafts() == 1
    assert _stored(media) == set()


def test_a_full_trash_is_emptied_in_several_turns(monkeypatch):
    monkeypatch.setattr(tasks, "_BATCH", 2)
    for _ in range(5):
        _trashed_long_ago(make_part())
    assert tasks.empty_trash() == 5
    assert not Part.objects.exists()


def test_a_real_step_file_is_converted_measured_and_drawn():
    content = (STEP_SAMPLES / "gusset_plate.step").read_bytes()
    file = make_file(make_part(), "gusset_plate.step", content)
    tasks.convert(file.pk)
    file.refresh_from_db()
    assert (file.state, file.error) == (Conversion.DONE, "")
    assert file.facts["box_mm"] == pytest.approx([101.6, 101.6, 3.175], abs=0.05)
    assert file.facts["holes"] == [
        {"diameter_mm": pytest.approx(5.1054, abs=0.01), "count": 7}
    ]
    assert _read(file.model, 4) == b"glTF"
    assert _read(file.thumbnail, 4) == b"\x89PNG"


def test_done_file_in_the_factory_is_what_a_conversion_leaves():
    file = make_converted(make_part())
    assert file.state == Conversion.DONE
    assert file.facts["solids"] == 1


# --- Files in a bucket --------------------------------------------------------


def test_a_file_in_a_bucket_is_converted(converter, bucket_files):
    file = make_file(make_part())
    tasks.convert(file.pk)
    file.refresh_from_db()
    assert (file.state, file.attempts) == ("done", 1)
    assert _read(file.model, 99) == b"glTF" + TINY_STEP
    assert _read(file.thumbnail, 99) == b"PNG"
    twin = make_file(make_part())
    assert tasks.adopt(twin) is True
    assert converter.calls == 1


def test_while_the_bucket_is_away_a_conversion_waits(
    converter, bucket_files, lose_bucket, queued, settings
):
    file = make_file(make_part())
    kept = settings.STORAGES
    lose_bucket()
    for _ in range(settings.CONVERSION_ATTEMPTS + 1):
        tasks.convert(file.pk)
    file.refresh_from_db()
    assert (file.state, file.attempts, file.error) == ("queued", 0, "")
    assert tasks.adopt(file) is False

    PartFile.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=6))
    queued.clear()
    assert (tasks.rescue(), queued) == (1, [file.pk])
    settings.STORAGES = kept
    tasks.convert(file.pk)
    file.refresh_from_db()
    assert (file.state, file.attempts) == ("done", 1)


def test_objects_of_the_trash_go_once_nobody_wants_them(bucket_files, monkeypatch):
    gone, stays = make_part(), make_part()
    alone = make_file(gone, "a.step", TINY_STEP + b"\n")
    shared = make_file(gone)
    make_file(stays)
    Part.objects.filter(pk=gone.pk).update(
        deleted_at=timezone.now() - timedelta(days=31)
    )
    monkeypatch.setattr(tasks, "JUST_STORED", timedelta(seconds=-5))
    assert tasks.empty_trash() == 1
    assert default_storage.exists(alone.content.name) is False
    assert default_storage.exists(shared.content.name) is True
