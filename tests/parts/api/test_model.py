"""The model: waited for, of the current file, kept by caches as long as it is."""

import time

import pytest
from django.core.files.storage import default_storage
from django.db import connection

from parts import workflow
from parts.models import Conversion, Part, PartFile
from tests.factories import make_converted, make_file, make_part

PARTS = "/api/parts/"
FOREVER = "private, max-age=31536000, immutable"


@pytest.fixture
def wait(settings, monkeypatch):
    """Let a request wait for so many looks; ``meanwhile`` runs before each."""

    class Wait:
        looks = 0
        meanwhile = staticmethod(lambda look: None)

    wait = Wait()
    settings.API_MODEL_WAIT_SECONDS = 20
    started = time.monotonic()

    def sleep(seconds: float) -> None:
        # Under a test's own transaction there is one; a step's would be a second.
        assert len(connection.savepoint_ids) == 0
        wait.looks += 1
        wait.meanwhile(wait.looks)

    monkeypatch.setattr("parts.api.files.time.sleep", sleep)
    monkeypatch.setattr(
        "parts.api.files.time.monotonic", lambda: started + wait.looks * 0.2
    )
    return wait


def _model(api, part, query="", **kwargs):
    return api.get(f"{PARTS}{part.pk}/model{query}", **kwargs)


def test_a_model_that_is_there_comes_at_once(reader, wait):
    part = make_part()
    file = make_converted(part)
    answer = _model(reader, part)
    assert answer.status_code == 200
    assert answer.getvalue() == b"glTF-fake"
    assert answer["Content-Type"] == "model/gltf-binary"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["ETag"] == f'"{file.model_tag}"'
    assert answer["Cache-Control"] == "private, no-cache"
    assert wait.looks == 0


def test_the_address_in_the_part_may_be_kept_for_ever(api):
    part = make_part()
    file = make_converted(part)
    address = api.get(f"{PARTS}{part.pk}").json()["model"]["glb"]
    answer = api.get(address)
    assert answer["Cache-Control"] == FOREVER
    assert answer.getvalue() == b"glTF-fake"
    # While it is converted again, what is there is still what was asked for.
    PartFile.objects.update(state=Conversion.QUEUED)
    assert api.get(address).getvalue() == b"glTF-fake"
    assert file.model_tag in address


@pytest.mark.parametrize("query", ["?v=0123456789abcdef", "?v="])
def test_an_address_of_another_model_gives_the_current_one_unkept(api, query):
    part = make_part()
    make_converted(part)
    answer = _model(api, part, query)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, no-cache")


@pytest.mark.parametrize("match", ['"{}"', 'W/"{}"', '"x", "{}"', "*"])
def test_who_has_it_already_gets_304(api, match):
    part = make_part()
    file = make_converted(part)
    headers = {"If-None-Match": match.format(file.model_tag)}
    answer = _model(api, part, headers=headers)
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer["ETag"] == f'"{file.model_tag}"'
    assert _model(api, part, headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize("state", ["queued", "running"])
def test_the_request_waits_for_the_conversion(api, wait, state):
    part = make_part()
    file = make_file(part)
    PartFile.objects.update(state=state)

    def finish(look):
        if look == 7:
            name = default_storage.save("models/00/a.glb", make_glb())
            PartFile.objects.filter(pk=file.pk).update(
                state=Conversion.DONE, model=name
            )

    wait.meanwhile = finish
    answer = _model(api, part)
    assert (answer.status_code, answer.getvalue()) == (200, b"glTF-new")
    assert wait.looks == 7


def make_glb():
    from django.core.files.base import ContentFile

    return ContentFile(b"glTF-new")


def test_the_wait_ends_with_503_and_when_to_ask_again(api, wait):
    part = make_part()
    make_file(part)
    answer = _model(api, part)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "2"
    assert answer.json() == {
        "error": "Model is still being converted",
        "details": "Ask again soon.",
    }
    assert wait.looks == 100  # twenty seconds, five looks each


def test_the_wait_may_be_none_at_all(api, settings):
    settings.API_MODEL_WAIT_SECONDS = 0
    part = make_part()
    make_file(part)
    assert _model(api, part).status_code == 503


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_failed_conversion_is_422_with_its_reason(api, wait, when):
    part = make_part()
    make_file(part)

    def fail(look=0):
        PartFile.objects.update(state=Conversion.FAILED, error="The file is cut off.")

    if when == "before":
        fail()
    wait.meanwhile = fail
    answer = _model(api, part)
    assert (answer.status_code, answer.json()) == (
        422,
        {"error": "Model conversion failed", "details": "The file is cut off."},
    )


def test_a_file_that_comes_meanwhile_is_the_one_that_is_waited_for(api, wait):
    part = make_part()
    old = make_file(part)

    def replace(look):
        if look == 2:
            make_file(part, "newer.step")
            name = default_storage.save("models/00/old.glb", make_glb())
            PartFile.objects.filter(pk=old.pk).update(state=Conversion.DONE, model=name)

    wait.meanwhile = replace
    assert _model(api, part).status_code == 503
    assert wait.looks == 100


def test_a_part_that_goes_meanwhile_is_404(api, wait):
    part = make_part()
    make_file(part)

    def trash(look):
        type(part).objects.update(deleted_at=part.created_at)

    wait.meanwhile = trash
    assert _model(api, part).status_code == 404


def test_the_model_of_an_older_file_is_never_shown(api, wait):
    part = make_part()
    older = make_converted(part)
    make_file(part, "newer.step")
    assert _model(api, part, f"?v={older.model_tag}").status_code == 503


@pytest.mark.parametrize(("state", "status"), [("queued", 503), ("failed", 422)])
def test_a_model_from_before_another_conversion_is_not_passed_off(
    api, wait, state, status
):
    part = make_part()
    make_converted(part, state=state)
    assert _model(api, part).status_code == status


def test_a_part_without_a_step_file_has_no_model(api):
    part = make_part()
    make_file(part, "d.pdf", b"%PDF-1.4\n%%EOF")
    answer = _model(api, part)
    assert (answer.status_code, answer.json()) == (
        404,
        {
            "error": "No STEP file",
            "details": "A model is made of a STEP file; upload one.",
        },
    )


def test_a_model_whose_bytes_are_lost_is_404(api, caplog):
    part = make_part()
    file = make_converted(part)
    default_storage.delete(file.model.name)
    assert _model(api, part).status_code == 404
    assert "stored_file_lost" in caplog.text


def test_a_model_costs_two_queries(api, django_assert_num_queries):
    part = make_part()
    make_converted(part)
    with django_assert_num_queries(2):  # key, part
        _model(api, part)


# --- The model of one revision -------------------------------------------------


def _of_revision(api, part, revision, query=""):
    return api.get(f"{PARTS}{part.pk}/files/{revision}/model{query}")


def test_every_revision_keeps_its_model(reader):
    part = make_part()
    first, second = make_converted(part), make_converted(part)
    default_storage.delete(first.model.name)
    default_storage.save(first.model.name, make_glb())
    answer = _of_revision(reader, part, 1)
    assert (answer.status_code, answer.getvalue()) == (200, b"glTF-new")
    assert answer["Content-Type"] == "model/gltf-binary"
    assert answer["ETag"] == f'"{first.model_tag}"'
    assert answer["Cache-Control"] == "private, no-cache"
    assert _of_revision(reader, part, 2)["ETag"] == f'"{second.model_tag}"'


def test_the_model_of_a_revision_may_be_kept_for_ever_by_its_tag(reader):
    part = make_part()
    older = make_converted(part)
    make_converted(part)
    answer = _of_revision(reader, part, 1, f"?v={older.model_tag}")
    assert answer["Cache-Control"] == FOREVER
    # While it is converted again, what is there is still what was asked for.
    PartFile.objects.update(state=Conversion.QUEUED)
    pinned = _of_revision(reader, part, 1, f"?v={older.model_tag}")
    assert pinned.getvalue() == b"glTF-fake"
    assert _of_revision(reader, part, 1, "?v=another").status_code == 503


@pytest.mark.parametrize(
    ("state", "status"), [("queued", 503), ("running", 503), ("failed", 422)]
)
def test_the_model_of_a_revision_is_not_waited_for(api, wait, state, status):
    part = make_part()
    make_file(part)
    PartFile.objects.update(state=state, error="The file is cut off.")
    assert _of_revision(api, part, 1).status_code == status
    assert wait.looks == 0


def test_a_revision_that_is_not_there_has_no_model(api):
    part = make_part()
    make_converted(part)
    make_file(part, "d.pdf", b"%PDF-1.4\n%%EOF")
    make_file(part, "e.pdf", b"%PDF-1.4 \n%%EOF")
    for revision in (0, 2, 99):
        answer = _of_revision(api, part, revision)
        assert (answer.status_code, answer.json()["error"]) == (404, "File not found")
    workflow.trash(part, actor=None)
    assert _of_revision(api, part, 1).status_code == 404


def test_the_model_of_a_revision_needs_a_key(client):
    part = make_part()
    make_converted(part)
    assert _of_revision(client, part, 1).status_code == 401


@pytest.mark.parametrize("revisions", [1, 6])
def test_the_model_of_a_revision_costs_three_queries(
    api, revisions, django_assert_num_queries
):
    part = make_part()
    for _ in range(revisions):
        make_converted(part)
    with django_assert_num_queries(3):  # key, part, file
        _of_revision(api, part, 1)


# --- The picture --------------------------------------------------------------


def test_the_picture_of_the_current_file_may_be_kept_for_ever(reader):
    part = make_part()
    make_converted(part)
    (row,) = reader.get(PARTS).json()["parts"]
    answer = reader.get(row["thumbnail"])
    assert answer.getvalue() == b"PNG-fake"
    assert answer["Content-Type"] == "image/png"
    assert answer["Cache-Control"] == FOREVER
    assert answer["X-Content-Type-Options"] == "nosniff"
    headers = {"If-None-Match": answer["ETag"]}
    assert reader.get(row["thumbnail"], headers=headers).status_code == 304


def test_the_picture_of_an_older_file_or_of_none_is_404(api):
    part = make_part()
    older = make_converted(part)
    address = f"{PARTS}{part.pk}/thumbnail"
    assert api.get(f"{address}/x.png").status_code == 404
    make_file(part, "newer.step")
    answer = api.get(f"{address}/{older.thumbnail_tag}.png")
    assert (answer.status_code, answer.json()["error"]) == (404, "Picture not found")
    assert api.get(f"{address}/.png").status_code == 404


def test_the_picture_of_no_part_is_404(api):
    part = make_part()
    make_converted(part)
    picture = api.get(f"{PARTS}{part.pk}").json()["thumbnail"]
    beyond = picture.replace(f"/{part.pk}/", f"/{10**30}/")
    assert api.get(beyond).json()["error"] == "Part not found"
    Part.objects.update(deleted_at=part.created_at)
    assert api.get(picture).json()["error"] == "Part not found"


def test_a_picture_costs_two_queries(reader, django_assert_num_queries):
    part = make_part()
    make_converted(part)
    picture = reader.get(f"{PARTS}{part.pk}").json()["thumbnail"]
    with django_assert_num_queries(2):  # the key, where the picture lies
        assert reader.get(picture).status_code == 200


# --- Again --------------------------------------------------------------------


@pytest.mark.parametrize("state", [Conversion.DONE, Conversion.FAILED])
def test_convert_queues_the_current_file_anew(
    api, queued, state, django_capture_on_commit_callbacks
):
    part = make_part()
    file = make_converted(part, state=state, error="x", attempts=3)
    with django_capture_on_commit_callbacks(execute=True):
        answer = api.post(f"{PARTS}{part.pk}/convert")
    assert answer.status_code == 202
    model = answer.json()["model"]
    assert (model["state"], model["error"], model["facts"]) == ("queued", None, None)
    file.refresh_from_db()
    assert (file.state, file.attempts) == ("queued", 0)
    assert queued == [file.pk]
    event = part.events.first()
    assert (event.verb, event.revision) == ("retried", 1)


def test_convert_leaves_alone_what_is_on_its_way(api, queued):
    part = make_part(name="Hub")
    make_file(part)
    answer = api.post(f"{PARTS}{part.pk}/convert")
    assert answer.status_code == 409
    assert answer.json()["error"] == "“Hub” is being converted already."
    assert queued == []
    assert part.events.count() == 1


def test_convert_needs_a_step_file(api):
    answer = api.post(f"{PARTS}{make_part().pk}/convert")
    assert (answer.status_code, answer.json()["error"]) == (404, "No STEP file")
