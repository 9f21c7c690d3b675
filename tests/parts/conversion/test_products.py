"""What a STEP file calls the part in it."""

import io

import pytest

from parts.conversion import products
from parts.conversion.products import product_name, readable
from tests.factories import STEP_SAMPLES

PRODUCT = "#7 = PRODUCT('{}','{}','',(#8));\n"


def _name(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    return product_name(io.BytesIO(raw), len(raw))


def test_a_real_file_tells_its_product():
    with (STEP_SAMPLES / "roller_hub.step").open("rb") as file:
        assert product_name(file, 10_000) == "Intake roller hub"
        assert file.tell() == 0


def test_an_assembly_has_no_one_product():
    with (STEP_SAMPLES / "gearbox.step").open("rb") as file:
        assert product_name(file, 10_000) == ""


def test_one_product_named_twice_is_one():
    assert _name(PRODUCT.format("Hub", "a") + PRODUCT.format("Hub", "b")) == "Hub"


@pytest.mark.parametrize("text", ["", "#1=PRODUCT('cut", "#1=PRODUCT_CONTEXT('a',1)"])
def test_no_product_no_name(text):
    assert _name(text) == ""


def test_a_product_at_the_end_of_a_long_file_is_found(monkeypatch):
    monkeypatch.setattr(products, "_READ_BYTES", 100)
    filling = "#1=X();\n" * 100
    assert _name(filling + PRODUCT.format("Last", "")) == "Last"
    assert _name(filling + PRODUCT.format("Middle", "") + filling) == ""


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Kim''s hub", "Kim's hub"),
        (rb"a\\b", r"a\b"),
        (rb"Tr\X2\00E4\X0\ger", "Träger"),
        (rb"\X4\0001F527\X0\ tool", "🔧 tool"),
        (rb"\X\E9tau", "étau"),
        (rb"\PA\F\S\|r", "Für"),
        (rb"a\N\b", "ab"),
        ("Füße".encode(), "Füße"),
        ("Füße".encode("latin-1"), "Füße"),
        (rb"\X2\D800\X0\x", "�x"),
    ],
)
def test_strings_are_decoded(raw, text):
    assert products.decode(raw) == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("bearing_plate__v2", "bearing plate v2"),
        ("hub.SLDPRT", "hub"),
        ("Part Studio 1 - Hook", "Hook"),
        ("Hook (2)", "Hook"),
        ("a\x00b\nc", "a b c"),
        ("Part for the arm", "Part for the arm"),
        ("Shaft 3", "Shaft 3"),
        ("Part 1", ""),
        ("part_studio_12", ""),
        ("Unnamed-3", ""),
        ("Open CASCADE STEP translator 7.6 1", ""),
        ("001", ""),
        ("", ""),
    ],
)
def test_names_are_made_readable_and_those_of_machines_left_out(name, shown):
    assert readable(name) == shown
