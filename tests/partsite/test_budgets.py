"""What the pages may weigh on the wire, gzipped as a proxy or whitenoise sends them."""

import gzip
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from tests.factories import make_converted, make_part

STATIC = Path(settings.BASE_DIR, "static")
KB = 1000
NOTES = "Deburr all edges, break them 0.2 mm. Tap the four holes M4 before bending."


def _on_the_wire(*contents: bytes) -> int:
    return sum(len(gzip.compress(content, compresslevel=6)) for content in contents)


@pytest.mark.parametrize("board", ["review", "production", "completed", "search"])
def test_a_board_of_50_parts_is_under_60_kb(lead_page, board):
    category = {"review": "review", "completed": "completed"}.get(board, "cnc")
    for n in range(50):
        part = make_part(
            category=category,
            name=f"Bearing plate {n} of the elevator’s second stage",
            material="6061-T6",
            material_thickness="0.25 in",
            notes=NOTES,
            priority=n % 4,
            due_date="2026-12-24",
            assigned="" if n % 2 else f"Member {n}",
        )
        make_converted(part)
    address = reverse(f"parts:{board}")
    page = lead_page.get(address, {"type": "cnc"} if board == "production" else {})
    assert page.content.count(b"<article") == 50
    assert _on_the_wire(page.content) < 60 * KB


def test_the_style_sheet_is_under_20_kb():
    sheet = Path(settings.BASE_DIR, "build/static/css/bundle.css").read_bytes()
    assert b".part-card" in sheet
    assert b"@import" not in sheet
    assert _on_the_wire(sheet) < 20 * KB


def test_all_scripts_but_the_viewer_are_under_25_kb():
    scripts = list(Path(settings.BASE_DIR, "build/static/js").glob("*.js"))
    assert "bundle.js" in {script.name for script in scripts}
    assert _on_the_wire(*(script.read_bytes() for script in scripts)) < 25 * KB
