"""Measures in words, in both systems of units."""

import pytest
from django.template import Context, Template

from accounts.models import User
from parts.measures import units_of, written


@pytest.mark.parametrize(
    ("value", "quantity", "millimetres", "inches"),
    [
        (5.1054, "length", "5.105 mm", "0.201 in"),
        (28.575, "length", "28.575 mm", "1.125 in"),
        (12.7, "length", "12.7 mm", "0.500 in"),
        (0.0, "length", "0 mm", "0.000 in"),
        ([203.2, 76.2], "length", "203.2 × 76.2 mm", "8.000 × 3.000 in"),
        (31116.8, "volume", "31.1 cm³", "1.90 in³"),
        (29392.9, "area", "294 cm²", "45.6 in²"),
    ],
)
def test_a_measure_in_both_systems(value, quantity, millimetres, inches):
    assert written(value, quantity, "mm") == millimetres
    assert written(value, quantity, "in") == inches


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2.54, "+2.54 mm"),
        (-0.05, "−0.05 mm"),
        (0.0, "0 mm"),
        (-0.0001, "0 mm"),
        ((10.0, 0.0, -0.2), "+10 × 0 × −0.2 mm"),
    ],
)
def test_a_difference_has_its_sign(value, words):
    assert written(value, "length", "mm", is_signed=True) == words


@pytest.mark.parametrize(
    ("reader", "order"),
    [
        (User(units="in"), ("in", "mm")),
        (User(units="mm"), ("mm", "in")),
        (User(), ("mm", "in")),
    ],
)
def test_the_unit_of_the_reader_comes_first(reader, order):
    assert units_of(reader) == order
    template = Template("{% load measures %}{% measure 25.4 %}|{% measure none %}")
    text = template.render(Context({"user": reader, "none": None}))
    first, second = (f"{1 if unit == 'in' else 25.4}" for unit in order)
    assert text.index(f">{first}") < text.index(f">{second}")
    assert text.endswith("|")
