"""What an open page asks: whether anything changed, and for whom."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from parts import drawings, workflow
from parts.models import PartEvent, PartFile, Season
from parts.views import live
from partsite import busy
from tests.factories import make_converted, make_file, make_part

ADDRESS = "/parts/live/"


def version_of(page, address: str = "/production/") -> str:
    """The version that a page says it was read at."""
    return re.search(r'data-version="([^"]+)"', page.get(address).text)[1]


def ask(page, etag: str | None, **query):
    headers = {} if etag is None else {"If-None-Match": etag}
    return page.get(ADDRESS, query, headers=headers)


def settle(page) -> str:
    """Ask until all is known, and return the version then."""
    return ask(page, f'"{version_of(page)}"')["ETag"]


def test_a_stranger_is_asked_to_sign_in(client, db):
    response = client.get(ADDRESS)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("accounts:login"))


def test_it_is_only_read(member_page):
    assert member_page.post(ADDRESS).status_code == 405


@pytest.mark.parametrize("address", ["/review/", "/production/", "/search/", "{part}"])
def test_what_nothing_happened_to_is_304(address, member_page):
    part = make_part()
    workflow.approve(part, actor=None)
    address = address.format(part=part.get_absolute_url())
    first = ask(member_page, f'"{version_of(member_page, address)}"')
    assert first.json() == {"everything": False, "parts": {}, "files": False}
    again = ask(member_page, first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    assert again["Cache-Control"] == "no-store"


def test_changed_parts_are_named_with_the_place_where_they_stand(member_page):
    parts = [make_part() for _ in range(4)]
    etag = settle(member_page)
    workflow.approve(parts[0], actor=None)
    workflow.trash(parts[1], actor=None)
    workflow.edit(parts[2], actor=None, notes="New")
    response = ask(member_page, etag)
    assert response.json()["parts"] == {
        str(parts[0].pk): "hand",
        str(parts[1].pk): "",
        str(parts[2].pk): "review",
    }
    assert response.json()["everything"] is False
    assert ask(member_page, response["ETag"]).status_code == 304
    workflow.restore(parts[1], actor=None)
    back = ask(member_page, response["ETag"])
    assert back.json()["parts"] == {str(parts[1].pk): "review"}


def test_a_new_part_is_a_change(member_page):
    etag = settle(member_page)
    part = workflow.create(actor=None, name="Hub", subsystem="Arm")
    assert ask(member_page, etag).json()["parts"] == {str(part.pk): "review"}


@pytest.mark.parametrize("change", ["name", "archived", "new"])
def test_a_season_changes_every_page(change, member_page):
    season = Season.objects.create(name="2026")
    etag = settle(member_page)
    if change == "new":
        Season.objects.create(name="2027")
    else:
        setattr(season, change, "2027" if change == "name" else True)
        season.save()
    response = ask(member_page, etag)
    assert response.json()["everything"] is True
    assert ask(member_page, response["ETag"]).status_code == 304


def test_another_role_changes_every_page(member_page, member):
    etag = settle(member_page)
    member.role = Role.VIEWER
    member.save()
    assert ask(member_page, etag).json()["everything"] is True


def test_a_conversion_that_goes_on_is_a_change_for_who_shows_it(member_page):
    file = make_file(make_part())
    etag = settle(member_page)
    shown = f"{file.pk}:queued"
    assert ask(member_page, etag, files=shown).status_code == 304
    PartFile.objects.filter(pk=file.pk).update(state="failed")
    response = ask(member_page, etag, files=shown)
    assert response.json() == {"everything": False, "parts": {}, "files": True}
    assert ask(member_page, etag).status_code == 304


def test_a_drawing_that_is_fetched_is_a_change_for_who_shows_it(member_page, onshape):
    wish = drawings.ask(make_part(onshape_url=onshape.link()), actor=None)
    etag = settle(member_page)
    shown = f"drawing-{wish.pk}:queued"
    assert ask(member_page, etag, files=shown).status_code == 304
    type(wish).objects.update(state="done")
    assert ask(member_page, etag, files=shown).json()["files"] is True


def test_a_file_in_the_trash_is_no_longer_shown(member_page):
    file = make_file(make_part())
    etag = settle(member_page)
    file.part.deleted_at = timezone.now()
    file.part.save()
    assert ask(member_page, etag, files=f"{file.pk}:queued").json()["files"] is True


def test_too_many_changes_are_everything(member_page, monkeypatch):
    monkeypatch.setattr(live, "MOST_PARTS", 2)
    parts = [make_part() for _ in range(3)]
    etag = settle(member_page)
    for part in parts:
        workflow.trash(part, actor=None)
    assert ask(member_page, etag).json() == {
        "everything": True,
        "parts": {},
        "files": False,
    }


def test_an_event_that_is_committed_late_is_not_missed(member_page):
    first, second = make_part(), make_part()
    late = workflow.edit(first, actor=None, name="A").events.get()
    workflow.edit(second, actor=None, name="B")
    PartEvent.objects.filter(pk=late.pk).delete()
    etag = settle(member_page)
    late.save(force_insert=True)  # its number is lower than one that was seen
    assert ask(member_page, etag).json()["everything"] is True
    assert PartEvent.objects.count() == 2


@pytest.mark.parametrize(
    "etag",
    [None, "", '"x"', '"1-2"', "*", 'W/"1-a-b-c"', f'"{"9" * 40}-a-b"', '"²-a-b"'],
)
def test_an_unknown_version_reads_everything(etag, member_page):
    make_part()
    assert ask(member_page, etag).json()["everything"] is True


@pytest.mark.parametrize("files", ["", ",", ":", "-1:x", "9" * 30, "drawing-:x"])
def test_nonsense_breaks_nothing(files, member_page):
    assert ask(member_page, settle(member_page), files=files).status_code in {200, 304}


@pytest.mark.parametrize("rows", [1, 30])
def test_asking_is_cheap(rows, member_page, django_assert_num_queries):
    files = [make_file(make_converted(make_part()).part) for _ in range(rows)]
    etag = settle(member_page)
    with django_assert_num_queries(4):  # session, user, events, seasons
        assert ask(member_page, etag).status_code == 304
    shown = ",".join(f"{file.pk}:queued" for file in files)
    with django_assert_num_queries(5):
        assert ask(member_page, etag, files=shown).status_code == 304
    workflow.trash(files[0].part, actor=None)
    with django_assert_num_queries(6):  # nothing came late; the parts
        assert len(ask(member_page, etag).json()["parts"]) == 1


@pytest.mark.parametrize(("pause_seconds", "said"), [(0, None), (10, "10")])
def test_a_busy_site_wishes_to_be_asked_later(
    pause_seconds, said, member_page, monkeypatch
):
    monkeypatch.setattr(busy.load, "wished_pause_seconds", lambda: pause_seconds)
    assert ask(member_page, settle(member_page)).get("Retry-After") == said
