"""``manage.py import_parts``: what it prints and how it ends."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from parts.models import Part
from tests.factories import TINY_STEP

from .importing.servers import FULL, OldServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def old(tmp_path):
    return OldServer(tmp_path)


@pytest.fixture
def run():
    """Return a function that runs the command and gives its output and its error."""

    def run(*args, **options) -> tuple[str, CommandError | None]:
        output = StringIO()
        try:
            call_command("import_parts", *map(str, args), stdout=output, **options)
        except CommandError as error:
            return output.getvalue(), error
        return output.getvalue(), None

    return run


def test_it_prints_what_became_of_everything_and_why(old, run):
    old.add(id=1, file="plate.step")
    old.add(id=2, name="Hub", category="cnc", status="Completed", amount=0)
    old.put("1/plate.step", TINY_STEP)
    old.put("1/drawing.pdf", b"x")
    old.put("9/plate.step", TINY_STEP)
    output, error = run(old.path, "--uploads", old.uploads)
    assert [line.split(maxsplit=2) for line in output.splitlines()[:3]] == [
        ["id", "outcome", "what                                      why"],
        ["1", "created", "Gearbox plate"],
        ["1", "created", "plate.step                              Revision 1."],
    ]
    assert output.splitlines()[3:] == [
        "       1  refused     1/drawing.pdf                           "
        "This is not a PDF file, whatever its name says.",
        "       2  created   Hub                                       amount: 0 → 1",
        "                                                              "
        "category: “cnc” → “completed”",
        "          left        9/plate.step                            "
        "It belongs to no part that was read.",
        "Parts: 2 created.",
        "Files: 1 created, 1 left, 1 refused.",
    ]
    assert (str(error), error.returncode) == ("1 was refused; the table says why.", 1)


def test_without_a_refusal_it_ends_well_and_verbosity_0_only_sums_up(old, run):
    old.add()
    assert run(old.path, verbosity=0) == ("Parts: 1 created.\n", None)
    assert run(old.path, verbosity=0) == ("Parts: 1 left.\n", None)


def test_a_dry_run_says_so(old, run):
    old.add()
    output, error = run(old.path, "--dry-run", verbosity=0)
    assert output == "Parts: 1 created.\nThis was a dry run: nothing was written.\n"
    assert error is None
    assert Part.objects.count() == 0


def test_an_empty_table_brings_nothing(old, run):
    assert run(old.path, verbosity=0) == ("Parts: none.\n", None)


def test_it_says_which_columns_are_missing_and_which_are_unknown(tmp_path, run):
    columns = {name: kind for name, kind in FULL.items() if name != "misc_info"}
    old = OldServer(tmp_path, columns | {"vendor": "TEXT", "colour": "TEXT"})
    output, _ = run(old.path)
    assert output.splitlines()[:2] == [
        "The table has no misc_info.",
        "These columns are not known here, miscInfo keeps what they hold: "
        "vendor, colour.",
    ]


def test_a_name_gives_the_terminal_no_commands(old, run):
    old.add(name="Hub\x1b[2J\nGear")
    output, _ = run(old.path)
    assert "Hub\\x1b[2J\\nGear" in output
    assert "\x1b" not in output


def test_a_terminal_without_the_letters_gets_them_spelt(old, tmp_path):
    old.add(name="Knöpfe")
    with (tmp_path / "out.txt").open("w", encoding="ascii") as output:
        call_command("import_parts", str(old.path), stdout=output)
    assert "Kn\\xf6pfe" in (tmp_path / "out.txt").read_text()


def test_a_database_that_cannot_be_read_ends_it_before_it_begins(tmp_path, run):
    path = tmp_path / "none.sqlite"
    output, error = run(path)
    assert output == ""
    assert (str(error), error.returncode) == (f"There is no file “{path}”.", 2)


def test_uploads_that_are_no_folder_end_it_before_it_begins(old, run):
    old.add()
    output, error = run(old.path, "--uploads", old.path)
    assert output == ""
    assert (str(error), error.returncode) == (f"There is no folder “{old.path}”.", 2)
    assert Part.objects.count() == 0


def test_uploads_that_may_not_be_read_end_it_before_it_begins(old, run, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: path != old.uploads)
    old.add()
    _, error = run(old.path, "--uploads", old.uploads)
    assert str(error) == f"You may not read the folder “{old.uploads}”."
    assert (error.returncode, Part.objects.count()) == (2, 0)


def test_a_database_that_breaks_off_tells_what_came_before(old, run):
    for part_id in range(1, 1000):
        old.add(id=part_id, notes="x" * 500)
    raw = bytearray(old.path.read_bytes())
    half = len(raw) // 2 // 4096 * 4096
    raw[half : half + 4096] = b"\xff" * 4096
    old.path.write_bytes(raw)
    output, error = run(old.path, verbosity=0)
    count = Part.objects.count()
    assert 0 < count < 999
    assert output == f"Parts: {count} created.\n"
    assert "cannot be read (database disk image is malformed)" in str(error)
    assert error.returncode == 2
