"""Two revisions side by side, on the page of their part."""

import re

import pytest
from django.utils.html import strip_tags

from parts import workflow
from parts.models import PartFile
from parts.views.comparing import comparison
from tests.factories import FACTS, make_converted, make_file, make_part

WIDER = {**FACTS, "holes": [{"diameter_mm": 5.1054, "count": 8}], "volume_mm3": 32000.0}


@pytest.fixture
def part(db):
    part = make_part(category="cnc")
    for facts in (FACTS, FACTS, WIDER):
        file = make_converted(part, facts=facts)
        # Files of one content would be called the very same.
        PartFile.objects.filter(pk=file.pk).update(sha256=f"{file.pk:064}")
    part.refresh_from_db()
    return part


def chosen(part, asked: str = "") -> tuple[int, int] | None:
    found = comparison(part, list(part.files.all()), asked)
    return found and (found.before.revision, found.after.revision)


def words(response) -> str:
    return " ".join(strip_tags(response.text).split())


def test_by_default_the_newest_is_held_against_the_one_before(part):
    assert chosen(part) == (2, 3)


def test_whoever_has_it_sees_what_changed_since_they_took_it(part, member):
    part.claimed_revision, part.assigned = 1, member.name
    assert chosen(part) == (1, 3)
    part.claimed_revision = 0  # there was none
    assert chosen(part) == (2, 3)


@pytest.mark.parametrize(("asked", "pair"), [("1-3", (1, 3)), ("3-1", (3, 1))])
def test_any_two_can_be_chosen(asked, pair, part):
    assert chosen(part, asked) == pair


@pytest.mark.parametrize(
    "asked", ["1-1", "1-9", "0-1", "1", "-", "a-b", "1-3x", "9" * 30 + "-1", "\x00"]
)
def test_what_is_no_pair_is_passed_over(asked, part, member_page):
    assert chosen(part, asked) == (2, 3)
    response = member_page.get(part.get_absolute_url(), {"compare": asked})
    assert response.status_code == 200


def test_one_revision_is_compared_with_nothing(member_page):
    part = make_part()
    make_converted(part)
    assert chosen(part) is None
    assert 'id="compare"' not in member_page.get(part.get_absolute_url()).text


def test_what_changed_stands_out_and_the_rest_is_told(part, member_page):
    response = member_page.get(part.get_absolute_url())
    text = response.text
    assert re.findall(r'data-measure="(\w+)"( data-changed)?', text) == [
        ("box", ""),
        ("thickness", ""),
        ("holes", ""),
        ("holes", " data-changed"),
        ("volume", " data-changed"),
        ("area", ""),
        ("solids", ""),
    ]
    said = words(response)
    assert "Holes 1 × ⌀ 28.575 mm 1.125 in → none gone" in said
    assert "Volume 31.1 cm³ 1.90 in³ → 32.0 cm³ 1.95 in³ +0.88 cm³ +0.05 in³" in said
    assert "What revision 3 changed since revision 2" in said


def test_a_pair_that_is_asked_for_is_named_and_marked(part, member_page):
    response = member_page.get(part.get_absolute_url(), {"compare": "1-3"})
    assert "From revision 1 to 3" in words(response)
    for address in ("?compare=1-3#compare", "?compare=2-3#compare"):
        assert f'href="{address}"' in response.text
    assert response.text.count('aria-current="true"') == 2


def test_where_nothing_can_be_measured_it_says_so(part, member_page):
    response = member_page.get(part.get_absolute_url(), {"compare": "1-2"})
    assert "Nothing measurable changed." in words(response)


def test_the_same_file_is_called_that(member_page):
    part = make_part()
    make_converted(part)
    make_converted(part)
    response = member_page.get(part.get_absolute_url())
    assert "Both are the very same file." in words(response)
    assert "Nothing measurable" not in response.text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("queued", "Revision 2 has no measures yet."),
        ("failed", "Revision 2 could not be drawn, so it cannot be compared."),
    ],
)
def test_a_file_without_measures_is_no_trouble(state, said, member_page):
    part = make_part()
    make_converted(part)
    file = make_file(part)
    PartFile.objects.filter(pk=file.pk).update(state=state, sha256="0" * 64)
    assert said in words(member_page.get(part.get_absolute_url()))


def test_the_notice_tells_whoever_has_it_what_changed(member_page, member):
    part = make_part(category="cnc")
    make_converted(part)
    workflow.assign(part, worker=member.name, actor=member)
    file = make_converted(part, facts=WIDER)
    PartFile.objects.filter(pk=file.pk).update(sha256="0" * 64)
    response = member_page.get(part.get_absolute_url())
    notice = response.text.partition('<ul class="differences">')[2].partition("</ul>")[
        0
    ]
    assert re.findall(r'data-measure="(\w+)"', notice) == ["holes"]
    assert 'href="?compare=1-2#compare"' in response.text


def test_a_newer_drawing_alone_shows_no_difference_of_models(member_page, member):
    part = make_part(category="cnc")
    make_converted(part)
    make_converted(part)
    workflow.assign(part, worker=member.name, actor=member)
    make_file(part, "a.pdf", b"%PDF-1.4\n%%EOF\n")
    text = member_page.get(part.get_absolute_url()).text
    assert "A newer file came after you took this part." in text
    assert "See both side by side" not in text
