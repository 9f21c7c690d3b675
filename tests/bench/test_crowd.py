"""What the crowd does, against the site itself: no server and no waiting."""

import itertools
from random import Random

import pytest
from django.test import Client

from bench import client, crowd
from bench.client import Answer, Turn
from bench.figures import figures
from bench.rounds import Cell
from bench.seed import sign_in
from bench.sites import SITE, Shop, Visitor
from parts import workflow
from parts.models import Category, Conversion, Part, PartFile, Verb
from tests.factories import STEP_SAMPLES, make_part, make_user

pytestmark = pytest.mark.django_db


class Clock:
    """One that goes to whenever the next thing is due, instead of waiting for it."""

    now = 1000.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(crowd, "time", clock)
    return clock


@pytest.fixture
def turns_of(clock):
    """Return a function that has the site answer what a visit asks; it yields both."""

    def answered(visit):
        turn = next(visit)
        while turn:
            clock.now = max(clock.now, turn.at)
            answer = _answer(turn.request)
            yield turn, answer
            try:
                turn = visit.send(answer)
            except StopIteration:
                return

    return answered


@pytest.fixture
def member():
    return _visitor(make_user())


@pytest.fixture
def lead():
    return _visitor(make_user(role="lead"))


def test_a_page_is_asked_for_news_and_read_anew_only_where_it_is_concerned(
    turns_of, member
):
    part, other = make_part(category="review"), make_part(category="review")
    turns = turns_of(crowd._opened(_person(member, "/production/")))
    assert [turn.name for turn, _ in itertools.islice(turns, 2)] == [
        "page: production",
        crowd.NEWS,
    ]
    assert next(turns)[1].status == 304
    lead = make_user(role="lead")
    workflow.send_back(other, reason="No drawing.", actor=lead)  # on another board
    told, answer = next(turns)
    assert (told.name, answer.status) == (crowd.NEWS, 200)
    assert next(turns)[1].status == 304
    workflow.approve(part, actor=lead)
    assert [next(turns)[0].name for _ in range(3)] == [
        crowd.NEWS,
        "page: production",
        crowd.NEWS,
    ]


def test_a_page_waits_as_long_as_the_site_wishes(clock, member):
    person = _person(member, "/production/")
    visit = person.look()
    asked = next(visit)
    clock.now = asked.at
    wished = Answer(304, b"", b"HTTP/1.1 304 Not Modified\r\nRetry-After: 20\r\n")
    assert 18 <= visit.send(wished).at - asked.at <= 22
    none = Answer(304, b"", b"HTTP/1.1 304 Not Modified\r\n")
    assert visit.send(none).at - asked.at < 4


def test_who_makes_parts_takes_one_and_finishes_it(turns_of, member):
    part = make_part(category="cnc")
    visit = crowd._at_work(_person(member, "/production/"), crowd._make)
    turns = (turn for turn, _ in turns_of(visit) if turn.name == crowd.STEP)
    assert _path(next(turns)) == f"/parts/{part.pk}/assign/"
    assert _path(next(turns)) == f"/parts/{part.pk}/complete/"
    part.refresh_from_db()
    assert part.category == Category.COMPLETED
    assert part.storage_location


def test_who_reviews_approves_or_sends_back_whatever_waits(turns_of, lead):
    parts = [make_part(category="review") for _ in range(4)]
    visit = crowd._at_work(_person(lead, "/review/"), crowd._review)
    for turn, _ in itertools.islice(turns_of(visit), 60):
        assert turn.name in {"page: review", crowd.STEP, crowd.NEWS}
    done = {event.verb for part in parts for event in part.events.all()}
    assert done == {Verb.APPROVED, Verb.SENT_BACK}


def test_who_designs_hands_in_and_comes_back_to_the_board(turns_of, member):
    visit = crowd._at_work(_person(member, "/"), crowd._design)
    names = [turn.name for turn, _ in itertools.islice(turns_of(visit), 40)]
    at = names.index(crowd.HAND_IN)
    assert names[at - 1 : at + 3] == [
        crowd.FORM,
        crowd.HAND_IN,
        "page: a part",
        "page: what waits for me",
    ]
    assert Part.objects.filter(category=Category.REVIEW).exists()


def test_a_file_is_sent_before_its_part_is_handed_in(turns_of, member):
    content = (STEP_SAMPLES / "camera_bracket.step").read_bytes()
    visit = crowd._upload(_person(member, ""), iter([("camera_bracket.step", content)]))
    names = []
    for turn, _ in turns_of(visit):
        names.append(turn.name)
        if turn.name == "page: a part":
            PartFile.objects.update(state=Conversion.FAILED)
            break
    assert names == [
        crowd.FORM,
        crowd.FILE,
        *[crowd.DRAFTS] * names.count(crowd.DRAFTS),
        crowd.HAND_IN,
        "page: a part",
    ]
    assert Part.objects.get().current_step.name == "camera_bracket.step"


def test_a_program_makes_parts_of_its_own(turns_of, lead, tmp_path):
    visit = crowd._script(lead, Shop(0, tmp_path, "", "", []), _chance())
    statuses = [answer.status for _, answer in itertools.islice(turns_of(visit), 8)]
    assert statuses == [200, 201, 200, 200] * 2
    assert Part.objects.filter(category=Category.COMPLETED).count() == 2


def test_whoever_is_signed_out_is_told_of(turns_of, member):
    outcome = crowd.Outcome()
    stranger = Visitor(member.role, member.key, "sessionid=no")
    visit = crowd._opened(crowd.Person(stranger, "/", _chance(), outcome))
    list(itertools.islice(turns_of(visit), 2))
    assert outcome.troubles == ["signed out, to /account/login/?next=/"]


def test_everybody_comes_and_nobody_twice(tmp_path):
    roles = ("member", "lead", "member", "viewer", "member")
    visitors = [
        Visitor(role, f"key{n}", f"sessionid={n}")
        for n, role in zip(range(crowd.PEOPLE), itertools.cycle(roles), strict=False)
    ]
    shop = Shop(0, tmp_path, "", "", [1, 2], visitors=visitors)
    visits = list(crowd._everybody(shop, STEP_SAMPLES, crowd.Outcome()))
    heads = [next(visit).request.partition(b"\r\n\r\n")[0] for visit in visits]
    who = {
        line
        for head in heads
        for line in head.split(b"\r\n")
        if line.startswith((b"Cookie", b"X-API-Key"))
    }
    assert len(heads) == len(who) == crowd.PEOPLE


def test_the_table_has_a_place_for_whatever_is_asked():
    names = [name for name in crowd._ROWS[::-1] for _ in range(2)]
    kinds = itertools.cycle(["site on PostgreSQL", SITE])
    some = figures([client.Sample(1.0, [0.1])])
    rows = {
        Cell(name, kind, 300): some for name, kind in zip(names, kinds, strict=False)
    }
    assert [cell.ask for cell in crowd.in_order(rows)][::2] == list(crowd._ROWS)


def _visitor(user) -> Visitor:
    return Visitor(user.role, **sign_in(user))


def _person(visitor: Visitor, address: str) -> crowd.Person:
    return crowd.Person(visitor, address, _chance(), crowd.Outcome())


def _chance() -> Random:
    return Random(1)  # noqa: S311 - no secret


def _path(turn: Turn) -> str:
    return turn.request.split(b" ")[1].decode()


def _answer(request: bytes) -> Answer:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    kind = headers.pop("Content-Type", "")
    response = Client(enforce_csrf_checks=True).generic(
        method, path, body, kind, headers=headers
    )
    lines = [f"{name}: {value}" for name, value in response.headers.items()]
    lines += [morsel.output() for morsel in response.cookies.values()]
    told = "\r\n".join(["", *lines]).encode()
    body = b"".join(response) if response.streaming else response.content
    return Answer(response.status_code, body, told)
