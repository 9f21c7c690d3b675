"""docs/security.md names every requirement once, and nothing that there is not."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
# Of ASVS 5.0, how its sections' requirements of levels 1 and 2 are numbered; chapters
# 9, 10 and 17 are left out as a whole.
SECTIONS = {
    "1.1": [1, 2],
    "1.2": range(1, 10),
    "1.3": range(1, 12),
    "1.4": [1, 2, 3],
    "1.5": [1, 2],
    "2.1": [1, 2, 3],
    "2.2": [1, 2, 3],
    "2.3": [1, 2, 3, 4],
    "2.4": [1],
    "3.2": [1, 2],
    "3.3": [1, 2, 3, 4],
    "3.4": range(1, 7),
    "3.5": range(1, 6),
    "3.7": [1, 2],
    "4.1": [1, 2, 3],
    "4.2": [1],
    "4.3": [1, 2],
    "4.4": [1, 2, 3, 4],
    "5.1": [1],
    "5.2": [1, 2, 3],
    "5.3": [1, 2],
    "5.4": [1, 2, 3],
    "6.1": [1, 2, 3],
    "6.2": range(1, 13),
    "6.3": [1, 2, 3, 4],
    "6.4": [1, 2, 3, 4],
    "6.5": range(1, 6),
    "6.6": [1, 2, 3],
    "6.8": [1, 2, 3, 4],
    "7.1": [1, 2, 3],
    "7.2": [1, 2, 3, 4],
    "7.3": [1, 2],
    "7.4": range(1, 6),
    "7.5": [1, 2],
    "7.6": [1, 2],
    "8.1": [1, 2],
    "8.2": [1, 2, 3],
    "8.3": [1],
    "8.4": [1],
    "11.1": [1, 2],
    "11.2": [1, 2, 3],
    "11.3": [1, 2, 3],
    "11.4": [1, 2, 3, 4],
    "11.5": [1],
    "11.6": [1],
    "12.1": [1, 2, 3],
    "12.2": [1, 2],
    "12.3": [1, 2, 3, 4],
    "13.1": [1],
    "13.2": range(1, 6),
    "13.3": [1, 2],
    "13.4": range(1, 6),
    "14.1": [1, 2],
    "14.2": [1, 2, 3, 4],
    "14.3": [1, 2, 3],
    "15.1": [1, 2, 3],
    "15.2": [1, 2, 3],
    "15.3": range(1, 8),
    "16.1": [1],
    "16.2": range(1, 6),
    "16.3": [1, 2, 3, 4],
    "16.4": [1, 2, 3],
    "16.5": [1, 2, 3],
}


def test_every_requirement_is_answered_once():
    wanted = {f"{section}.{n}" for section, ns in SECTIONS.items() for n in ns}
    lists = PAGE.split("### Met\n")[1]
    rows = re.findall(r"^\| ([\d., ]+) \|", lists, re.MULTILINE)
    items = re.findall(r"^- (\d[\d., ]+(?:, and all of 9 and 10)?):", lists, re.M)
    answered = Counter(re.findall(r"\d+\.\d+\.\d+", " ".join(rows + items)))
    assert wanted - answered.keys() == set()
    assert answered.keys() - wanted == set()
    assert [number for number, times in answered.items() if times > 1] == []


def test_what_shows_it_exists():
    named = re.findall(r"`([^`]+)::([^`]+)`", PAGE)
    assert len(named) > 100
    missing = []
    for path, name in named:
        text = (ROOT / path).read_text() if (ROOT / path).is_file() else ""
        is_test = name.startswith("test_")
        pattern = rf"def {name}\(" if is_test else rf"\b{re.escape(name)}\b"
        if path == "docs/security.md":
            text = text.replace(f"::{name}", "")
        if not re.search(pattern, text):
            missing.append(f"{path}::{name}")
    assert missing == []


def test_every_row_of_the_table_names_something():
    rows = re.findall(r"^\| [\d., ]+ \|.*\|([^|]*)\|$", PAGE, re.MULTILINE)
    assert len(rows) > 80
    assert [row for row in rows if "::" not in row] == []
