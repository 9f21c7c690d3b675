"""Cards that are drawn once look as if they were drawn each time."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from django.db.models import (
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    IntegerField,
    TextField,
)
from django.template import loader
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from accounts.models import Role, Units, User
from parts import workflow
from parts.errors import PartError
from parts.models import Part, PartFile, SavedFilter, Season, Status
from parts.templatetags import drawn
from tests.factories import TINY_PDF, make_converted, make_file, make_part, make_user

pytestmark = pytest.mark.django_db
BOARDS = ["review", "production", "completed", "search"]


@pytest.fixture
def drawings(monkeypatch):
    """Note each card that is drawn anew."""
    drawn = []
    get_template = loader.get_template

    def noting(name: str, *args):
        if name.endswith("_card.html"):
            drawn.append(name)
        return get_template(name, *args)

    monkeypatch.setattr("parts.templatetags.drawn.get_template", noting)
    return drawn


def _parts() -> list[Part]:
    parts = [
        make_part(category=category, **fields)
        for category in ("review", "cnc", "completed")
        for fields in ({}, {"assigned": "Sam", "claimed_date": timezone.now()})
    ]
    make_converted(parts[0])
    make_converted(parts[2])
    return parts


def _cards(page, board: str, query: str = "") -> str:
    """Return a board's cards, without what is another each time."""
    answer = page.get(f"{reverse(f'parts:{board}')}{query}")
    assert answer.status_code == 200
    start, end = answer.text.find("<article"), answer.text.rfind("</article>")
    token = answer.context["csrf_token"]
    return answer.text[start:end].replace(str(token), "token")


def _drawn_anew(page, board: str, query: str = "") -> str:
    drawn.pieces.clear()
    return _cards(page, board, query)


@pytest.mark.parametrize("board", BOARDS)
def test_a_card_is_drawn_once(lead_page, drawings, board):
    _parts()
    first = _cards(lead_page, board)
    count = len(drawings)
    assert count in {2, 6}
    assert _cards(lead_page, board) == first
    assert len(drawings) == count


@pytest.mark.parametrize("board", BOARDS)
def test_each_reader_gets_the_own_token(lead_page, board, drawings):
    _parts()
    address = reverse(f"parts:{board}")
    lead_page.get(address)
    del drawings[:]
    answer = lead_page.get(address)
    assert drawings == []
    assert drawn._TOKEN not in answer.text
    assert drawn._NEXT not in answer.text
    assert str(answer.context["csrf_token"]) in answer.text


def _another(field, value):
    match field:
        case BooleanField():
            return not value
        case IntegerField():
            return (value or 0) + 1
        case DateField() if not isinstance(field, DateTimeField):
            return date(2026, 3, 4)
        case DateTimeField():
            return datetime(2026, 3, 4, 5, tzinfo=UTC)
        case CharField() | TextField():
            return next((v for v, _ in field.flatchoices if v not in ("", value)), "x")
    return None


_SET_APART = {"id", "uuid", "category", "status", "queue", "type", "deleted_at"}
_COLUMNS = [
    field.attname
    for field in Part._meta.concrete_fields
    if field.attname not in _SET_APART and not field.is_relation
]


def test_a_card_is_another_when_its_part_is(lead_page):
    part = make_part(category="cnc", assigned="Sam", claimed_date=timezone.now())
    _cards(lead_page, "production")
    for column in _COLUMNS:
        value = _another(Part._meta.get_field(column), getattr(part, column))
        changes = {column: {"a": 1} if column == "extra" else value}
        if column == "wrong_reason":
            changes["completed_incorrectly"] = True
        Part.objects.update(**changes)
        seen = _cards(lead_page, "production")
        assert seen == _drawn_anew(lead_page, "production"), column


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "running"},
        {"state": "failed", "error": "Broken"},
        {"thumbnail": ""},
        {"facts": {"box_mm": [1, 2, 3]}},
        {"revision": 7},
    ],
)
@pytest.mark.parametrize("board", ["review", "production"])
def test_a_card_is_another_when_its_file_is(lead_page, board, fields):
    _parts()
    first = _cards(lead_page, board)
    PartFile.objects.update(**fields)
    second = _cards(lead_page, board)
    assert second == _drawn_anew(lead_page, board)
    assert (second == first) == (fields == {"revision": 7})


def test_a_card_is_another_for_another_reader(client, lead, member, viewer):
    parts = _parts()
    Part.objects.filter(pk=parts[3].pk).update(assigned=member.name)
    inches = make_user("inches", role="lead", units="in")
    seen = {}
    for user in (lead, member, viewer, inches):
        client.force_login(user)
        for board in BOARDS:
            seen[user, board] = _cards(client, board)
    for user in (lead, member, viewer, inches):
        client.force_login(user)
        for board in BOARDS:
            assert seen[user, board] == _drawn_anew(client, board)
    assert len(set(seen.values())) > len(BOARDS)


def test_a_card_knows_whose_part_it_is(client, member):
    make_part(category="cnc", assigned=member.name.upper())
    for user in (make_user(), member, make_user()):
        client.force_login(user)
        shown = _cards(client, "production")
        assert ("<strong>You</strong>" in shown) == (user == member)


def test_a_card_knows_who_handed_the_part_in(client, lead, member):
    part = workflow.create(actor=member, name="Hub", subsystem="Arm", type="cnc")
    workflow.send_back(part, actor=lead, reason="Too thin.")
    for user in (make_user(), member, make_user()):
        client.force_login(user)
        shown = _cards(client, "search")
        assert ("part-card__main" in shown) == (user == member)


def test_a_card_ages(lead_page, monkeypatch):
    part = make_part(category="cnc", assigned="Sam", due_date=timezone.localdate())
    now = timezone.now()
    Part.objects.filter(pk=part.pk).update(claimed_date=now)
    make_part(category="completed", completed_at=now)
    make_part(created_at=now)
    seen = set()
    for hours in (0, 0.5, 0.99, 1, 11, 13, 25, 24 * 8):
        at = now + timedelta(hours=hours)
        monkeypatch.setattr("django.utils.timezone.now", lambda at=at: at)
        page = [_cards(lead_page, board) for board in ("review", "production")]
        seen.add(str(page))
        assert page == [
            _drawn_anew(lead_page, board) for board in ("review", "production")
        ]
    assert len(seen) > 4


def test_a_card_leads_back_to_the_board_as_it_is_filtered(lead_page):
    make_part(category="cnc", name="hub", notes="a hub for the arm")
    for query in ("", "?type=cnc", "?search=hub", "?search=arm", "?group=stock"):
        first = _cards(lead_page, "production", query)
        assert first == _drawn_anew(lead_page, "production", query)


def test_a_card_tells_of_its_remake_and_its_reviewer(lead_page, lead):
    part = make_part(category="completed", assigned="Sam")
    _cards(lead_page, "completed")
    workflow.mark_wrong(part, actor=lead, reason="Too thin.")
    workflow.remake(part, actor=lead)
    for board in ("completed", "production", "search"):
        assert _cards(lead_page, board) == _drawn_anew(lead_page, board)


def test_a_card_knows_its_season(lead_page):
    season = Season.objects.create(name="2026")
    make_part(category="cnc", season=season)
    _cards(lead_page, "production")
    Season.objects.update(name="2027")
    assert _cards(lead_page, "production") == _drawn_anew(lead_page, "production")


# --- What stands around the cards -----------------------------------------------


def _page(client, address: str) -> str:
    answer = client.get(address)
    return answer.text.replace(str(answer.context["csrf_token"]), "token")


def _as_another(**fields):
    return lambda client, user: User.objects.filter(pk=user.pk).update(**fields)


def _keep_a_view(client, user):
    SavedFilter.objects.create(owner=user, name="Arm", board="review", query="")


def _rename_the_view(client, user):
    SavedFilter.objects.update(name="Leg", query="search=leg")


def _with_cookie(name: str, value: str):
    return lambda client, user: client.cookies.load({name: value})


@pytest.mark.parametrize("board", BOARDS)
def test_what_stands_around_the_cards_is_never_out_of_date(client, member, board):
    make_part(category="completed" if board == "completed" else "cnc")
    make_part()
    client.force_login(member)
    address = reverse(f"parts:{board}")
    seen = {_page(client, address)}
    for change in (
        _as_another(name="Zoë <3"),
        _as_another(theme="dark"),
        _as_another(role=Role.LEAD),
        _as_another(role=Role.VIEWER),
        _keep_a_view,
        _rename_the_view,
        _with_cookie("density", "compact"),
        lambda client, user: make_part(subsystem="Lift", material="Delrin"),
        lambda client, user: Part.objects.update(subsystem="<Leg>"),
    ):
        change(client, member)
        page = _page(client, address)
        drawn.pieces.clear()
        assert page == _page(client, address)
        seen.add(page)
    assert len(seen) > 7


def test_a_page_leads_back_to_its_own_address(lead_page):
    make_part()
    for query in ("", "?search=Part", "?search=%22%3E%3Cb%3E&type="):
        address = reverse("parts:search") + query
        page = _page(lead_page, address)
        assert f'name="next" value="{escape(address)}"' in page
        drawn.pieces.clear()
        assert page == _page(lead_page, address)


# --- Whatever anybody does ------------------------------------------------------


def _set(**fields):
    return lambda part, actor: Part.objects.filter(pk=part.pk).update(**fields)


def _set_file(**fields):
    return lambda part, actor: part.files.update(**fields)


def _with_reason(step):
    return lambda part, actor: step(part, actor=actor, reason="For a <reason>.")


def _plain(step):
    return lambda part, actor: step(part, actor=actor)


_DEEDS = [
    *map(
        _plain,
        (
            workflow.approve,
            workflow.resubmit,
            workflow.start,
            workflow.accept_revision,
            workflow.unclaim,
            workflow.complete,
            workflow.unblock,
            workflow.revert,
            workflow.remake,
            workflow.trash,
        ),
    ),
    *map(_with_reason, (workflow.send_back, workflow.block, workflow.mark_wrong)),
    lambda part, actor: workflow.approve(part, actor=actor, note="Deburr & check."),
    lambda part, actor: workflow.assign(part, worker=actor.name, actor=actor),
    lambda part, actor: workflow.put(part, actor=actor, storage="Shelf A3"),
    lambda part, actor: workflow.edit(part, actor=actor, name="Hub & arm"),
    lambda part, actor: make_file(part, content=TINY_PDF, name="p.pdf"),
    lambda part, actor: make_converted(part),
    _set(priority=3),
    _set(due_date=date(2026, 5, 3)),
    _set_file(state="failed", error="It <broke>."),
    _set_file(state="running"),
    lambda part, actor: User.objects.filter(pk=actor.pk).update(units=Units.INCHES),
    lambda part, actor: User.objects.filter(pk=actor.pk).update(role=Role.VIEWER),
    lambda part, actor: Season.objects.update(name="2027"),
]
_TIMES = [timedelta(seconds=20), timedelta(minutes=7), timedelta(hours=5)]
_QUERIES = ["", "?search=arm", "?sort_by=name"]


def test_no_card_is_out_of_date_whatever_anybody_does(client, monkeypatch):
    chance = Random(5)  # noqa: S311 - no secret
    now = datetime(2026, 5, 1, 20, 59, 50, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    people = [make_user(role=role).pk for role in (Role.LEAD, Role.LEAD, Role.MEMBER)]
    season = Season.objects.create(name="2026")
    for category in ("review", "review", "cnc", "cnc", "hand", "completed"):
        make_part(category=category, season=season, created_at=now)
    parts = list(Part.objects.values_list("pk", flat=True))
    done = 0
    for _step in range(30):
        now += chance.choice(_TIMES)
        actor, reader = User.objects.filter(pk__in=chance.sample(people, 2))
        with suppress(PartError):
            chance.choice(_DEEDS)(Part.objects.get(pk=chance.choice(parts)), actor)
            done += 1
        client.force_login(reader)
        board, query = chance.choice(BOARDS), chance.choice(_QUERIES)
        seen = _cards(client, board, query)
        kept = drawn.pieces._kept.copy()
        assert seen == _drawn_anew(client, board, query)
        drawn.pieces._kept.update(kept)
    assert done > 10


@pytest.mark.parametrize(
    ("board", "categories"),
    [
        ("review", {"review"}),
        ("production", {"cnc"}),
        ("completed", {"completed"}),
        ("search", {"review", "cnc", "completed"}),
    ],
)
def test_a_board_has_each_card_once_and_inside_of_it(lead_page, board, categories):
    parts = [part for part in _parts() if part.category in categories]
    text = lead_page.get(reverse(f"parts:{board}")).text
    main = text[text.find("<main") : text.find("</main>")]
    cards = re.findall(r'<article class="part-card[^>]* id="part-(\d+)"', main)
    assert sorted(map(int, cards)) == [part.pk for part in parts]
    assert "later-" not in text


def test_each_pile_has_its_own_cards(lead_page):
    begun = make_part(category="cnc", status=Status.IN_PROGRESS, assigned="Sam")
    ready = make_part(category="cnc")
    page = lead_page.get(reverse("parts:production")).text
    piles = page.split('<section class="pile"')[1:]
    assert [part.code in pile for pile in piles for part in (ready, begun)] in (
        [True, False, False, True],
        [False, True, True, False],
    )


def test_what_was_asked_for_longest_ago_is_thrown_out():
    kept = drawn._Pieces(2)
    for key in (b"1", b"2"):
        kept.keep(key, 0, 10, (key,))
    assert kept.find(b"1", 5) == (b"1",)
    kept.keep(b"3", 0, 10, (b"3",))
    assert [kept.find(key, 5) for key in (b"1", b"2", b"3")] == [(b"1",), (), (b"3",)]


@pytest.mark.parametrize(
    ("now", "is_found"), [(9.9, False), (10, True), (19.9, True), (20, False)]
)
def test_a_piece_is_found_while_it_looks_so(now, is_found):
    kept = drawn._Pieces(2)
    kept.keep(b"1", 10, 20, (b"x",))
    assert kept.find(b"1", now) == ((b"x",) if is_found else ())
