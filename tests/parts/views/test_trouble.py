"""Error pages: in the same language, with a way back, and without the database."""

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from tests.factories import make_part

PAGES = ["400", "403", "403_csrf", "404", "405", "413", "429", "500", "503", "507"]


@pytest.mark.parametrize("page", PAGES)
def test_each_stands_without_request_and_database(page):
    text = render_to_string(f"{page}.html")
    assert f'<p class="door__number">{page[:3]}</p>' in text
    assert 'href="/">Back to the boards</a>' in text


def test_an_unknown_address_is_404(member_page):
    response = member_page.get("/nothing/here/")
    assert response.status_code == 404
    assert "There is nothing here" in response.text


def test_a_form_without_its_token_is_told_what_to_do(member):
    client = Client(enforce_csrf_checks=True)
    client.force_login(member)
    part = make_part(category="cnc")
    response = client.post(reverse("parts:assign", args=[part.pk]))
    assert response.status_code == 403
    assert "This page was open too long" in response.text
    part.refresh_from_db()
    assert part.assigned == ""


def test_a_mistake_of_ours_tells_nothing_of_the_inside(member_page, monkeypatch):
    def break_down(*args, **kwargs):
        raise RuntimeError("secret")

    monkeypatch.setattr("parts.views.boards._board", break_down)
    member_page.raise_request_exception = False
    response = member_page.get("/review/")
    assert response.status_code == 500
    assert "The site made a mistake" in response.text
    assert "secret" not in response.text
