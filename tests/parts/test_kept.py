"""The sums that the database keeps, against a full count of the rows."""

import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import StringIO

import hypothesis
import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, F, Q
from django.test.utils import CaptureQueriesContext
from hypothesis import strategies as st

from parts import kept, stats, tallies, vocabulary, workflow
from parts.models import (
    Category,
    Part,
    PartEvent,
    Season,
    Verb,
)
from tests.factories import make_part

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
NAMES = ("", "Kim", "kim", "Zoë", "ZOË", "Straße", "STRASSE", "O'Neil")
SPANS = [
    None,
    timedelta(microseconds=-1),
    timedelta(0),
    timedelta(hours=1) - timedelta(microseconds=1),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=24),
    timedelta(hours=24, microseconds=1),
    timedelta(days=400, microseconds=123_457),
]


# --- The full count -------------------------------------------------------------


def _season(part: Part) -> int:
    return part.season_id or 0


def _took(part: Part) -> tuple[int, int]:
    """Return the class of the time that a part took, and the microseconds."""
    if part.category != Category.COMPLETED or not part.claimed_date:
        return 0, 0
    if not part.completed_at or part.completed_at < part.claimed_date:
        return 0, 0
    took = part.completed_at - part.claimed_date
    hours = took / timedelta(hours=1)
    number = 1 + (hours >= 1) + (hours >= 4) + (hours >= 8) + (hours > 24)
    return number, took // timedelta(microseconds=1)


def _counted() -> tuple[dict, dict]:
    """Return what the tallies and the words must say."""
    standing: dict[tuple, list] = {}
    words: dict[tuple, list] = {}
    for part in Part.objects.live():
        took, microseconds = _took(part)
        key = (
            part.category,
            _season(part),
            part.status,
            part.type,
            part.queue,
            int(bool(part.assigned)),
            took,
        )
        sums = standing.setdefault(key, [0, 0, 0, 0, 0])
        amount = part.amount
        more = (1, amount, microseconds * amount, part.completed_incorrectly)
        for n, value in enumerate((*more, part.scrapped)):
            sums[n] += value
        for field in WORDS:
            if word := getattr(part, field):
                uses = words.setdefault((field, part.category, _season(part), word), [])
                uses.append(amount)
    return (
        {key: tuple(sums) for key, sums in standing.items()},
        {key: (len(uses), sum(uses)) for key, uses in words.items()},
    )


WORDS = ("subsystem", "material", "material_thickness", "assigned", "storage_location")


def _scored() -> dict[str, tuple[int, float]]:
    """Return parts and points of everybody, by the folded name."""
    parts: Counter[str] = Counter()
    points: Counter[str] = Counter()
    for part in Part.objects.on_board(Category.COMPLETED):
        names = {worker["name"] for worker in part.extra.get("handWorkers", [])}
        for event in part.events.filter(verb__in=[Verb.ASSIGNED, Verb.UNCLAIMED]):
            names.update(event.changes.get("assigned", []))
        last = part.assigned.casefold()
        for name in {name.casefold() for name in (*names, last) if name}:
            parts[name] += 1
            end = -1 if part.completed_incorrectly else 1
            points[name] += end if name == last else 0.5
    return {name: (parts[name], points[name]) for name in parts}


def check() -> None:
    """Hold everything kept against the full count."""
    standing, words = _counted()
    assert tallies.standing(*tallies.KEYS) == standing
    assert {
        (field, category, season, word): (parts, pieces)
        for field, category, season, word, parts, pieces in _rows(
            "SELECT field, category, season, word, sum(parts), sum(pieces) "
            "FROM parts_word GROUP BY 1, 2, 3, 4 HAVING sum(parts) <> 0"
        )
    } == words
    assert {
        credit.name.casefold(): (credit.parts, credit.points)
        for credit in tallies.credits()
    } == _scored()
    for category in Category.values:
        parts = Part.objects.on_board(category)
        assert parts.count() == len(parts)
        kept_seasons = parts.of_kept_seasons()
        assert kept_seasons.count() == len(kept_seasons)
        counted = kept_seasons.tally("queue")
        by_queue = Counter(part.queue for part in kept_seasons)
        assert {queue: number for queue, (number, _) in counted.items()} == by_queue
        assert kept_seasons.totals() == {
            "parts": len(kept_seasons),
            "pieces": sum(part.amount for part in kept_seasons),
            "wrong": sum(part.completed_incorrectly for part in kept_seasons),
            "scrapped": sum(part.scrapped for part in kept_seasons),
        }
    assert _rows("SELECT name FROM parts_score GROUP BY 1 HAVING sum(parts) < 0") == []


def _rows(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


# --- Whatever is done -----------------------------------------------------------


names = st.sampled_from(NAMES)
amounts = st.sampled_from([1, 2, 7, 40])
parts = st.fixed_dictionaries(
    {
        "stands": st.sampled_from(
            [
                ("review", "", "Pending"),
                ("review", "cnc", "Approved"),
                ("cnc", "cnc", "Reviewed"),
                ("hand", "", "In Progress"),
                ("hand", "hand", "Cancelled"),
                ("misc", "misc", "Already Started"),
                ("completed", "cnc", "Completed"),
                ("completed", "hand", "Completed"),
                ("completed", "", "Completed"),
            ]
        ),
        "assigned": names,
        "subsystem": st.sampled_from(["Intake", "intake", "Größe", "50 %"]),
        "material": st.sampled_from(["", "6061-T6", "PLA"]),
        "material_thickness": st.sampled_from(["", "3 mm"]),
        "storage_location": st.sampled_from(["", "Shelf"]),
        "blocked_reason": st.sampled_from(["", "No stock"]),
        "amount": amounts,
        "scrapped": st.sampled_from([0, 3]),
        "completed_incorrectly": st.booleans(),
        "deleted_at": st.sampled_from([None, None, AT]),
        "span": st.sampled_from(SPANS),
        "workers": st.lists(names.filter(bool), max_size=3),
        "in_season": st.sampled_from([0, 1, 2]),
    }
)


def _fields(drawn: dict) -> dict:
    fields = dict(drawn)
    fields["category"], fields["type"], fields["status"] = fields.pop("stands")
    span, workers = fields.pop("span"), fields.pop("workers")
    number = fields.pop("in_season")
    fields["season"] = Season.objects.filter(name=str(number)).first()
    fields["claimed_date"] = AT if span is not None else None
    fields["completed_at"] = None
    if fields["category"] == Category.COMPLETED:
        fields["completed_at"] = AT + (span or timedelta(0))
    if workers:
        fields["extra"] = {"handWorkers": [{"name": name} for name in workers]}
    return fields


places = st.integers(0, 9)
steps = st.one_of(
    st.tuples(st.just("create"), parts),
    st.tuples(st.just("bulk_create"), st.lists(parts, max_size=4)),
    st.tuples(st.just("save"), places, parts),
    st.tuples(st.just("update"), parts),
    st.tuples(st.just("raw"), st.sampled_from(["amount", "scrapped"]), amounts),
    st.tuples(st.just("raw_category"), places),
    st.tuples(st.just("event"), places, names, names),
    st.tuples(st.just("event_changed"), names),
    st.tuples(st.just("event_moved"), places),
    st.tuples(st.just("event_gone"), places),
    st.tuples(st.just("delete"), places),
    st.tuples(st.just("trash"), places),
    st.tuples(st.just("restore"), places),
    st.tuples(st.just("wipe")),
    st.tuples(st.just("work"), places, names),
    st.tuples(st.just("rolled_back"), parts),
    st.tuples(st.just("catch_up")),
)


class Doer:
    """What can be done to the parts, by the name of a step."""

    def create(self, drawn):
        make_part(**_fields(drawn))

    def bulk_create(self, many):
        Part.objects.bulk_create(Part(**_fields(drawn)) for drawn in many)

    def save(self, place, drawn):
        if part := self._at(place):
            for name, value in _fields(drawn).items():
                setattr(part, name, value)
            part.save()

    def update(self, drawn):
        fields = _fields(drawn)
        Part.objects.filter(category=fields["category"]).update(**fields)

    def raw(self, column, value):
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE parts SET {column} = %s", [value])  # noqa: S608

    def raw_category(self, place):
        if part := self._at(place):
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE parts SET category = 'completed', status = 'Completed', "
                    "completed_at = claimed_date WHERE id = %s",
                    [part.pk],
                )

    def event(self, place, before, after):
        if part := self._at(place):
            verb = Verb.ASSIGNED if after else Verb.UNCLAIMED
            changes = {"assigned": [before, after]}
            PartEvent.objects.create(part=part, verb=verb, changes=changes)

    def event_changed(self, name):
        PartEvent.objects.filter(verb=Verb.ASSIGNED).update(
            changes={"assigned": [name, "Ada"]}
        )

    def event_moved(self, place):
        if part := self._at(place):
            PartEvent.objects.filter(verb=Verb.UNCLAIMED).update(part=part)

    def event_gone(self, place):
        if part := self._at(place):
            part.events.all().delete()

    def catch_up(self):
        kept.catch_up()

    def delete(self, place):
        if part := self._at(place):
            part.delete()

    def trash(self, place):
        Part.objects.filter(pk=getattr(self._at(place), "pk", 0)).update(deleted_at=AT)

    def restore(self, place):
        Part.objects.filter(pk=getattr(self._at(place), "pk", 0)).update(
            deleted_at=None
        )

    def wipe(self):
        workflow.wipe(actor=None)

    def work(self, place, name):
        part = self._at(place)
        if part is None or part.deleted_at or not part.in_shop or not name:
            return
        if part.assigned:
            workflow.unclaim(part, actor=None)
        workflow.assign(part, actor=None, worker=name)
        workflow.complete(part, actor=None)
        workflow.revert(part, actor=None)
        workflow.complete(part, actor=None)

    def rolled_back(self, drawn):
        with suppress(IntegrityError), transaction.atomic():
            self.create(drawn)
            Part.objects.update(amount=F("amount") + 1)
            make_part(uuid=Part.objects.first().uuid)

    def _at(self, place):
        return Part.objects.order_by("pk")[place:].first()


@hypothesis.given(st.lists(steps, min_size=3, max_size=12))
def test_what_is_kept_is_the_full_count_whatever_is_done(todo):
    with transaction.atomic():
        for number, is_archived in ((1, False), (2, True)):
            Season.objects.create(name=str(number), archived=is_archived)
        for step, *told in todo:
            getattr(Doer(), step)(*told)
        check()
        assert kept.recount() == 0
        transaction.set_rollback(True)


def test_a_time_that_no_column_could_hold_breaks_nothing():
    for _ in range(3):
        make_part(
            category="completed",
            amount=2**31 - 1,
            claimed_date=AT,
            completed_at=AT + timedelta(days=4000),
        )
    assert stats.pieces()["average_completion_time"] == 96000.0
    Part.objects.first().delete()
    assert stats.pieces()["average_completion_time"] == 96000.0


def test_a_name_counts_once_for_a_part_in_whatever_spelling():
    part = make_part(category="completed", assigned="Łukasz Żak")
    for name in ("ŁUKASZ ŻAK", "łukasz żak", "Björn Weiß", "BJÖRN WEISS", "Zoë"):
        changes = {"assigned": ["", name]}
        PartEvent.objects.create(part=part, verb=Verb.ASSIGNED, changes=changes)
    make_part(category="completed", assigned="BJÖRN WEISS")
    assert stats.scores() == [
        {"name": "BJÖRN WEISS", "score": 1.5},
        {"name": "łukasz żak", "score": 1.0},
        {"name": "Zoë", "score": 0.5},
    ]


def test_a_line_of_history_that_is_moved_counts_for_the_other_part():
    first, second = (make_part(category="completed", assigned="Kim") for _ in range(2))
    changes = {"assigned": ["", "Sam"]}
    told = PartEvent.objects.create(part=first, verb=Verb.ASSIGNED, changes=changes)
    PartEvent.objects.filter(pk=told.pk).update(part=second)
    check()
    first.delete()
    assert stats.scores() == [
        {"name": "Kim", "score": 1.0},
        {"name": "Sam", "score": 0.5},
    ]


def test_what_is_no_name_counts_for_nobody():
    odd = [{"name": 7}, {"named": "Kim"}, "Kim", None, {"name": ""}]
    part = make_part(category="completed", extra={"handWorkers": odd})
    for assigned in ("Kim", {"a": "Kim"}, [7, None, ["Kim"]], None):
        PartEvent.objects.create(
            part=part, verb=Verb.ASSIGNED, changes={"assigned": assigned}
        )
    make_part(category="completed", extra={"handWorkers": "Kim"})
    assert stats.scores() == []


# --- Without reading a part -----------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [
        lambda: Part.objects.live().count(),
        lambda: Part.objects.on_board("cnc", "hand").count(),
        lambda: Part.objects.on_board("cnc").of_kept_seasons().count(),
        lambda: Part.objects.on_board("cnc").of_kept_seasons().tally("queue"),
        lambda: Part.objects.on_board("completed").totals(),
        stats.counts,
        stats.pieces,
        stats.scores,
        vocabulary.in_use,
    ],
)
def test_no_part_is_read_for_a_number_that_is_kept(read):
    make_part(category="cnc")
    with CaptureQueriesContext(connection) as queries:
        read()
    assert queries.captured_queries
    for query in queries:
        assert not re.search(r'\bFROM "?parts"?\s', query["sql"])


@pytest.mark.parametrize(
    ("parts", "count"),
    [
        (lambda: Part.objects.all(), 4),
        (lambda: Part.objects.in_trash(), 1),
        (lambda: Part.objects.live(), 3),
        (lambda: Part.objects.live()[1:], 2),
        (lambda: Part.objects.live()[:1], 1),
        (lambda: Part.objects.live().exclude(category="cnc"), 1),
        (lambda: Part.objects.exclude(deleted_at=None, category="cnc"), 2),
        (lambda: Part.objects.live().filter(Q(category="cnc") | Q(name="B")), 2),
        (lambda: Part.objects.live().filter(category__in=["cnc"]).none(), 0),
        (lambda: Part.objects.live().filter(category__in=[]), 0),
        (lambda: Part.objects.live().filter(category__in=Part.objects.none()), 0),
        (lambda: Part.objects.on_board("cnc", "hand").filter(category="hand"), 0),
        (lambda: Part.objects.live() | Part.objects.in_trash(), 4),
        (lambda: Part.objects.live().order_by().union(_trash()), 4),
        (lambda: Part.objects.live().order_by("type").distinct("type"), 2),
        (
            lambda: Part.objects.live().order_by().values("type").annotate(Count("pk")),
            2,
        ),
        (lambda: Part.objects.live().order_by().values("category").distinct(), 2),
        (lambda: Part.objects.live().filter(amount__gt=1), 0),
        (lambda: Part.objects.live().matching("part B").matching("part"), 1),
    ],
)
def test_only_what_is_kept_is_taken_from_there(parts, count):
    make_part(category="cnc", name="part A")
    make_part(category="cnc", name="part B")
    make_part(category="review", name="part C", type="hand")
    make_part(category="cnc", deleted_at=AT)
    parts = parts()
    if parts.query.distinct_fields and connection.vendor == "sqlite":
        pytest.skip("SQLite has no DISTINCT ON.")
    assert parts.count() == len(parts) == count


def _trash():
    return Part.objects.in_trash().order_by()


@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite looks at one row at a time."
)
def test_many_rows_are_not_each_held_against_all_others():
    """Nor by the plan of one row, which a connection keeps."""
    Part.objects.bulk_create(Part(name=f"Part {n}") for n in range(2_000))
    Part.objects.filter(name="Part 1").update(notes="one")
    with connection.cursor() as cursor:
        # Each row with each, in eight triggers, takes 8 s; each once takes 0.2.
        cursor.execute("SET LOCAL statement_timeout = '4s'")
        cursor.execute("UPDATE parts SET notes = notes")
        cursor.execute("UPDATE parts SET category = 'cnc', type = 'cnc'")
    check()


# --- Put back -------------------------------------------------------------------


def test_what_is_wrong_is_counted_anew(capsys):
    make_part(category="completed", assigned="Kim", material="", subsystem="Arm")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE parts_tally SET pieces = 7")
        cursor.execute("DELETE FROM parts_word WHERE field = 'subsystem'")
    call_command("recount")
    assert capsys.readouterr().out == "Counted anew; 2 sums were wrong.\n"
    check()
    call_command("recount")
    assert capsys.readouterr().out == "Counted anew; no sums were wrong.\n"


def test_sums_that_became_nothing_are_left_out_every_hour():
    make_part(name="Hub", category="completed", assigned="Kim").delete()
    part = make_part(name="Hub", subsystem="Arm")
    kept.tidy()
    assert _rows("SELECT count(*) FROM parts_tally") == [(1,)]
    assert _rows("SELECT word FROM parts_word ORDER BY 1") == [
        (part.material,),
        ("Arm",),
    ]
    assert _rows("SELECT count(*) FROM parts_score") == [(0,)]
    check()
    assert list(Part.objects.live().matching("hub")) == [part]


@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite's sums have no shards."
)
@pytest.mark.django_db(transaction=True)
def test_the_shards_of_many_writers_are_put_together_while_others_write():
    def work(number: int) -> None:
        try:
            with transaction.atomic():
                for _ in range(150):  # enough for a second row of each sum
                    make_part(category="cnc", material="Steel", subsystem="Arm")
                if number == 0:
                    meeting.wait()  # this one is still at it
                    meeting.wait()
        finally:
            connection.close()

    meeting = threading.Barrier(2, timeout=20)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(work, 0)
        meeting.wait()
        list(pool.map(work, [1, 2, 3]))
        assert len(_rows("SELECT shard FROM parts_tally")) > 3
        kept.tidy()
        assert len(_rows("SELECT shard FROM parts_tally")) == 1
        make_part(category="cnc", material="Steel", subsystem="Arm")
        meeting.wait()
        first.result(timeout=20)
    check()
    assert tallies.live_parts("cnc") == 601


@pytest.mark.parametrize("name", ["parts_tally_come", "parts_found_change"])
def test_a_trigger_that_is_gone_is_put_back_by_migrate(name):
    if connection.vendor == "postgresql":
        name = f"{name.rpartition('_')[0]}_insert ON parts"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}")
    make_part(name="Hub", category="cnc")
    assert not kept.is_whole(connection)
    call_command("migrate", verbosity=0)
    assert kept.is_whole(connection)
    check()
    assert Part.objects.live().matching("hub").count() == 1


@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite's index needs no right."
)
def test_who_may_not_add_the_index_of_the_search_is_told(monkeypatch):
    from parts.kept import postgresql

    monkeypatch.setattr(postgresql, "EXTENSION", "CREATE EXTENSION pg_nowhere")
    told = StringIO()
    call_command("migrate", stdout=told)
    assert "The search reads every part, since pg_trgm cannot be added (" in (
        told.getvalue()
    )
    assert kept.is_whole(connection)


@pytest.mark.django_db(transaction=True)
def test_a_migration_may_change_the_table_of_parts():
    make_part(name="Hub", category="completed", assigned="Kim")
    call_command("migrate", "parts", "0004", verbosity=0)
    there = set(connection.introspection.table_names())
    assert there.isdisjoint({"parts_tally", "parts_kept", "parts_found"})
    call_command("migrate", verbosity=0)
    assert kept.is_whole(connection)
    check()
    assert Part.objects.live().matching("hub").count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_emptied_database_counts_nothing():
    make_part(category="completed", assigned="Kim")
    call_command("flush", interactive=False, verbosity=0)
    assert stats.counts()["total"] == 0
    check()
    make_part(category="completed", assigned="Kim")
    check()


# --- At the same time -----------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_who_writes_at_the_same_time_loses_no_count():
    def work(number: int) -> None:
        try:
            for n in range(4):
                part = make_part(category="cnc", material=f"{n}", subsystem="Arm")
                workflow.assign(part, actor=None, worker=f"Kim {number % 2}")
                workflow.complete(part, actor=None, storage="Shelf")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert Part.objects.live().count() == 16
    check()


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_the_row_of_a_sum():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets one write at a time.")
    meeting = threading.Barrier(2, timeout=10)

    def work(categories: list[str]) -> None:
        try:
            with transaction.atomic():
                for category in categories:
                    make_part(category=category, material="Steel", assigned="Kim")
                    meeting.wait()  # neither has committed
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, [["cnc", "completed"], ["completed", "cnc"]]))
    assert Part.objects.live().count() == 4
    check()


@pytest.mark.django_db(transaction=True)
def test_who_took_a_part_while_it_was_finished_is_not_forgotten():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets one write at a time.")
    part = make_part(category="cnc", status="In Progress", assigned="Kim")

    def tell() -> None:
        try:
            changes = {"assigned": ["", "Sam"]}
            PartEvent.objects.create(part=part, verb=Verb.ASSIGNED, changes=changes)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            workflow.complete(part, actor=None)
            telling = pool.submit(tell)
            with suppress(TimeoutError):  # it waits, if it knows what is good
                telling.result(timeout=0.5)
        telling.result(timeout=10)
    check()
