"""Finding parts: which words match where, and what is told of it."""

import pytest
from django.urls import reverse
from django.utils import timezone

from parts.models import Part, Season
from parts.search import where_found
from parts.views import search
from tests.factories import make_part

FIND = "/search/find/"


@pytest.fixture
def hub(db) -> Part:
    return make_part(
        name="Roller hub",
        code="26-202",
        subsystem="Intake",
        material="PA12",
        assigned="Zoë Müller",
        notes="Ream the bore.\nThen ask Žofie about the fixture.",
        category="cnc",
        status="In Progress",
        storage_location="Shelf B2",
    )


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("", True),
        ("hub", True),
        ("HUB  roller", True),
        ("hub intake pa12", True),
        ("26-20", True),
        ("hub b2", True),
        ("shelf", True),
        ("ream", True),
        ("müller", True),
        ("MÜLLER HUB", True),
        ("mu\u0308ller", True),  # u and two dots, as some devices send it
        ("žofie", True),
        ("ŽOFIE", True),
        ("hub gusset", False),
        ("%", False),
        ("_oller", False),
        ("hub\x00", True),
    ],
)
def test_every_word_must_match_somewhere(text, is_found, hub):
    assert Part.objects.found_by(text).exists() is is_found


def test_the_search_of_the_api_stays_one_text_in_its_own_fields(hub):
    assert Part.objects.matching("roller hub").exists()
    assert not Part.objects.matching("hub roller").exists()
    assert not Part.objects.matching("Shelf B2").exists()


def test_only_so_many_words_count(hub):
    assert Part.objects.found_by("hub " * 500 + "nowhere").exists()


def test_the_best_match_stands_first(db):
    make_part(name="Cover", notes="Goes on the hub")
    done = make_part(name="Hub old", category="completed", completed_at=timezone.now())
    begins = make_part(name="Hub plate")
    holds = make_part(name="Roller hub")
    code = make_part(name="Spacer", code="Hub")
    names = [part.name for part in Part.objects.found_by("hub").best_first("hub")]
    expected = [code.name, begins.name, done.name, holds.name, "Cover"]
    assert names == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", []),
        ("hub", []),
        ("PA12 intake", []),
        ("b2", [("Lies at", "Shelf B2")]),
        ("müller", [("Person", "Zoë Müller")]),
        ("ream", [("Note", "Ream the bore. Then ask Žofie about the fixt…")]),
        ("žofie", [("Note", "…Then ask Žofie about the fixture.")]),
        ("b2 zoë", [("Lies at", "Shelf B2"), ("Person", "Zoë Müller")]),
    ],
)
def test_where_it_was_found_is_told_unless_one_sees_it(text, told, hub):
    assert [(found.where, found.text) for found in where_found(hub, text)] == told


class TestFind:
    def test_a_stranger_is_asked_to_sign_in(self, client, db):
        response = client.get(FIND, {"search": "hub"})
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("accounts:login"))

    def test_it_is_only_read(self, viewer_page):
        assert viewer_page.post(FIND).status_code == 405

    def test_it_looks_on_all_boards(self, viewer_page):
        for category in ("review", "cnc", "completed"):
            make_part(name=f"Hub in {category}", category=category)
        make_part(name="Hub in the trash", deleted_at=timezone.now())
        old = Season.objects.create(name="2025", archived=True)
        make_part(name="Hub of an old season", season=old)
        text = viewer_page.get(FIND, {"search": "hub"}).text
        assert text.count('role="option"') == 3
        assert "3 parts match." in text
        assert "trash" not in text
        assert "old season" not in text

    def test_it_leads_to_the_parts(self, viewer_page):
        part = make_part(name="<Hub>", notes="Same as the gusset & co")
        text = viewer_page.get(FIND, {"search": "gusset"}).text
        assert f'href="{part.get_absolute_url()}"' in text
        assert "&lt;Hub&gt;" in text
        assert "Note: Same as the gusset &amp; co" in text

    def test_more_than_fit_lead_to_the_page_of_all(self, viewer_page, monkeypatch):
        monkeypatch.setattr(search, "MOST_FOUND", 2)
        for n in range(3):
            make_part(name=f"Hub {n}")
        text = viewer_page.get(FIND, {"search": "hub"}).text
        assert text.count('id="found-') == 3
        assert 'href="/search/?search=hub"' in text

    @pytest.mark.parametrize("text", ["", "  ", "\x00", "nowhere", "x" * 5000])
    def test_nothing_found_is_said(self, text, viewer_page):
        make_part()
        page = viewer_page.get(FIND, {"search": text})
        assert page.status_code == 200
        assert 'role="option"' not in page.text
        assert "Nothing on any board matches" in page.text

    @pytest.mark.parametrize("rows", [1, 30])
    def test_it_is_cheap(self, rows, viewer_page, django_assert_num_queries):
        for _ in range(rows):
            make_part(name="Hub")
        with django_assert_num_queries(3):  # session, user, parts
            viewer_page.get(FIND, {"search": "hub"})
