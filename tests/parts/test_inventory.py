"""What lies in the storage against what the database names."""

import errno
import os
import shutil
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from backups import making
from parts import inventory, tasks, uploads, workflow
from parts.models import Conversion, DraftFile, PartFile
from partsite import locks
from tests.backups.archives import converted, stored
from tests.factories import (
    TINY_PDF,
    TINY_STEP,
    make_draft,
    make_file,
    make_part,
    make_upload,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def part(media, monkeypatch):
    """A part with every kind of stored file; nothing is in the system's own folder."""
    monkeypatch.setattr(
        "parts.inventory.tempfile.gettempdir", lambda: str(media / "..")
    )
    part = make_part(name="Gusset", code="G-1")
    converted(part)
    make_file(part, "drawing.pdf", TINY_PDF)
    picture = uploads.store_png(make_upload("a.png", b"a picture"))
    workflow.add_views(part, actor=None, views={0: picture})
    part.refresh_from_db()
    return part


def step(part) -> PartFile:
    return part.files.get(kind="step")


def age(path: Path, days: float = 2) -> None:
    os.utime(path, (time.time() - days * 86_400,) * 2)


def test_nothing_is_wrong(part):
    found = inventory.check()
    assert (found.named, found.stored, found.is_well) == (5, 5, True)


def test_an_orphan_is_told_of_once_it_is_a_day_old(part, media):
    name = default_storage.save("files/aa/alone.step", ContentFile(b"alone"))
    assert inventory.check().orphans == []
    age(media / name)
    found = inventory.check()
    assert (found.orphans, found.is_well) == ([name], False)


def test_what_others_have_in_the_same_place_is_no_orphan(part, media):
    theirs = ("invoices/7.pdf", "quarantine/invoices/8.pdf")
    for name in theirs:
        age(media / default_storage.save(name, ContentFile(b"theirs")), days=40)
    found = inventory.check()
    assert (found.stored, found.is_well) == (5, True)
    inventory.mend(found)
    assert all(map(default_storage.exists, theirs))


def test_an_orphan_waits_in_quarantine_and_comes_back_if_it_is_missed(part, media):
    file = step(part)
    files = stored(media)
    PartFile.objects.filter(pk=file.pk).update(content="files/no/other.step")
    age(media / file.content.name)
    found = inventory.check()
    assert found.orphans == [file.content.name]
    inventory.mend(found)
    assert stored(media).keys() - files.keys() == {f"quarantine/{file.content.name}"}
    PartFile.objects.filter(pk=file.pk).update(content=file.content.name)
    found = inventory.check()
    assert [loss.name for loss in found.losses] == [file.content.name]
    inventory.mend(found)
    assert stored(media) == files
    assert inventory.check().is_well


def test_quarantine_ends_after_thirty_days(part, media):
    for days in (29, 31):
        name = default_storage.save(f"quarantine/files/{days}", ContentFile(b"alone"))
        age(media / name, days)
    found = inventory.check()
    assert found.is_well
    inventory.mend(found)
    assert {path.name for path in (media / "quarantine").rglob("*.*")} == set()
    assert [path.name for path in (media / "quarantine" / "files").iterdir()] == ["29"]


def test_what_gets_a_row_meanwhile_is_no_orphan_any_more(part, media):
    name = default_storage.save("files/aa/alone.step", ContentFile(b"alone"))
    age(media / name)
    found = inventory.check()
    PartFile.objects.filter(pk=step(part).pk).update(content=name)
    inventory.mend(found)
    assert default_storage.exists(name)


@pytest.mark.parametrize("what", ["model", "thumbnail"])
@pytest.mark.parametrize("is_damaged", [False, True])
def test_what_is_made_of_a_step_file_is_made_anew(
    part, media, queued, what, is_damaged
):
    queued.clear()
    path = media / getattr(step(part), what).name
    path.write_bytes(b"rotten") if is_damaged else path.unlink()
    found = inventory.check()
    (loss,) = found.losses
    assert (loss.is_damaged, loss.is_made) == (is_damaged, True)
    assert loss.of == ["plate.step, revision 1 of part G-1 (Gusset)"]
    inventory.mend(found)
    assert found.is_well
    file = step(part)
    assert (file.state, file.model.name, queued) == (Conversion.QUEUED, "", [file.pk])
    assert not path.exists()
    assert inventory.check().losses == []


def test_a_model_whose_step_file_is_lost_too_cannot_be(part, media, queued):
    queued.clear()
    file = step(part)
    (media / file.model.name).unlink()
    (media / file.content.name).unlink()
    found = inventory.check()
    inventory.mend(found)
    assert (found.mended, queued) == ([], [])
    assert not found.is_well
    assert step(part).model.name == file.model.name


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_lost_step_file_names_every_part_that_has_it(part, media, is_damaged):
    make_file(make_part(name="Plate", code="P-2"), "same.step")
    path = media / step(part).content.name
    path.write_bytes(b"rotten") if is_damaged else path.unlink()
    (loss,) = inventory.check().losses
    assert (loss.is_damaged, loss.is_made) == (is_damaged, False)
    assert loss.of == [
        "plate.step, revision 1 of part G-1 (Gusset)",
        "same.step, revision 1 of part P-2 (Plate)",
    ]


@pytest.mark.parametrize("count", [1, 12])
def test_however_many_are_lost_it_asks_as_often(
    part, media, count, django_assert_num_queries
):
    for number in range(count):
        step = TINY_STEP.replace(b"DATA;", b"DATA;" + b" " * (number + 1))
        make_file(make_part(), content=step)
    shutil.rmtree(media)
    with django_assert_num_queries(6):
        found = inventory.check()
    assert len(found.losses) == 5 + count


def test_where_the_disk_is_broken_a_file_is_damaged(part, monkeypatch):
    def broken(*args):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("parts.inventory.hashlib.file_digest", broken)
    assert {loss.is_damaged for loss in inventory.check().losses} == {True}


def test_a_full_disk_is_told_in_words(part, media, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    age(media / default_storage.save("files/aa/alone.step", ContentFile(b"alone")))
    monkeypatch.setattr("partsite.storage.os.fsync", full)
    with pytest.raises(CommandError, match="No space left on device"):
        call_command("check_files", "--mend")


def test_a_lost_view_names_its_part(part, media):
    (media / part.pictures[0]).unlink()
    (loss,) = inventory.check().losses
    assert (loss.is_made, loss.of) == (False, ["view 0 of part G-1 (Gusset)"])


def test_quickly_nothing_is_read(part, media):
    (media / step(part).content.name).write_bytes(b"rotten")
    assert inventory.check(with_hashes=False).is_well


def test_what_killed_processes_left(part, media):
    draft = media / "files" / ".draft-abc"
    conversion = media.parent / "conversion-abc"
    conversion.mkdir()
    young = media.parent / "conversion-def"
    upload = media.parent / "tmpabc.upload.step"
    for path in (draft, conversion / "source.step", upload):
        path.touch()
    young.mkdir()
    for path in (draft, conversion, upload):
        age(path)
    found = inventory.check()
    assert len(found.leftovers) == 3
    inventory.mend(found)
    assert found.is_well
    assert not [path for path in (draft, conversion, upload) if path.exists()]
    assert young.exists()


def test_what_workers_are_about_to_clear_away_is_nothing_wrong(part, media):
    killed = media.parent / "conversion-abc"
    killed.mkdir()
    age(killed, days=0.5)
    assert inventory.check().is_well
    assert inventory.clear_temporary() == 1


def test_forms_that_were_never_sent(part, member, media):
    other = TINY_STEP.replace(b"DATA;", b"DATA; ")
    draft = make_draft(
        member, content=other, sent_at=timezone.now() - timedelta(days=2)
    )
    age(media / draft.content.name)
    inventory.mend(inventory.check())
    assert not DraftFile.objects.exists()
    assert not default_storage.exists(draft.content.name)


# --- The command ----------------------------------------------------------------


def test_the_command_tells_and_fails(part, media, capsys):
    name = step(part).content.name
    (media / name).unlink()
    orphan = default_storage.save("files/aa/alone.step", ContentFile(b"alone"))
    age(media / orphan)
    with pytest.raises(CommandError, match="Something is wrong with the files"):
        call_command("check_files")
    assert capsys.readouterr().out == (
        f"lost: {name}: plate.step, revision 1 of part G-1 (Gusset)\n"
        f"named by nobody: {orphan}\n"
        "5 files are named, 5 are stored; 2 wrong, 0 mended.\n"
    )
    with pytest.raises(CommandError):
        call_command("check_files", "--mend")
    said = capsys.readouterr().out
    assert f"named by nobody, mended: {orphan}\n" in said
    assert said.endswith("2 wrong, 1 mended.\n")


def test_a_backup_brings_lost_files_back(
    part, media, tmp_path, capsys, transactional_db
):
    files = stored(media)
    path = making.make(tmp_path / "archives").path
    (media / step(part).content.name).write_bytes(b"rotten")
    (media / part.pictures[0]).unlink()
    call_command("check_files", "--mend", "--from", path)
    assert capsys.readouterr().out.endswith("2 wrong, 2 mended.\n")
    assert stored(media) == files


def test_it_mends_nothing_while_a_backup_is_made(part, monkeypatch):
    monkeypatch.setattr("parts.inventory._LOCK_SECONDS", 0)
    monkeypatch.setattr("parts.tasks._PURGE_WAIT_SECONDS", 0)
    with (
        locks.exclusive(tasks.PURGE_LOCK),
        pytest.raises(CommandError, match="A backup is being made."),
    ):
        call_command("check_files", "--mend")


# --- In a bucket ----------------------------------------------------------------


def test_orphans_and_losses_of_a_bucket(bucket_files, part, monkeypatch, queued):
    monkeypatch.setattr("parts.inventory._ORPHAN_AGE", timedelta())
    alone = default_storage.save("files/aa/alone.step", ContentFile(b"alone"))
    lost, model = part.pictures[0], step(part).model.name
    for name in (lost, model):
        default_storage.delete(name)
    default_storage.save(model, ContentFile(b"rotten"))
    found = inventory.check()
    assert found.orphans == [alone]
    assert {loss.name: loss.is_damaged for loss in found.losses} == {
        lost: False,
        model: True,
    }
    inventory.mend(found)
    assert not default_storage.exists(alone)
    with default_storage.open(f"quarantine/{alone}") as kept:
        assert kept.read() == b"alone"
    assert (found.mended, step(part).model.name) == ([model, alone], "")


def test_a_worker_that_starts_clears_away_what_killed_ones_left(part, media):
    old, young = media.parent / "conversion-abc", media.parent / "conversion-def"
    for folder in (old, young):
        folder.mkdir()
    (old / "source.step").touch()
    age(old, days=0.05)
    assert inventory.clear_temporary() == 1
    assert not old.exists()
    assert young.exists()


def test_a_worker_leaves_alone_what_may_still_be_converted(part, media, settings):
    settings.CONVERSION_TIMEOUT_SECONDS = 7200
    running = media.parent / "conversion-abc"
    running.mkdir()
    age(running, days=0.1)
    assert inventory.clear_temporary() == 0
    age(running, days=0.2)
    assert inventory.clear_temporary() == 1
