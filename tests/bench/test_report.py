"""The tables of the page."""

import platform

import pytest

from bench import report
from bench.figures import Figures
from bench.rounds import Cell
from bench.targets import Target

FIGURES = Figures(1234.5, 0.456, 12.34, 99.96, 0.5, 0)


def test_a_section_is_written_between_its_marks_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "By hand.\n<!-- bench: reads -->\nold\n<!-- /bench: reads -->\n"
        "Also.\n<!-- bench: writes -->\n<!-- /bench: writes -->\n"
    )
    report.write("reads", "new", page)
    assert page.read_text() == (
        "By hand.\n<!-- bench: reads -->\nnew\n<!-- /bench: reads -->\n"
        "Also.\n<!-- bench: writes -->\n<!-- /bench: writes -->\n"
    )


def test_a_page_without_the_marks_is_left_as_it_is(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("By hand.")
    with pytest.raises(ValueError, match="no marks of 'reads'"):
        report.write("reads", "new", page)
    assert page.read_text() == "By hand."


def test_the_page_in_the_repository_has_the_marks_of_every_section():
    from bench.__main__ import SECTIONS

    text = report.PAGE.read_text(encoding="utf-8")
    for section in SECTIONS:
        assert text.count(f"<!-- bench: {section} -->") == 1
        assert text.count(f"<!-- /bench: {section} -->") == 1


def test_figures_stand_in_a_table_for_each_size():
    results = {
        Cell("list", "site", 300): FIGURES,
        Cell("list", "bare", 300): FIGURES,
        Cell("list", "site", 10_000): FIGURES,
    }
    first, second = report.figures_tables(results).split("**10 000 parts**")
    assert "| list | site | 1 234 | 0.46 | 12.3 | 100.0 | 0.50 | 0 |" in first
    assert "|  | bare | 1 234 |" in first
    assert "| list | site | 1 234 |" in second


def test_targets_say_what_was_missed():
    text = report.targets_table(
        [
            Target("fast", 10_000, 3.1, at_least=4, unit=" ×", by_cpu=4.2),
            Target("light", None, 240.4, at_most=250, unit=" MB"),
        ]
    )
    assert "| fast | 10 000 | ≥ 4 × | 3.10 × | 4.20 × | **no** |" in text
    assert "| light |  | ≤ 250 MB | 240 MB |  | yes |" in text


def test_the_machine_is_told_with_its_versions(monkeypatch):
    told = {"PRETTY_NAME": "Debian GNU/Linux 13 (trixie)"}
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: told)
    line = report.machine("15.14 (Debian 15.14-0)")
    assert "cores of" in line
    assert ", Debian GNU/Linux 13 (trixie); Python" in line
    assert line.endswith("PostgreSQL 15.14.")


def test_a_system_may_be_nameless(monkeypatch):
    def fail() -> dict:
        raise OSError("Unable to read files /etc/os-release")

    monkeypatch.setattr(platform, "freedesktop_os_release", fail)
    assert "; Python" in report.machine()
