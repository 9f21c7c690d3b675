"""What looks wrong with a part in review, and what only looks so."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from parts import findings, workflow
from parts.models import Part, PartFile
from tests.factories import (
    FACTS,
    STEP_SAMPLES,
    TINY_PDF,
    TINY_STEP,
    make_converted,
    make_file,
    make_part,
)
from tests.parts.conversion.conftest import convert_sample

__all__ = ["convert_sample"]  # the fixture of real files, each converted once

ASSEMBLY = [{"name": "plate", "count": 2}, {"name": "screw", "count": 8}]
BLOCK = {
    "box_mm": [80.0, 48.0, 25.4],
    "volume_mm3": 80000.0,
    "thickness_mm": None,
}


def part_of(facts: dict | None = None, *, state: str = "done", **fields) -> Part:
    """Return a part that is all right, but for ``fields`` and its model's ``facts``."""
    whole = {"name": "Plate", "type": "cnc", "material": "6061-T6"}
    part = Part(
        **{**whole, "material_thickness": "0.090 in", "file": "p.step"} | fields
    )
    facts = {**FACTS, **(facts or {})} if state == "done" else None
    part.current_step = PartFile(kind="step", sha256="a", state=state, facts=facts)
    return part


def told(part: Part) -> list[tuple[str, str, str]]:
    return [(f.kind, f.severity, f.sentence) for f in findings.of(part)]


def kinds(part: Part) -> list[str]:
    return [finding.kind for finding in findings.of(part)]


def test_a_part_that_is_all_right_has_no_findings():
    assert findings.of(part_of()) == []


# --- The file -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "severity", "sentence"),
    [
        ({"type": "cnc"}, "wrong", "There is no file."),
        ({"type": "hand"}, "wrong", "There is no file."),
        ({"type": "misc"}, "note", "There is no file."),
        (
            {"type": "cnc", "onshape_url": "https://cad.onshape.com/documents/1"},
            "wrong",
            "There is no file, only an Onshape link.",
        ),
    ],
)
def test_no_file(fields, severity, sentence):
    part = Part(material="6061-T6", **fields)
    assert told(part) == [("no-file", severity, sentence)]


@pytest.mark.parametrize(
    ("type_", "found"), [("cnc", ["no-step-file"]), ("hand", []), ("misc", [])]
)
def test_a_drawing_is_enough_for_what_no_machine_reads(type_, found):
    part = Part(type=type_, material="6061-T6", file="d.pdf")
    part.current_drawing = PartFile(kind="drawing", sha256="b")
    assert kinds(part) == found


def test_a_failed_conversion_says_why():
    part = part_of(state="failed")
    part.current_step.error = "This file has no solid."
    assert told(part) == [
        (
            "not-converted",
            "wrong",
            "The STEP file could not be converted. This file has no solid.",
        )
    ]


@pytest.mark.parametrize("state", ["queued", "running"])
def test_of_a_model_that_is_not_there_yet_nothing_is_said(state):
    assert findings.of(part_of(state=state)) == []


# --- What is written ----------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"type": "cnc"}, ["no-material"]),
        ({"type": "hand"}, ["no-material"]),
        ({"type": "misc"}, ["no-material"]),
        ({"type": "misc", "service_method": "Powder coat"}, []),
        ({"type": "misc", "file": ""}, []),
    ],
)
def test_the_material_is_missing_unless_it_is_bought(fields, found):
    assert kinds(part_of(material="", **fields)) == found


def test_without_a_type_it_says_where_the_part_would_go():
    assert told(part_of(type="")) == [
        (
            "no-type",
            "check",
            "It does not say how it is made; approved, it goes to the Hand lane.",
        )
    ]


# --- Thickness ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "measured", "sentence"),
    [
        (
            "0.25 in",
            2.286,
            "Thickness says 0.25 in, the model measures 0.090 in.",
        ),
        ("1/4", 3.175, "Thickness says 1/4, the model measures 0.125 in."),
        ("6 mm", 6.35, "Thickness says 6 mm, the model measures 6.35 mm."),
        ("6,35 mm", 3, "Thickness says 6,35 mm, the model measures 3 mm."),
        (
            "2 x 1 x 1/8 in tube",
            1.5875,
            "Thickness says 2 x 1 x 1/8 in tube, the model measures 0.063 in.",
        ),
        (
            "1/8 wall tube",
            1.5875,
            "Thickness says 1/8 wall tube, the model measures 0.063 in.",
        ),
        (
            "0.090 in",
            58.0644,
            "Thickness says 0.090 in, the model measures 2.286 in. "
            "It may have been exported in the wrong unit.",
        ),
        (
            "6.35 mm",
            0.25,
            "Thickness says 6.35 mm, the model measures 0.25 mm. "
            "It may have been exported in the wrong unit.",
        ),
    ],
)
def test_the_model_is_not_as_thick_as_it_says(said, measured, sentence):
    facts = {"thickness_mm": measured, "box_mm": [203.2, 76.2, measured]}
    part = part_of(facts, material_thickness=said)
    assert told(part) == [("thickness", "wrong", sentence)]


@pytest.mark.parametrize(
    ("said", "measured"),
    [
        ("0.09 in", 2.286),
        ('.090"', 2.286),
        ("1/16", 1.6),  # 0.063 in
        ("3 mm", 3.08),
        ("2 x 1 x 1/8 tube", 3.175),
        ("50 × 25 × 2 mm profile", 2.0),
        # Cannot be read for certain, so nothing is said.
        ("thin", 2.286),
        ("11 ga", 2.286),
        ("2 in tube", 3.175),
        ("2 x 1 in tube", 3.175),
        ("1 1/2 in round", 3.175),  # bored from a bar
        ("ø 40 mm", 3.175),
        ("3 in square", 3.175),
        ("1 in OD", 3.175),
    ],
)
def test_of_a_thickness_that_agrees_or_cannot_be_read_nothing_is_said(said, measured):
    facts = {"thickness_mm": measured, "box_mm": [90.0, 60.0, 42.0]}
    assert findings.of(part_of(facts, material_thickness=said)) == []


def test_a_pocket_that_is_thinner_than_the_stock_is_no_mistake():
    facts = {"thickness_mm": 3.175, "box_mm": [200.0, 100.0, 6.35]}
    assert findings.of(part_of(facts, material_thickness="1/4 in")) == []


@pytest.mark.parametrize(
    ("said", "found"),
    [("0.25 in", ["thickness"]), ("1 in", []), ("1.5 in", []), ("0.95 in bar", [])],
)
def test_a_block_is_not_cut_from_thinner_stock(said, found):
    assert kinds(part_of(BLOCK, material_thickness=said)) == found


def test_what_may_be_hollow_or_tilted_is_no_block():
    facts = {**BLOCK, "volume_mm3": 40000.0}
    assert findings.of(part_of(facts, material_thickness="0.25 in")) == []


@pytest.mark.parametrize(
    ("type_", "found"), [("cnc", True), ("hand", True), ("misc", False)]
)
def test_a_sheet_without_a_thickness_is_told_the_models(type_, found):
    sentence = "The thickness is missing; the model measures 0.090 in (2.286 mm)."
    expected = [("no-thickness", "check", sentence)] if found else []
    assert told(part_of(type=type_, material_thickness="")) == expected


def test_a_block_needs_no_thickness():
    assert findings.of(part_of(BLOCK, material_thickness="")) == []


# --- The model ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "sentence"),
    [
        (ASSEMBLY, "The model is an assembly of 10 parts of 2 kinds."),
        ([{"name": "pin", "count": 4}], "The model is an assembly of 4 equal parts."),
        (
            [{"name": "a", "count": 1}, {"name": "b", "count": 1}],
            "The model is an assembly of 2 parts.",
        ),
    ],
)
def test_an_assembly(items, sentence):
    facts = {"items": items, "solids": 10, "thickness_mm": 99}
    assert told(part_of(facts)) == [("assembly", "check", sentence)]


def test_several_solids_in_one_part():
    sentence = "The model holds 3 separate solids."
    assert told(part_of({"solids": 3})) == [("solids", "check", sentence)]


def test_an_open_surface():
    sentence = "The surface of the model is not closed, so its volume is not known."
    facts = {"closed": False, "volume_mm3": None}
    assert told(part_of(facts)) == [("open", "note", sentence)]


def test_a_model_that_was_read_in_part():
    facts = {"warnings": ["Only 3 of the 9 faces in this file could be read."]}
    assert told(part_of(facts)) == [("read-in-part", "wrong", facts["warnings"][0])]


def test_the_worst_stands_first():
    facts = {"closed": False, "items": ASSEMBLY}
    assert kinds(part_of(facts, material="")) == ["no-material", "assembly", "open"]


def test_facts_of_an_older_shape_break_nothing():
    part = part_of()
    part.current_step.facts = {"box_mm": [10.0, 10.0, 2.286]}
    assert findings.of(part) == []


# --- The same file ------------------------------------------------------------


@pytest.fixture
def twin_of(db):
    def twin(part: Part) -> findings.Twin | None:
        part.refresh_from_db()
        return findings.twins({part.pk: part.file_hashes}).get(part.pk)

    return twin


@pytest.mark.parametrize("content", [TINY_STEP, TINY_PDF])
def test_the_same_file_as_another_part(content, twin_of):
    name = "d.pdf" if content == TINY_PDF else "p.step"
    one, other = make_part(code="26-1", type="hand"), make_part(code="26-2")
    for part in (one, other):
        make_file(part, name, content)
    (finding,) = findings.of(one, twin_of(one))
    assert (finding.kind, finding.severity) == ("same-file", "check")
    assert finding.sentence == "Same file as part 26-2."
    assert finding.address == other.get_absolute_url()
    assert twin_of(other).part == one


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        (["completed"], "Same file as part 26-2, which is completed."),
        (["cnc", "review"], "Same file as part 26-2 and 1 other."),
        (["cnc", "review", "hand"], "Same file as part 26-2 and 2 others."),
    ],
)
def test_the_same_file_as_others(others, sentence, twin_of):
    part = make_part(code="26-1", type="hand")
    make_file(part)
    for number, category in enumerate(others, 2):
        make_file(make_part(code=f"26-{number}", category=category))
    (finding,) = findings.of(part, twin_of(part))
    assert finding.sentence == sentence


def test_only_current_files_of_parts_that_stand_are_compared(twin_of):
    part, newer, gone = make_part(), make_part(), make_part()
    for each in (part, newer, gone):
        make_file(each)
    make_file(newer, content=TINY_STEP + b"\n")
    workflow.trash(gone, actor=None)
    assert twin_of(part) is None


def test_two_revisions_of_one_part_are_no_twins(twin_of):
    part = make_part()
    make_file(part)
    make_file(part)
    assert twin_of(part) is None


@pytest.mark.django_db
@pytest.mark.parametrize("rows", [1, 12])
def test_twins_cost_one_query(rows, django_assert_num_queries):
    for _ in range(rows):
        make_converted(make_part())
    parts = list(Part.objects.with_files())
    with django_assert_num_queries(1):
        found = findings.twins({part.pk: part.file_hashes for part in parts})
    assert len(found) == (rows if rows > 1 else 0)


@pytest.mark.django_db
def test_without_a_file_there_is_nothing_to_look_up(django_assert_num_queries):
    part = make_part()
    with django_assert_num_queries(0):
        assert findings.twins({part.pk: part.file_hashes}) == findings.twins({}) == {}


# --- No false alarm -----------------------------------------------------------


def demo_parts() -> dict[str, Part]:
    """Return the demo shop's parts with what their files measure by design."""
    base = Path(settings.BASE_DIR, "fixtures")
    rows = re.findall(
        r"^\| `(\w+\.step)` .*?\| ([\d. ×]+) \| ([\d.]+) \| ([\d.]+|none) \|",
        (base / "README.md").read_text(),
        re.M,
    )
    facts = {
        name: {
            **FACTS,
            "box_mm": [float(side) for side in box.split(" × ")],
            "volume_mm3": float(volume),
            "thickness_mm": None if sheet == "none" else float(sheet),
        }
        for name, box, volume, sheet in rows
    }
    assert facts.keys() == {path.name for path in STEP_SAMPLES.glob("*.step")}
    facts["gearbox.step"] |= {"items": [{"name": "piece", "count": 18}], "solids": 18}
    data = json.loads((base / "demo.json").read_text())
    files = {
        row["fields"]["part"][0]: Path(row["fields"]["content"]).name
        for row in data
        if row["model"] == "parts.partfile"
    }
    columns = ("name", "type", "material", "material_thickness", "service_method")
    parts = {}
    for row in data:
        if row["model"] == "parts.part":
            fields = row["fields"]
            part = Part(**{name: fields.get(name) or "" for name in columns})
            if name := files.get(fields["uuid"]):
                part.file = name
                part.current_step = PartFile(state="done", facts=facts[name])
            parts[part.name] = part
    return parts


def test_of_the_demo_shop_only_what_is_so_is_told():
    assert {
        name: kinds(part) for name, part in demo_parts().items() if kinds(part)
    } == {
        "Bumper bracket": ["no-file"],
        "Battery strap anchor": ["no-file"],
        "Battery tray": ["no-file"],
        "Powder coat, frame rails": ["no-file"],
        "Prototype intake side plate": ["thickness"],  # 6 mm of birch, 6.35 by design
        "Elevator gearbox": ["assembly"],
    }


@pytest.mark.parametrize(
    ("name", "said", "found"),
    [
        (
            "plate_090_inch.step",
            "0.090 in",
            ["thickness"],
        ),  # written 25.4 times too large
        ("tube_2x1_eighth.step", "2 x 1 x 1/8 in tube", []),
        ("tube_2x1_eighth.step", "2 x 1 x 1/16 in tube", ["thickness"]),
        ("shaft_half_inch.step", "1/2 in round", []),
        ("cascadio__multibody.step", "0.118 in", ["assembly"]),
    ],
)
def test_real_files(name, said, found, convert_sample):
    part = part_of(convert_sample(name).facts, material_thickness=said)
    assert kinds(part) == found
