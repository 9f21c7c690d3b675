"""Seed data: loaded whole, loaded twice, and never over somebody's work."""

import json

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from accounts.models import User
from parts import workflow
from parts.models import Category, Part, PartEvent, PartFile, Season
from tests.factories import TINY_STEP

pytestmark = pytest.mark.django_db

MODELS = (User, Season, Part, PartFile, PartEvent)


def _rows() -> list:
    return [list(model.objects.order_by("pk").values()) for model in MODELS]


@pytest.fixture
def seed(settings, tmp_path):
    """Return a function that loads these rows from a fixture folder of its own."""
    folder = tmp_path / "fixtures"
    folder.mkdir()
    settings.FIXTURE_DIRS = [folder]

    def load(rows: list[dict], **files: bytes) -> None:
        for name, content in files.items():
            (folder / f"{name}.step").write_bytes(content)
        (folder / "seed.json").write_text(json.dumps(rows))
        call_command("loaddata", "seed", verbosity=0)

    return load


PART = {
    "model": "parts.part",
    "fields": {"uuid": "0" * 31 + "1", "name": "Hub", "subsystem": "Intake"},
}
FILE = {
    "model": "parts.partfile",
    "fields": {
        "part": ["0" * 31 + "1"],
        "kind": "step",
        "revision": 1,
        "name": "Hub.step",
        "content": "hub.step",
    },
}


def test_the_demo_shop_fills_every_board(queued, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        call_command("loaddata", "demo", verbosity=0)
    boards = {c: Part.objects.on_board(c).count() for c in Category.values}
    assert boards == {"review": 5, "cnc": 6, "hand": 5, "misc": 3, "completed": 7}
    with_step = Part.objects.exclude(current_step=None)
    assert with_step.count() == 22
    assert len(queued) == PartFile.objects.count() == 23
    for file in PartFile.objects.all():
        assert default_storage.size(file.content.name) == file.size_bytes
    for part in Part.objects.prefetch_related("events"):
        part.full_clean()
        assert part.events.exists()


def test_loading_the_demo_twice_changes_nothing(queued):
    call_command("loaddata", "demo", verbosity=0)
    before = _rows()
    queued.clear()
    call_command("loaddata", "demo", verbosity=0)
    assert _rows() == before
    assert queued == []


def test_loading_again_never_undoes_work():
    call_command("loaddata", "demo", verbosity=0)
    part = Part.objects.on_board("review").first()
    workflow.approve(part, actor=None)
    marta = User.objects.get(username="marta")
    marta.set_password("something else")
    marta.save()
    before = _rows()
    call_command("loaddata", "demo", verbosity=0)
    assert _rows() == before


def test_a_seed_file_is_stored_under_its_hash_and_becomes_current(seed):
    second = {"model": "parts.partfile", "fields": {**FILE["fields"], "revision": 2}}
    seed([PART, second, FILE], hub=TINY_STEP)
    part = Part.objects.get()
    assert part.current_step.revision == 2
    assert (part.file, part.code) == ("Hub.step", "00000000")
    file = part.files.get(revision=1)
    assert file.content.name == f"files/{file.sha256[:2]}/{file.sha256}.step"
    assert (file.size_bytes, file.state) == (len(TINY_STEP), "queued")


def test_a_seed_file_that_is_no_step_file_is_refused_whole(seed):
    with pytest.raises(CommandError, match=r"hub\.step: .*STEP"):
        seed([PART, FILE], hub=b"solid stl")
    assert Part.objects.count() == 0


def test_a_name_that_leads_out_of_the_fixtures_is_not_followed(seed, tmp_path):
    (tmp_path / "outside.step").write_bytes(TINY_STEP)
    escaping = {**FILE["fields"], "content": "../outside.step", "sha256": "0" * 64}
    escaping["size_bytes"] = 1
    with pytest.raises(SuspiciousFileOperation):
        seed([PART, {"model": "parts.partfile", "fields": escaping}])
    assert PartFile.objects.count() == 0
    assert not default_storage.exists("files")


def test_a_seed_file_that_is_nowhere_is_refused(seed):
    with pytest.raises(CommandError, match=r"^“hub\.step” is neither in a fixture"):
        seed([PART, FILE])
    assert Part.objects.count() == 0
