"""Conditional requests, and who may keep an answer."""

import pytest

from parts import workflow
from parts.models import PartFile
from tests.factories import TINY_STEP, make_converted, make_file, make_part

PARTS = "/api/parts/"
ASKED_AGAIN = "private, no-cache"


@pytest.fixture
def part():
    part = make_part(type="hand")
    make_converted(part)
    return part


def _again(api, address: str, etag: str, **kwargs):
    return api.get(address, headers={"If-None-Match": etag}, **kwargs)


JSON = ["", "{pk}", "{pk}/files", "{pk}/events", "{pk}/views", "categories/review"]
JSON += ["?search=part&limit=5", "stats", "stats/detailed", "leaderboard"]
BYTES = [
    "{pk}/file",
    "{pk}/download",
    "{pk}/files/1",
    "{pk}/model",
    "{pk}/files/1/model",
]


@pytest.mark.parametrize("rest", JSON + BYTES)
def test_what_has_not_changed_is_not_sent_again(reader, part, rest):
    address = PARTS + rest.format(pk=part.pk)
    first = reader.get(address)
    assert (first.status_code, first["Cache-Control"]) == (200, ASKED_AGAIN)
    assert first.getvalue()
    again = _again(reader, address, first["ETag"])
    assert (again.status_code, again.getvalue()) == (304, b"")
    assert (again["ETag"], again["Cache-Control"]) == (first["ETag"], ASKED_AGAIN)
    assert _again(reader, address, '"another"').status_code == 200


@pytest.mark.parametrize("rest", ["", "{pk}", "{pk}/events", "categories/review"])
def test_what_has_changed_is_sent(api, part, rest):
    address = PARTS + rest.format(pk=part.pk)
    first = api.get(address)
    workflow.edit(part, actor=None, notes="new")
    second = _again(api, address, first["ETag"])
    assert second.status_code == 200
    assert second["ETag"] != first["ETag"]


def test_a_conversion_that_ends_changes_the_part(api, part):
    address = f"{PARTS}{part.pk}"
    first = api.get(address)
    PartFile.objects.filter(part=part).update(state="running")
    assert _again(api, address, first["ETag"]).status_code == 200


@pytest.mark.parametrize("rest", ["file", "model"])
def test_a_newer_file_is_sent(api, part, rest):
    address = f"{PARTS}{part.pk}/{rest}"
    first = api.get(address)
    make_converted(part)
    if rest == "file":
        make_file(part, "newer.step", TINY_STEP.replace(b"DATA;", b"DATA;/* 2 */"))
    assert _again(api, address, first["ETag"]).status_code == 200


def test_model_and_picture_have_addresses_that_may_be_kept_for_ever(api, part):
    told = api.get(f"{PARTS}{part.pk}").json()
    for address in (told["model"]["glb"], told["thumbnail"]):
        answer = api.get(address)
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
        assert _again(api, address, answer["ETag"]).status_code == 304


@pytest.mark.parametrize("rest", [*JSON, *BYTES, "auth/check", "nothing/here"])
def test_no_cache_on_the_way_tells_one_keys_answer_to_another(reader, part, rest):
    answer = reader.get(PARTS + rest.format(pk=part.pk))
    assert "X-API-Key" in answer["Vary"]
    assert "private" in answer["Cache-Control"] or "no-store" in answer["Cache-Control"]


def test_an_error_is_never_a_304(api, part):
    address = f"{PARTS}{part.pk}"
    first = api.get(address)
    workflow.trash(part, actor=None)
    gone = api.get(address)
    assert gone.status_code == 404
    assert _again(api, address, gone.get("ETag", first["ETag"])).status_code == 404
    assert _again(api, address, "*").status_code == 404
