"""Files that are here before their part is handed in."""

from uuid import uuid4

import pytest

from parts import drafts, workflow
from parts.errors import FileRefused
from parts.models import DraftFile
from tests.factories import (
    STEP_SAMPLES,
    TINY_PDF,
    TINY_STEP,
    make_draft,
    make_file,
    make_part,
    make_upload,
)


def _names(groups) -> list[list[str]]:
    return [[upload.name for upload in group] for group in groups]


def test_a_kept_file_is_converted_and_known_by_its_product(
    member, queued_drafts, django_capture_on_commit_callbacks
):
    content = (STEP_SAMPLES / "gusset_plate.step").read_bytes()
    with django_capture_on_commit_callbacks(execute=True):
        file = make_draft(member, "export.step", content)
    assert (file.state, file.product) == ("queued", "Gusset plate 4x4")
    assert queued_drafts == [file.pk]


def test_a_drawing_is_not_converted(
    member, queued_drafts, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        file = make_draft(member, "hub.pdf", TINY_PDF)
    assert (file.state, file.product) == ("", "")
    assert queued_drafts == []


def test_what_is_refused_is_not_kept(member):
    with pytest.raises(FileRefused):
        drafts.keep(make_upload("a.stl"), part_uuid=uuid4(), owner=member)
    assert not DraftFile.objects.exists()


def test_of_each_kind_a_part_has_what_came_last(member):
    part = uuid4()
    make_draft(member, "old.step", part_uuid=part)
    drawing = make_draft(member, "hub.pdf", TINY_PDF, part_uuid=part)
    new = make_draft(member, "new.step", part_uuid=part)
    make_draft(member)
    found = drafts.sent_for([part], owner=member)
    assert [draft.file for draft in found[part]] == [new, drawing]


def test_what_somebody_else_sent_is_not_found(member, lead):
    file = make_draft(lead)
    assert drafts.sent_for([file.part_uuid], owner=member) == {}


def test_a_file_that_is_let_go_belongs_to_no_part(member):
    file = make_draft(member)
    drafts.let_go(file)
    assert drafts.sent_for([file.part_uuid], owner=member) == {}


def test_parts_with_the_very_file_are_told_newest_first_each_once(member):
    parts = [make_part() for _ in range(5)]
    for part in parts:
        make_file(part)
        make_file(part)
    workflow.trash(parts[4], actor=None)
    other = make_part()
    make_file(other, content=TINY_STEP.replace(b"DATA;", b"DATA; "))
    (draft,) = drafts.told([make_draft(member)])
    assert draft.twins == [parts[3], parts[2], parts[1]]


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["a.step"], [["a.step"]]),
        (["a.step", "b.stp"], [["a.step"], ["b.stp"]]),
        (["A.pdf", "b.step", "a.STEP"], [["A.pdf", "a.STEP"], ["b.step"]]),
        (["a.step", "a.stp", "a.pdf"], [["a.step", "a.pdf"], ["a.stp"]]),
        (["a.stl", "a.step"], [["a.stl", "a.step"]]),
    ],
)
def test_a_step_file_and_the_drawing_of_its_name_are_one_part(names, groups):
    assert _names(drafts.by_part(make_upload(name) for name in names)) == groups
