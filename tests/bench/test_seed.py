"""The benchmark's shop: the same everywhere, and as the workflow would make it."""

import hashlib

import pytest
from django.db import connection

from accounts.models import ApiKey
from bench import conversion, lives, seed, workload
from parts import stats, workflow
from parts.models import Category, Part, PartEvent, PartFile, Verb
from tests.factories import STEP_SAMPLES, make_file, make_part

SIZE = 120
FATES = {"category", "status", "assigned", "claimed_date", "storage_location"}


@pytest.fixture
def shop(db):
    return seed.seed(SIZE)


def test_a_part_is_the_same_whenever_and_wherever_it_is_made():
    lives_of = [lives.live(number) for number in range(1, 400)]
    assert lives_of == [lives.live(number) for number in range(1, 400)]
    text = repr(lives_of).encode()
    assert hashlib.sha256(text).hexdigest()[:16] == "859c846ac5c66acb"


def test_even_the_smallest_shop_has_as_many_as_its_lists_ask_for():
    # Else a larger one would be compared with fewer rows, and fewer cards.
    parts = [lives.live(number).part for number in range(1, workload.SMALL + 1)]
    lane = [p for p in parts if p["category"] == "cnc" and not p.get("deleted_at")]
    assert len(lane) >= 50


def test_a_shop_holds_the_first_parts_of_any_larger_one(shop):
    stored = Part.objects.order_by("pk").values(*lives.live(1).part)
    assert [row["uuid"] for row in stored] == [
        lives.live(number).part["uuid"] for number in range(1, SIZE + 1)
    ]
    first = stored.get(pk=1)
    assert first == lives.live(1).part


def test_visitors_are_signed_in_and_have_keys_for_what_they_may_do(db, client):
    visitors = seed.seed(0, visitors=5)["visitors"]
    assert [one["role"] for one in visitors] == [
        *("member", "lead", "member", "viewer", "member")
    ]
    for one in visitors:
        headers = {"Cookie": one["cookie"]}
        assert client.get("/", headers=headers).status_code == 200
        headers = {"X-API-Key": one["key"]}
        assert client.get("/api/parts/", headers=headers).status_code == 200
    scopes = ApiKey.objects.order_by("pk").values_list("scope", flat=True)
    assert list(scopes) == ["lead", "write", "lead", "write", "read", "write"]


def test_every_row_keeps_the_rules_of_the_database(shop):
    connection.check_constraints()
    assert Part.objects.count() == SIZE
    assert set(Part.objects.values_list("category", flat=True)) == set(Category.values)
    assert sorted(shop["ids"]) == sorted(
        Part.objects.live().values_list("pk", flat=True)
    )
    verbs = PartEvent.objects.values_list("verb", flat=True).distinct()
    assert set(verbs) <= set(Verb.values)
    for part in Part.objects.with_files().order_by("pk"):
        part.clean_fields(exclude=["season", "extra"])
        newest = part.files.order_by("-revision").first()
        assert part.current_step == newest
        assert part.file == (newest.name if newest else "")


def test_events_tell_how_each_part_came_to_stand_where_it_stands(shop):
    for part in Part.objects.prefetch_related("events"):
        told = {}
        for event in sorted(part.events.all(), key=lambda event: event.pk):
            for name, (before, after) in event.changes.items():
                assert told.get(name, before) == before
                told[name] = after
        for name in FATES & told.keys():
            assert told[name] == _plain(getattr(part, name))
        assert part.updated_at == max(event.at for event in part.events.all())


def test_events_are_those_that_the_workflow_writes(shop, lead, member):
    part = make_part(type="hand")
    PartEvent.objects.filter(part=part).delete()
    make_file(part)
    workflow.approve(part, actor=lead)
    workflow.assign(part, worker=member.name, actor=member)
    workflow.unclaim(part, actor=member)
    workflow.assign(part, worker=member.name, actor=member)
    workflow.complete(part, actor=member, storage="Shelf A3")
    workflow.mark_wrong(part, actor=lead, reason="Mirrored.")
    workflow.trash(part, actor=lead)
    for event in part.events.all():
        ours = PartEvent.objects.filter(verb=event.verb).exclude(part=part)
        known = {tuple(sorted(one.changes)) for one in ours}
        assert not ours or tuple(sorted(event.changes)) in known
    hand = Part.objects.filter(type="hand", category="completed").exclude(pk=part.pk)
    assert (
        hand.first().extra["handWorkers"][0].keys()
        == part.extra["handWorkers"][0].keys()
    )


def test_numbers_have_something_to_count(shop):
    assert len(stats.scores()) > 10
    assert stats.pieces()["average_completion_time"] > 1
    assert all(stats.counts()["by_category"].values())


def test_new_rows_get_numbers_of_their_own(shop):
    part = make_part()
    assert part.pk == SIZE + 1
    assert make_file(part).pk == PartFile.objects.exclude(part=part).count() + 1


def test_the_key_and_the_session_let_in(shop, client):
    headers = {"X-API-Key": shop["key"]}
    name, _, value = shop["cookie"].partition("=")
    assert client.get("/api/parts/stats", headers=headers).status_code == 200
    assert client.get("/production/").status_code == 302
    client.cookies[name] = value
    assert client.get("/production/").status_code == 200


def test_a_shop_that_has_parts_is_left_alone(db):
    make_part()
    with pytest.raises(SystemExit, match="There are parts already"):
        seed.seed(1)
    assert Part.objects.count() == 1


def test_what_is_searched_is_found_as_often_as_its_name_says(shop):
    words = {
        ask.name: ask.paths(None)[0].partition("search=")[2].partition("&")[0]
        for ask in workload.READS
        if ask.name in workload.SEARCHES
    }
    assert words.keys() == set(workload.SEARCHES)
    code = words[workload.SEARCH_RARE]
    holders = [n for n in range(1, 2000) if lives.live(n).part["code"] == code]
    assert len(holders) == 1
    assert holders[0] <= workload.SMALL


def test_a_repeated_step_file_holds_its_bodies_so_often():
    content = (STEP_SAMPLES / "spacer.step").read_bytes()
    thrice = conversion.repeated(content, 3)
    for word in (b"MANIFOLD_SOLID_BREP", b"ADVANCED_FACE"):
        assert thrice.count(word) == 3 * content.count(word)
    assert thrice.count(b"END-ISO-10303-21;") == 1


def _plain(value):
    return value.isoformat() if hasattr(value, "isoformat") else value
