"""Files move between this machine and a bucket: whole, checked, and once."""

import errno
import hashlib
from io import StringIO

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command

from parts import moving, uploads
from parts.inventory import stored
from parts.models import PartFile
from parts.moving import Outcome, move
from partsite.objectstore import ObjectStorage
from partsite.storage import ContentStorage, StorageDown
from services import ports
from tests.buckets import bucket_options
from tests.factories import TINY_STEP, make_draft, make_file, make_part, make_user

pytestmark = pytest.mark.django_db
CONTENTS = [b"one", b"two", b"three" * 100_000]


def name_of(content: bytes) -> str:
    return uploads.hashed_name("files", hashlib.sha256(content).hexdigest(), ".step")


@pytest.fixture
def folder(tmp_path):
    return ContentStorage(location=tmp_path / "folder")


@pytest.fixture
def bucket(s3):
    return ObjectStorage(**bucket_options(s3))


@pytest.fixture(params=["to the bucket", "from the bucket"])
def ways(request, folder, bucket):
    """Return source and target, three files in the source."""
    source, target = folder, bucket
    if request.param == "from the bucket":
        source, target = bucket, folder
    for content in CONTENTS:
        source.save(name_of(content), ContentFile(content))
    return source, target


def read(storage, name: str) -> bytes:
    with storage.open(name) as file:
        return file.read()


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "journal.txt"


def counts(moved) -> dict[str, int]:
    return {outcome.name: count for outcome, count in moved.counts.items() if count}


def test_every_file_is_copied_and_stays(ways, journal):
    source, target = ways
    moved = move(source, target, journal)
    assert (counts(moved), moved.troubles) == ({"COPIED": 3}, {})
    assert moved.copied_bytes == sum(map(len, CONTENTS))
    for content in CONTENTS:
        name = name_of(content)
        assert read(target, name) == read(source, name) == content


def test_what_was_checked_is_neither_copied_nor_read_again(ways, journal, monkeypatch):
    source, target = ways
    move(source, target, journal)
    fourth = b"came meanwhile"
    source.save(name_of(fourth), ContentFile(fourth))
    read_again = []
    as_ever = moving._hash
    monkeypatch.setattr(
        moving, "_hash", lambda *what: read_again.append(what[1]) or as_ever(*what)
    )
    moved = move(source, target, journal)
    assert counts(moved) == {"COPIED": 1, "THERE": 3}
    assert read_again == [name_of(fourth)]


def test_a_file_that_a_broken_move_left_is_checked_before_it_counts(ways, journal):
    source, target = ways
    right, wrong = map(name_of, CONTENTS[:2])
    target.save(right, ContentFile(CONTENTS[0]))
    target.save(wrong, ContentFile(b"something else"))
    moved = move(source, target, journal, is_deleting=True)
    assert counts(moved) == {"COPIED": 1, "THERE": 1, "WRONG": 1}
    assert moved.troubles == {wrong: "is wrong at the target"}
    assert (source.exists(right), source.exists(wrong)) == (False, True)


def test_a_name_without_a_hash_is_checked_against_its_source(ways, journal):
    source, target = ways
    for name in ("files/a.step", "files/b.step"):
        source.save(name, ContentFile(b"as it is"))
    target.save("files/b.step", ContentFile(b"something else"))
    moved = move(source, target, journal)
    assert counts(moved) == {"COPIED": 4, "WRONG": 1}
    assert moved.troubles == {"files/b.step": "is wrong at the target"}


def test_what_is_gone_from_the_target_is_copied_again(ways, journal):
    source, target = ways
    move(source, target, journal)
    target.delete(name_of(CONTENTS[1]))
    assert counts(move(source, target, journal)) == {"COPIED": 1, "THERE": 2}


def test_a_damaged_file_is_told_and_not_copied(ways, journal):
    source, target = ways
    name = name_of(b"as it was")
    source.save(name, ContentFile(b"as it is"))
    moved = move(source, target, journal, is_deleting=True)
    assert counts(moved) == {"COPIED": 3, "DAMAGED": 1}
    assert list(moved.troubles) == [name]
    assert (source.exists(name), target.exists(name)) == (True, False)


def test_only_what_is_checked_is_deleted(ways, journal):
    source, target = ways
    moved = move(source, target, journal, is_deleting=True)
    assert moved.deleted == 3
    assert list(stored(source)) == []
    assert sorted(stored(target)) == sorted(map(name_of, CONTENTS))


def test_what_others_have_in_the_bucket_stays_there(folder, bucket, journal):
    ours = make_file(make_part()).content.name
    PartFile.objects.update(content="old/ours.step")
    names = ("old/ours.step", "old/theirs.step", "invoices/7.pdf", "quarantine/x.pdf")
    for name in (ours, f"quarantine/{ours}", *names):
        bucket.save(name, ContentFile(TINY_STEP))
    moved = move(bucket, folder, journal, is_deleting=True)
    assert (moved.deleted, moved.troubles) == (3, {})
    assert sorted(stored(bucket)) == sorted(names[1:])


def test_what_the_site_deletes_meanwhile_is_no_trouble(folder, bucket, journal):
    class Emptied(ContentStorage):
        def listdir(self, path):
            if path == "":
                return [], [name_of(b"just deleted")]
            return super().listdir(path)

    moved = move(Emptied(location=folder.location), bucket, journal)
    assert (counts(moved), moved.troubles) == ({"GONE": 1}, {})


def test_what_a_part_has_and_neither_place_is_told(media, bucket, journal):
    views = {"files": {"0": {"content": "views/00/a.png"}}}
    make_part(extra={"views": views})
    lost = make_file(make_part())
    kept = make_draft(make_user(), content=TINY_STEP + b"\n")
    source = ContentStorage(location=media)
    source.delete(lost.content.name)
    moved = move(source, bucket, journal)
    words = "is nowhere, though a part has it"
    assert moved.troubles == {lost.content.name: words, "views/00/a.png": words}
    assert list(stored(bucket)) == [kept.content.name]


def test_a_bucket_that_goes_away_stops_it_and_it_goes_on(folder, bucket, journal):
    for content in CONTENTS:
        folder.save(name_of(content), ContentFile(content))

    class GoesAway(ObjectStorage):
        left = 2

        def _save(self, name, content):
            GoesAway.left -= 1
            if GoesAway.left < 0:
                raise StorageDown("gone")
            return super()._save(name, content)

    options = ("bucket_name", "endpoint_url", "region_name", "access_key", "secret_key")
    away = GoesAway(**{name: getattr(bucket, name) for name in options})
    with pytest.raises(StorageDown):
        move(folder, away, journal)
    moved = move(folder, bucket, journal)
    assert moved.counts[Outcome.COPIED] + moved.counts[Outcome.THERE] == 3
    assert sorted(stored(bucket)) == sorted(map(name_of, CONTENTS))


# --- The command --------------------------------------------------------------


@pytest.fixture
def site(settings, s3, tmp_path):
    """A site with one file on this machine, and a bucket it could have."""
    settings.DATA_DIR = tmp_path
    options = bucket_options(s3)
    settings.FILES = (options["bucket_name"], "")
    settings.BUCKET_FILES = {
        "BACKEND": "partsite.objectstore.ObjectStorage",
        "OPTIONS": options,
    }
    return make_file(make_part())


def told(*words: str) -> str:
    out = StringIO()
    call_command("move_files", *words, stdout=out)
    return out.getvalue()


def test_there_and_back_again(site, settings, media):
    assert told("--to", "s3") == "1 copied, 0 there already (0.0 MB copied).\n"
    assert told("--to", "s3", "--delete") == (
        "0 copied, 1 there already (0.0 MB copied); 1 deleted at the source.\n"
    )
    assert list(stored(ContentStorage(location=media))) == []
    told("--to", "local")
    assert read(ContentStorage(location=media), site.content.name) == TINY_STEP


def test_what_was_checked_in_one_bucket_is_not_in_another(site, settings, s3, media):
    told("--to", "s3")
    options = bucket_options(s3)
    settings.FILES = (options["bucket_name"], "")
    settings.BUCKET_FILES = {**settings.BUCKET_FILES, "OPTIONS": options}
    bucket = ObjectStorage(**options)
    bucket.save(site.content.name, ContentFile(b"something else"))
    with pytest.raises(CommandError, match="is wrong at the target"):
        told("--to", "s3", "--delete")
    assert ContentStorage(location=media).exists(site.content.name)


def test_after_the_last_step_nothing_counts_as_checked(site, tmp_path):
    told("--to", "s3")
    assert len(list(tmp_path.glob("move-files-to-s3-*.txt"))) == 1
    told("--to", "s3", "--delete")
    assert list(tmp_path.glob("move-files-*")) == []


def test_a_bucket_that_is_not_there_is_no_empty_one(site, settings, media):
    settings.BUCKET_FILES["OPTIONS"]["bucket_name"] = "no-such-bucket"
    with pytest.raises(CommandError, match="The bucket does not answer: .*NoSuchBuc"):
        told("--to", "local")


def test_a_full_disk_is_told_in_words(site, monkeypatch, media):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    told("--to", "s3")
    ContentStorage(location=media).delete(site.content.name)
    monkeypatch.setattr("partsite.storage.os.fsync", full)
    with pytest.raises(CommandError, match="No space left on device. What is done"):
        told("--to", "local")


def test_without_a_bucket_it_says_what_to_set(settings):
    with pytest.raises(CommandError, match="Set FILES to the bucket"):
        told("--to", "s3")


def test_a_bucket_that_is_away_is_told(site, settings):
    settings.BUCKET_FILES["OPTIONS"]["endpoint_url"] = (
        f"http://127.0.0.1:{ports.free()}"
    )
    with pytest.raises(CommandError, match="bucket does not answer: Could not connect"):
        told("--to", "s3")


def test_what_is_not_right_fails_with_names(site, media):
    ContentStorage(location=media).delete(site.content.name)
    with pytest.raises(CommandError) as refusal:
        told("--to", "s3")
    words = f"{site.content.name} is nowhere, though a part has it"
    assert str(refusal.value) == f"Not everything is right:\n{words}"
