"""Files in a bucket, against a real server: the same answers as from a folder."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import requests
from django.core.files.base import ContentFile
from django.utils import timezone

from partsite.objectstore import ObjectStorage
from partsite.storage import ContentStorage, StorageDown
from services.ports import free
from tests.buckets import bucket_options

NAME = "files/ab/abcd.step"


@pytest.fixture
def bucket(s3):
    return ObjectStorage(**bucket_options(s3))


@pytest.fixture(params=["folder", "bucket"])
def storage(request, tmp_path):
    if request.param == "folder":
        return ContentStorage(location=tmp_path)
    return request.getfixturevalue("bucket")


def test_what_is_saved_is_read_again(storage):
    assert storage.save(NAME, ContentFile(b"0123456789")) == NAME
    assert storage.exists(NAME) is True
    assert storage.size(NAME) == 10
    with storage.open(NAME) as file:
        assert file.read() == b"0123456789"
    assert abs(storage.get_modified_time(NAME) - timezone.now()) < timedelta(minutes=1)
    assert storage.listdir("files") == (["ab"], [])
    assert storage.listdir("files/ab") == ([], ["abcd.step"])
    storage.delete(NAME)
    assert storage.exists(NAME) is False


@pytest.mark.parametrize(
    ("bounds", "content"),
    [((), b"0123456789"), ((0, 0), b"0"), ((3, 5), b"345"), ((8, 9), b"89")],
)
def test_a_part_of_a_file_is_read(storage, bounds, content):
    storage.save(NAME, ContentFile(b"0123456789"))
    body, length = storage.reader(NAME, *bounds)
    assert (body.read(100), length) == (content, len(content))
    assert body.read(100) == b""
    body.close()


@pytest.mark.parametrize("ask", ["open", "size", "get_modified_time", "reader"])
def test_what_is_not_there_is_a_file_not_found_with_its_name(storage, ask):
    with pytest.raises(FileNotFoundError) as refusal:
        getattr(storage, ask)("files/00/none.step")
    assert refusal.value.filename.endswith("files/00/none.step")


def test_deleting_what_is_not_there_is_no_fault(storage):
    storage.delete("files/00/none.step")


def test_a_name_that_exists_is_kept_as_it_is(storage):
    storage.save(NAME, ContentFile(b"first"))
    storage.save(NAME, ContentFile(b"again"))
    with storage.open(NAME) as file:
        assert file.read() == b"first"


def test_what_is_saved_can_be_read_on_by_whoever_brought_it(storage):
    content = ContentFile(b"0123456789")
    storage.save(NAME, content)
    content.seek(0)
    assert content.read() == b"0123456789"


def test_the_same_file_saved_at_once_is_there_once(storage):
    threads = [
        threading.Thread(target=storage.save, args=(NAME, ContentFile(b"x" * 100_000)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storage.size(NAME) == 100_000


def test_a_write_that_breaks_off_leaves_nothing(storage):
    class Broken(ContentFile):
        def chunks(self, chunk_size=None):
            yield b"half"
            raise OSError("gone")

        def read(self, *args):
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        storage.save(NAME, Broken(b"half and half"))
    assert storage.exists(NAME) is False


def test_what_is_wanted_again_is_young_again(bucket, monkeypatch):
    bucket.save(NAME, ContentFile(b"x"))
    first = bucket.get_modified_time(NAME)
    monkeypatch.setattr(timezone, "now", lambda: datetime.now(UTC) + timedelta(hours=2))
    threading.Event().wait(1.1)  # S3 counts whole seconds
    bucket.save(NAME, ContentFile(b"x"))
    assert bucket.get_modified_time(NAME) > first
    with bucket.open(NAME) as file:
        assert file.read() == b"x"


def test_a_bucket_may_have_others_in_it(s3, bucket):
    ours = {"bucket_name": bucket.bucket_name, "location": "shop/files"}
    mine = ObjectStorage(**{**bucket_options(s3), **ours})
    mine.save(NAME, ContentFile(b"mine"))
    assert bucket.exists(f"shop/files/{NAME}") is True
    assert bucket.exists(NAME) is False
    assert mine.listdir("") == (["files"], [])


def test_objects_are_private(bucket):
    bucket.save(NAME, ContentFile(b"x"))
    grants = bucket.bucket.Object(NAME).Acl().grants
    assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"]


def test_a_signed_address_opens_one_file_for_a_while(bucket):
    bucket.save(NAME, ContentFile(b"0123456789"))
    address = bucket.signed_url(
        NAME,
        seconds=60,
        ResponseContentType="application/step",
        ResponseContentDisposition='attachment; filename="a.step"',
    )
    assert "X-Amz-Expires=60" in address
    answer = requests.get(address, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"0123456789")
    assert answer.headers["Content-Type"] == "application/step"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a.step"'


def test_browsers_are_sent_to_the_public_address(s3):
    options = {**bucket_options(s3), "public_url": "https://files.example.org"}
    address = ObjectStorage(**options).signed_url(NAME, seconds=60)
    assert address.startswith(f"https://files.example.org/{options['bucket_name']}/")


@pytest.mark.parametrize(
    "ask", ["save", "open", "exists", "size", "delete", "reader", "listdir"]
)
def test_a_server_that_is_away_is_told_in_one_way(s3, ask):
    away = f"http://127.0.0.1:{free()}"
    storage = ObjectStorage(**{**bucket_options(s3), "endpoint_url": away})
    words = [ContentFile(b"x")] if ask == "save" else []
    with pytest.raises(StorageDown, match="Could not connect"):
        getattr(storage, ask)(NAME, *words)


def test_a_bucket_that_is_not_there_is_a_problem_in_words(s3, bucket):
    assert bucket.problem() == ""
    gone = ObjectStorage(**{**bucket_options(s3), "bucket_name": "no-such-bucket"})
    assert "404" in gone.problem()
    with pytest.raises(StorageDown, match="NoSuchBucket"):
        gone.listdir("")
