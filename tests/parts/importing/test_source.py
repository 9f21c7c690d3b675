"""The other server's database: read as it is, never written, refused in a sentence."""

import sqlite3
from contextlib import closing

import pytest

from parts.importing import SourceError, opened

from .servers import OLDEST, OldServer


def _refusal(path) -> str:
    with pytest.raises(SourceError) as refusal, opened(path) as source:
        list(source.rows())
    return str(refusal.value)


def test_a_full_table_gives_every_column_in_the_order_of_the_ids(old):
    old.add(id=2, amount=3)
    old.add(id=1, misc_info='{"storage": "A3"}')
    with opened(old.path) as source:
        rows = list(source.rows())
        assert (source.missing, source.others) == ([], [])
    assert [(row["id"], row["amount"]) for row in rows] == [(1, None), (2, 3)]
    assert rows[0]["misc_info"] == '{"storage": "A3"}'


def test_the_oldest_table_lacks_the_later_columns(tmp_path):
    old = OldServer(tmp_path, OLDEST)
    old.add()
    with opened(old.path) as source:
        assert source.missing == [
            "uuid",
            "part_id",
            "material",
            "material_thickness",
            "amount",
            "misc_info",
        ]
        assert [row["name"] for row in source.rows()] == ["Gearbox plate"]


def test_columns_in_any_case_and_unknown_ones_are_found(tmp_path):
    columns = {"ID": "", "Type": "", "NAME": "", "Status": "", 'we""ird': ""}
    old = OldServer(tmp_path, columns | {"category": ""})
    with opened(old.path) as source:
        assert source.others == ['we"ird']
        assert "name" in source.known


def test_bytes_that_are_no_utf8_come_as_surrogates(old):
    old.add(id=7)
    old.run("UPDATE parts SET name = CAST(x'4B6E6F7066E9' AS TEXT)")
    with opened(old.path) as source:
        assert [row["name"] for row in source.rows()] == ["Knopf\udce9"]


def test_reading_leaves_nothing_behind_and_changes_no_byte(old, tmp_path):
    old.run("PRAGMA journal_mode=WAL")
    old.add()
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with opened(old.path) as source:
        assert len(list(source.rows())) == 1
    after = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert after == before


def test_the_connection_itself_cannot_write(old):
    with (
        opened(old.path) as source,
        pytest.raises(SourceError, match="attempt to write a readonly database"),
    ):
        list(source._run("DELETE FROM parts"))


def test_what_an_open_server_has_only_in_its_log_is_read_too(old):
    with closing(sqlite3.connect(old.path)) as server:
        server.execute("PRAGMA journal_mode=WAL")
        server.execute(
            "INSERT INTO parts (id, name, status) VALUES (5, 'Hub', 'Pending')"
        )
        server.commit()
        with opened(old.path) as source:
            assert [row["id"] for row in source.rows()] == [5]


def test_the_highest_id_leaves_out_what_is_none(old):
    with opened(old.path) as source:
        assert source.highest_id(100) == 0
    for part_id in (3, 40, 400):
        old.add(id=part_id)
    with opened(old.path) as source:
        assert source.highest_id(100) == 40


def test_a_missing_file_is_refused(tmp_path):
    path = tmp_path / "none.sqlite"
    assert _refusal(path) == f"There is no file “{path}”."
    assert not path.exists()
    assert _refusal(tmp_path) == f"There is no file “{tmp_path}”."


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "old.sqlite"
    path.write_bytes(b"id,name\n1,Hub\n" * 100)
    assert _refusal(path) == f"“{path}” is no SQLite database."


@pytest.mark.parametrize("content", [b"", None])
def test_a_database_without_parts_is_refused(tmp_path, content):
    path = tmp_path / "old.sqlite"
    if content is None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE users (id)")
    else:
        path.write_bytes(content)
    assert _refusal(path) == f"“{path}” has no table “parts”."


def test_a_table_of_something_else_is_refused(tmp_path):
    path = OldServer(tmp_path, {"id": "", "price": ""}).path
    assert _refusal(path) == (
        f"The table “parts” of “{path}” has no column name and no status and no type: "
        "these are not the parts of a server of this kind."
    )


def test_a_database_of_this_program_is_refused(tmp_path):
    ours = {"current_step_id": "", "current_drawing_id": ""}
    path = OldServer(tmp_path, OLDEST | ours).path
    assert _refusal(path) == (
        f"“{path}” is a database of this same program. Copy the database and the "
        "media folder instead; there is nothing to import."
    )


def test_a_locked_database_is_refused(old, monkeypatch):
    monkeypatch.setattr("parts.importing.source._WAIT_SECONDS", 0.01)
    with closing(sqlite3.connect(old.path)) as server:
        server.execute("BEGIN EXCLUSIVE")
        assert _refusal(old.path) == (
            f"“{old.path}” is locked: stop the other server and run this again."
        )


def test_a_damaged_database_is_refused(old):
    for part_id in range(1, 200):
        old.add(id=part_id, notes="x" * 500)
    raw = bytearray(old.path.read_bytes())
    raw[8192:] = b"\xff" * (len(raw) - 8192)
    old.path.write_bytes(raw)
    assert _refusal(old.path) == (
        f"“{old.path}” cannot be read (database disk image is malformed). Stop the "
        "other server, copy the file, check the copy (PRAGMA integrity_check) and try "
        "that."
    )
