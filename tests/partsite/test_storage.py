import threading

import pytest
from django.core.files.base import ContentFile

from partsite.storage import ContentStorage


@pytest.fixture
def storage(tmp_path):
    return ContentStorage(location=tmp_path)


def _files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_name_that_exists_is_kept_as_it_is(storage, tmp_path):
    assert storage.save("a/b.step", ContentFile(b"first")) == "a/b.step"
    assert storage.save("a/b.step", ContentFile(b"again")) == "a/b.step"
    assert (tmp_path / "a/b.step").read_bytes() == b"first"
    assert _files(tmp_path) == ["b.step"]


def test_a_write_that_breaks_off_leaves_nothing(storage, tmp_path):
    class Broken(ContentFile):
        def chunks(self, chunk_size=None):
            yield b"half"
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        storage.save("a/b.step", Broken(b"half and half"))
    assert _files(tmp_path) == []


def test_the_same_file_saved_at_once_is_there_once(storage, tmp_path):
    threads = [
        threading.Thread(
            target=storage.save, args=("a/b.step", ContentFile(b"x" * 100_000))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _files(tmp_path) == ["b.step"]
    assert (tmp_path / "a/b.step").stat().st_size == 100_000
