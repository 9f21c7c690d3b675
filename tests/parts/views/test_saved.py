"""Views of boards that people keep."""

import pytest
from django.contrib.messages import get_messages
from django.db import IntegrityError, transaction
from django.urls import reverse

from parts.models import SavedFilter
from tests.factories import make_user

VIEWS = "/search/views/"
SAVE = "/search/views/save/"
HUBS = {"name": "Hubs", "board": "production", "query": "search=hub&mine=true"}


def keep(owner, name="Hubs", **fields) -> SavedFilter:
    fields = {"board": "production", "query": "search=hub"} | fields
    return SavedFilter.objects.create(owner=owner, name=name, **fields)


def said(response) -> list[str]:
    return [message.message for message in get_messages(response.wsgi_request)]


def step(page, verb: str, view: SavedFilter, **data):
    return page.post(reverse(f"parts:view-{verb}", args=[view.pk]), data)


@pytest.mark.parametrize("address", [VIEWS, "save", "rename", "raise", "delete"])
def test_a_stranger_is_asked_to_sign_in(address, client, member):
    if not address.startswith("/"):
        args = [] if address == "save" else [keep(member).pk]
        address = reverse(f"parts:view-{address}", args=args)
    for response in (client.get(address), client.post(address, HUBS)):
        assert response.status_code in {302, 405}
    assert client.post(address, HUBS)["Location"].startswith("/account/login/")


@pytest.mark.parametrize("name", ["rename", "raise", "delete"])
def test_steps_are_posted(name, member_page, member):
    address = reverse(f"parts:view-{name}", args=[keep(member).pk])
    assert member_page.get(address).status_code == 405
    assert member_page.get(SAVE).status_code == 405
    assert member_page.post(VIEWS).status_code == 405


@pytest.mark.parametrize("page", ["viewer_page", "member_page", "lead_page"])
def test_everybody_keeps_views(page, request):
    client = request.getfixturevalue(page)
    response = client.post(SAVE, {**HUBS, "name": "  My   hubs "})
    view = SavedFilter.objects.get()
    assert (view.name, view.board, view.query) == (
        "My hubs",
        "production",
        "search=hub&mine=true",
    )
    assert response["Location"] == "/production/?search=hub&mine=true"
    assert said(response) == ["“My hubs” is saved."]
    board = client.get(response["Location"])
    assert 'aria-current="page"><span class="views__name">My hubs</span>' in board.text


def test_what_is_kept_has_its_one_address(member_page):
    query = "page=3&mine=1&x=y&search=++hub&evil=javascript:"
    member_page.post(SAVE, {**HUBS, "query": query})
    assert SavedFilter.objects.get().query == "search=hub&mine=true"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": " "}, "This field is required."),
        ({"name": "x" * 61}, "at most 60 characters"),
        ({"name": "a\x00"}, "Null characters are not allowed."),
        ({"board": "admin"}, "Nothing is saved yet."),
        ({"query": "search=" + "x" * 2000}, "Nothing is saved yet."),
        (
            {"name": "plates"},
            "You have a view called “plates” already. Choose another name.",
        ),
    ],
)
def test_what_cannot_be_kept_is_told_and_nothing_typed_is_lost(
    wrong, words, member_page, member
):
    keep(member, "Plates")
    response = member_page.post(SAVE, {**HUBS, **wrong})
    assert response.status_code == 422
    assert words in response.text
    assert 'value="search=hub&amp;mine=true"' in response.text or "query" in wrong
    assert SavedFilter.objects.count() == 1


def test_two_people_may_use_one_name(member_page, lead):
    keep(lead)
    assert member_page.post(SAVE, HUBS).status_code == 302
    assert SavedFilter.objects.count() == 2


def test_there_is_a_limit(member_page, member, monkeypatch):
    monkeypatch.setattr(SavedFilter, "MOST", 2)
    for n in range(2):
        assert member_page.post(SAVE, {**HUBS, "name": f"V{n}"}).status_code == 302
    response = member_page.post(SAVE, HUBS)
    assert response.status_code == 422
    assert "You keep 2 views, which is the most. Delete one first." in response.text
    assert SavedFilter.objects.count() == 2


def test_rename(member_page, member):
    view = keep(member)
    response = step(member_page, "rename", view, name="Rollers")
    assert response["Location"] == VIEWS
    view.refresh_from_db()
    assert (view.name, view.query) == ("Rollers", "search=hub")
    assert said(response) == ["The view is called “Rollers” now."]
    assert step(member_page, "rename", view, name="rollers").status_code == 302


def test_a_name_that_is_taken_is_told_beside_its_view(member_page, member):
    keep(member, "Plates")
    response = step(member_page, "rename", keep(member), name="PLATES")
    assert response.status_code == 422
    assert "You have a view called “PLATES” already." in response.text
    assert 'value="PLATES"' in response.text


def test_delete(member_page, member):
    response = step(member_page, "delete", keep(member))
    assert not SavedFilter.objects.exists()
    assert said(response) == ["“Hubs” is deleted."]


def test_raise(member_page, member):
    views = [keep(member, name) for name in "ABC"]
    step(member_page, "raise", views[2])
    assert [view.name for view in member.saved_filters.all()] == ["A", "C", "B"]
    step(member_page, "raise", views[0])
    assert [view.name for view in member.saved_filters.all()] == ["A", "C", "B"]


@pytest.mark.parametrize("name", ["rename", "raise", "delete"])
def test_somebody_elses_view_is_404(name, member_page, lead):
    view = keep(lead)
    assert step(member_page, name, view, name="Mine now").status_code == 404
    view.refresh_from_db()
    assert view.name == "Hubs"


def test_the_page_lists_ones_own(member_page, member, lead):
    keep(member, "<Mine>")
    keep(lead, "Not mine")
    text = member_page.get(VIEWS).text
    assert 'href="/production/?search=hub">&lt;Mine&gt;</a>' in text
    assert "Not mine" not in text


def test_without_any_it_says_how_to_keep_one(member_page):
    assert "You keep none yet." in member_page.get(VIEWS).text


@pytest.mark.parametrize("rows", [1, 20])
def test_query_cost_is_flat(rows, member_page, member, django_assert_num_queries):
    for n in range(rows):
        keep(member, f"V{n}")
    with django_assert_num_queries(3):  # session, user, views
        assert member_page.get(VIEWS).text.count('class="saved__row"') == rows


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"name": ""}, {"board": "admin"}])
def test_the_database_agrees(wrong):
    owner = make_user()
    with pytest.raises(IntegrityError), transaction.atomic():
        keep(owner, **wrong)


@pytest.mark.django_db
def test_one_name_stands_once_in_the_database():
    owner = make_user()
    keep(owner, "Hubs")
    with pytest.raises(IntegrityError), transaction.atomic():
        keep(owner, "HUBS")
