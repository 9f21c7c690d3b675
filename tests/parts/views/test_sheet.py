"""What is printed of a part."""

import re

import pytest
from django.test import RequestFactory

from parts.models import Part
from parts.views.sheet import Sheet
from tests.factories import make_converted, make_part


def sheet(**fields) -> Sheet:
    return Sheet(Part(pk=12, **fields), RequestFactory().get("/anywhere/"))


def printed(client, part) -> str:
    text = client.get(part.get_absolute_url()).text
    return text.partition('<section class="sheet">')[2].partition("</section>")[0]


@pytest.mark.parametrize(
    ("amount", "boxes"), [(1, [1]), (3, [1, 2, 3]), (20, [*range(1, 21)])]
)
def test_every_piece_has_a_box(amount, boxes):
    assert list(sheet(amount=amount).boxes) == boxes


def test_too_many_pieces_have_a_line():
    assert sheet(amount=21).boxes is None


def test_the_code_is_a_drawing_of_the_pages_own_address():
    one = sheet()
    assert one.address == "http://testserver/parts/12/"
    assert one.code.startswith('<svg viewBox="0 0 ')
    assert "style" not in one.code


def test_it_tells_what_whoever_makes_it_needs(member_page):
    part = make_part(
        name="Hub", code="26-301", amount=3, notes="Ream it.", material_thickness="6 mm"
    )
    file = make_converted(part)
    text = printed(member_page, part)
    for words in (
        "Hub",
        "26-301",
        "Ream it.",
        "6 mm",
        "6061-T6",
        "203.2 × 76.2 × 2.286 mm",
        "8.000 × 3.000 × 0.090 in",
        "revision 1",
        file.sha256[:12],
        "http://testserver" + part.get_absolute_url(),
    ):
        assert words in text
    assert re.findall(r'sheet__box">(\d+)<', text) == ["1", "2", "3"]


def test_a_part_without_a_file_is_printed_too(member_page):
    text = printed(member_page, make_part(amount=40))
    assert "No picture" in text
    assert "No file yet." in text
    assert "of 40" in text
