"""The boards: what stands where, found, sorted, counted and paged."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from parts import workflow
from parts.models import Part, PartFile, Season
from parts.views import lanes
from tests.factories import make_converted, make_file, make_part

BOARDS = ["parts:review", "parts:production", "parts:completed", "parts:search"]


def shown(response) -> list[str]:
    """The names of the parts on the cards, in order."""
    links = re.findall(r'part-card__link" href="[^"]+">([^<]+)<', response.text)
    return [name.replace("&amp;", "&") for name in links]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["parts:home", *BOARDS])
def test_a_stranger_is_asked_to_sign_in(name, client):
    response = client.get(reverse(name))
    assert response.status_code == 302
    assert response["Location"].startswith(f"{reverse('accounts:login')}?next=")


@pytest.mark.parametrize("name", ["parts:home", *BOARDS])
def test_boards_are_only_read(name, member_page):
    assert member_page.post(reverse(name)).status_code == 405


@pytest.mark.parametrize(
    ("name", "title", "names"),
    [
        ("parts:review", "Review", ["A"]),
        ("parts:production", "Production", ["B", "C", "D"]),
        ("parts:completed", "Completed", ["E"]),
        ("parts:search", "All parts", ["A", "B", "C", "D", "E"]),
    ],
)
def test_each_board_shows_its_stages(name, title, names, member_page):
    for part, category in zip(
        "ABCDE", ["review", "cnc", "hand", "misc", "completed"], strict=True
    ):
        make_part(name=part, category=category)
    make_part(name="Trash", deleted_at=timezone.now())
    response = member_page.get(reverse(name))
    assert response.status_code == 200
    assert f'<h1 class="board-head__title">{title}</h1>' in response.text
    assert shown(response) == names


def test_the_heading_counts_parts_and_pieces(member_page):
    make_part(category="cnc", amount=4)
    make_part(category="hand", amount=2)
    response = member_page.get(reverse("parts:production"))
    assert "2 parts · 6 pieces" in response.text
    assert "1 part · 4 pieces" in response.text
    assert "0 parts · 0 pieces" in response.text


def test_a_card_says_what_there_is_to_know(lead_page):
    part = make_part(
        name="Gearbox <plate>",
        code="26-301",
        category="cnc",
        material_thickness="0.090 in",
        amount=4,
        assigned="Sam",
        status="In Progress",
        claimed_date=timezone.now() - timedelta(days=3),
    )
    file = make_converted(part)
    text = lead_page.get(reverse("parts:production")).text
    assert "Gearbox &lt;plate&gt;" in text
    assert '<span class="code">26-301</span>' in text
    assert " · Intake</span>" in text
    assert "203 × 76.2 × 2.29 mm" in text
    assert "0.090 in" in text
    assert "×4" in text
    assert "3\xa0days" in text
    assert 'data-age="7"' in text
    picture = reverse("api:part-thumbnail", args=[part.pk, file.thumbnail_tag])
    assert f'src="{picture}"' in text
    assert 'width="480" height="360" loading="lazy" decoding="async"' in text


def test_a_card_without_picture_says_why(member_page):
    make_part(name="None")
    queued, running, failed = (make_part(name=n) for n in ("Q", "R", "F"))
    make_file(queued)
    PartFile.objects.filter(pk=make_file(running).pk).update(state="running")
    PartFile.objects.filter(pk=make_file(failed).pk).update(
        state="failed", error="This file has no solid."
    )
    make_file(make_part(name="D"), "d.pdf", b"%PDF-1.4\n%%EOF\n")
    text = member_page.get(reverse("parts:review")).text
    for words in (
        "No file yet",
        "Waiting to be drawn",
        "Drawing…",
        "No model",
        "This file has no solid.",
        "Drawing only",
    ):
        assert words in text


def test_a_viewer_sees_no_buttons_on_cards(viewer_page):
    for category in ("review", "cnc", "completed"):
        make_part(category=category)
    for name in BOARDS:
        text = viewer_page.get(reverse(name)).text
        assert "part-card" in text
        assert "part-card__steps" not in text
        assert reverse("parts:create") not in text


def test_a_button_leads_back_to_the_board_as_it_was_filtered(member_page):
    make_part(name="Hub", category="cnc")
    address = f"{reverse('parts:production')}?search=hub&mine=0"
    text = member_page.get(address).text
    assert 'name="next" value="/production/?search=hub&amp;mine=0"' in text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"search": "hub"}, ["Hub"]),
        ({"search": "  HUB "}, ["Hub"]),
        ({"search": "%"}, []),
        ({"subsystem": "arm"}, ["Plate"]),
        ({"material": "delrin"}, ["Plate"]),
        ({"type": "cnc"}, ["Plate"]),
        ({"mine": "1"}, ["Hub"]),
        ({"mine": "0"}, ["Plate", "Hub", "Tube"]),
        ({"unassigned": "true"}, ["Plate"]),
        ({"unassigned": "false"}, ["Hub", "Tube"]),
        ({"assigned": "sam"}, ["Tube"]),
        ({"status": "Reviewed"}, ["Plate"]),
    ],
)
def test_filters_keep_what_matches(query, names, member_page, member):
    taken = {"status": "In Progress", "category": "hand"}
    make_part(name="Hub", assigned=member.name, **taken)
    make_part(name="Tube", assigned="Sam", **taken)
    make_part(name="Plate", category="cnc", subsystem="Arm", material="Delrin")
    response = member_page.get(reverse("parts:production"), query)
    assert shown(response) == names


def test_archived_seasons_are_left_out_unless_asked_for(member_page):
    old = Season.objects.create(name="2025", archived=True)
    new = Season.objects.create(name="2026")
    make_part(name="Old", category="completed", season=old)
    make_part(name="New", category="completed", season=new)
    make_part(name="None", category="completed")
    address = reverse("parts:completed")
    assert sorted(shown(member_page.get(address))) == ["New", "None"]
    assert shown(member_page.get(address, {"season": "2025"})) == ["Old"]
    everything = member_page.get(address, {"season": "all"})
    assert sorted(shown(everything)) == ["New", "None", "Old"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["C", "B", "A"]),
        ({"sort_by": "name"}, ["A", "B", "C"]),
        ({"sort_by": "name", "sort_order": "desc"}, ["C", "B", "A"]),
        ({"sort_by": "amount"}, ["B", "A", "C"]),
        ({"sort_by": "amount", "sort_order": "asc"}, ["C", "A", "B"]),
        ({"sort_by": "nonsense", "sort_order": "up"}, ["C", "B", "A"]),
    ],
)
def test_parts_are_sorted_as_asked(query, names, member_page):
    make_part(name="A", amount=2)
    make_part(name="B", amount=9, priority=2)
    make_part(name="C", amount=1, priority=3)
    assert shown(member_page.get(reverse("parts:review"), query)) == names


def test_what_was_finished_last_stands_first(member_page):
    now = timezone.now()
    for name, hours in (("A", 3), ("B", 1), ("C", 2)):
        done = now - timedelta(hours=hours)
        make_part(name=name, category="completed", completed_at=done)
    assert shown(member_page.get(reverse("parts:completed"))) == ["B", "C", "A"]


class TestCompleted:
    @pytest.fixture
    def parts(self, db):
        now = timezone.now()
        make_part(
            name="Hub",
            code="26-301",
            category="completed",
            assigned="Sam",
            storage_location="Regal Ü3",
            completed_at=now - timedelta(days=3),
            amount=4,
        )
        make_part(
            name="Plate",
            category="completed",
            storage_location="Shelf A3",
            completed_at=now,
            completed_incorrectly=True,
            wrong_reason="Bent at the edge.",
            scrapped=3,
        )

    def test_a_card_says_who_when_and_where_it_lies(self, parts, lead_page):
        text = lead_page.get("/completed/").text
        assert "<strong>Sam</strong> · <time" in text
        assert "3\xa0days ago" in text
        assert "Regal Ü3" in text
        assert "Bent at the edge." in text
        assert "Made wrong" in text

    def test_the_totals_are_of_what_was_found(self, parts, member_page):
        text = " ".join(member_page.get("/completed/").text.split())
        assert "2 parts · 5 pieces" in text
        assert "1 made wrong</span> · 3 pieces scrapped" in text
        text = member_page.get("/completed/", {"search": "hub"}).text
        assert "1 part · 4 pieces" in text
        assert "scrapped" not in text

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({"storage": "a3"}, ["Plate"]),
            ({"storage": "ü3"}, ["Hub"]),
            ({"storage": "3"}, ["Plate", "Hub"]),
            ({"storage": "%"}, []),
            ({"storage": "\x00"}, ["Plate", "Hub"]),
            ({"wrong": "true"}, ["Plate"]),
            ({"wrong": "false"}, ["Hub"]),
        ],
    )
    def test_filters_keep_what_matches(self, query, names, parts, member_page):
        assert shown(member_page.get("/completed/", query)) == names

    def test_places_in_use_are_offered(self, parts, member_page):
        make_part(name="Bar", category="completed", storage_location="Shelf A3")
        response = member_page.get("/completed/")
        assert response.context["places"] == ["Shelf A3", "Regal Ü3"]
        assert '<option value="Regal Ü3">' in response.text

    def test_what_is_made_again_says_as_what(self, parts, lead_page, lead):
        hub = Part.objects.get(name="Hub")
        new = workflow.remake(hub, actor=lead, reason="Bore too small.")
        text = lead_page.get("/completed/", {"search": "hub"}).text
        assert f'href="{new.get_absolute_url()}">made again as 26-301-R2</a>' in text
        assert "Make it again" not in text
        assert "Made again" in lead_page.get("/production/").text


def test_pages_keep_the_filters(member_page, monkeypatch):
    monkeypatch.setattr(lanes, "PAGE_SIZE", 2)
    for n in range(5):
        make_part(name=f"P{n}")
    address = reverse("parts:review")
    second = member_page.get(address, {"search": "P", "page": "2"})
    assert shown(second) == ["P2", "P3"]
    assert "Page 2 of 3" in second.text
    assert 'rel="prev" href="?search=P&amp;page=1"' in second.text
    assert 'rel="next" href="?search=P&amp;page=3"' in second.text


@pytest.mark.parametrize(
    "query",
    [
        {"page": "abc"},
        {"page": "-1"},
        {"page": "9" * 5000},
        {"page": "2", "type": "xyz"},
        {"search": "a\x00b"},
        {"subsystem": "\x00", "material": "\x00", "assigned": "\x00"},
        {"season": "\x00"},
        {"season": "' OR 1=1 --"},
        {"sort_by": "password", "sort_order": "\x00"},
        {"mine": "perhaps", "unassigned": "perhaps"},
        {"status": "Gone", "type": "laser"},
        {"search": "ü" * 5000},
    ],
)
@pytest.mark.parametrize("name", BOARDS)
def test_nonsense_in_the_address_breaks_nothing(name, query, member_page):
    make_part(category="cnc")
    assert member_page.get(reverse(name), query).status_code == 200


def test_an_empty_board_says_so_and_what_to_do(member_page, viewer, client):
    text = member_page.get(reverse("parts:review")).text
    assert "Nothing waits for review." in text
    assert "Hand in a part</a>" in text
    client.force_login(viewer)
    text = client.get(reverse("parts:review")).text
    assert "Nothing waits for review." in text
    assert "Hand in a part" not in text


def test_a_filter_without_a_match_says_so_and_how_to_clear_it(member_page):
    make_part()
    text = member_page.get(reverse("parts:review"), {"search": "<hub>"}).text
    assert "Nothing on this board matches “&lt;hub&gt;”." in text
    assert '<a class="button" href="/review/">Clear the filters</a>' in text
    assert '<a class="button" href="/search/?search=%3Chub%3E">' in text


def test_choices_are_what_exists_on_the_board(member_page):
    make_part(subsystem="Arm", material="Delrin")
    make_part(subsystem="arm", material="")
    make_part(subsystem="Lift", category="cnc")
    choices = member_page.get(reverse("parts:review")).context["choices"]
    assert choices["subsystem"] == [("Arm", "Arm")]
    assert choices["material"] == [("Delrin", "Delrin")]


@pytest.mark.parametrize("rows", [2, 40])
@pytest.mark.parametrize(
    ("name", "category", "query", "queries"),
    [
        # session, user, version, views, choices, counts, ids, parts
        ("parts:review", "review", "", 9),  # and who has the same file
        ("parts:search", "hand", "", 8),
        ("parts:completed", "completed", "?season=all&search=Part", 9),  # and places
    ],
)
def test_query_cost_is_flat(
    name, category, query, queries, rows, lead_page, django_assert_num_queries
):
    for _ in range(rows):
        make_converted(make_part(category=category))
    with django_assert_num_queries(queries):
        response = lead_page.get(reverse(name) + query)
    assert len(shown(response)) == rows
