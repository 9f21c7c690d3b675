"""What people write about a thickness, and what it is."""

import pytest

from parts.thickness import thickness_key, thickness_mm


@pytest.mark.parametrize(
    ("text", "mm"),
    [
        ("0.25 in", 6.35),
        ("1/4 in", 6.35),
        ('1/4"', 6.35),
        ("1/4″", 6.35),
        ("1/4''", 6.35),
        ("¼ in", 6.35),
        ("1¼ in", 31.75),
        ("1 1/4 in", 31.75),
        ("1-1/4 in", 31.75),
        ("6.35 mm", 6.35),
        ("6,35mm", 6.35),
        ("6.35 MM", 6.35),
        ("0.090", 2.286),
        (".090 in", 2.286),
        ("1/16", 1.5875),
        ("2 in", 50.8),
        ("2 inches", 50.8),
        ("3 millimetres", 3.0),
        ("1.2 cm", 12.0),
        ("90 thou", 2.286),
        ("1/8 in wall", 3.175),
        ("wall 1/8 in.", 3.175),
        ("1/4-inch plate", 6.35),
        ("0.25 in (6.35 mm)", 6.35),
        ("1/4 in / 6.4 mm", 6.35),
        ("\uff13 mm", 3.0),
    ],
)
def test_reads_a_thickness(text, mm):
    assert thickness_mm(text) == mm


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "thin",
        "6",
        "3 or so",
        "0 mm",
        "0",
        "1/0 in",
        "-3 mm",
        "10 ga",
        "16 gauge sheet 0.06",
        "#4 0.25 in",
        "1/8 x 1 in",
        "2 x 1 x 0.125 in",
        "0.25 in, 6061",
        "0.25 to 0.5 in",
        "3 m",
        "3 miles",
        "25.4.1 mm",
        "²",
        "9" * 50,
    ],
)
def test_does_not_guess(text):
    assert thickness_mm(text) is None


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("1/4 in", "6.35 mm", True),
        ("0.25", '1/4"', True),
        ("10 ga", " 10  GA", True),
        ("", "  ", True),
        ("0.090 in", "0.125 in", False),
        ("6", "6 mm", False),
        ("", "6 mm", False),
    ],
)
def test_the_same_thickness_has_the_same_key(one, other, are_same):
    assert (thickness_key(one) == thickness_key(other)) is are_same
