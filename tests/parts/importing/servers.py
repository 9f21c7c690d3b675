"""Other servers to move in from: real SQLite files, real folders."""

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from parts.importing.mending import Row, mend

OLDEST = {
    "id": "INTEGER PRIMARY KEY",
    "type": "VARCHAR(50)",
    "name": "VARCHAR(200) NOT NULL",
    "subsystem": "VARCHAR(100)",
    "assigned": "VARCHAR(100)",
    "status": "VARCHAR(50)",
    "notes": "TEXT",
    "file": "VARCHAR(255)",
    "onshape_url": "VARCHAR(500)",
    "claimed_date": "DATETIME",
    "created_at": "DATETIME",
    "updated_at": "DATETIME",
    "category": "VARCHAR(50)",
}
FULL = {
    **OLDEST,
    "uuid": "VARCHAR(36)",
    "part_id": "VARCHAR(100)",
    "material": "VARCHAR(200)",
    "material_thickness": "VARCHAR(50)",
    "amount": "INTEGER",
    "misc_info": "JSON",
}
UUID_1 = "3f2a9c01-0000-4000-8000-000000000001"
# A row as such a server writes it.
PLAIN = {
    "id": 1,
    "type": "cnc",
    "name": "Gearbox plate",
    "subsystem": "Intake",
    "status": "Pending",
    "category": "review",
    "created_at": "2026-01-14 10:30:00.000000",
    "updated_at": "2026-01-17 10:30:00.000000",
}


class OldServer:
    def __init__(self, folder: Path, columns: dict[str, str] = FULL) -> None:
        self.path = folder / "old.sqlite"
        self.uploads = folder / "old-uploads"
        self.uploads.mkdir()
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        self.run(f"CREATE TABLE parts ({declared})")

    def add(self, **values: Any) -> None:
        row = {**PLAIN, **values}
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        self.run(f"INSERT INTO parts ({names}) VALUES ({marks})", *row.values())  # noqa: S608

    def change(self, part_id: int, **values: Any) -> None:
        names = ", ".join(f'"{name}" = ?' for name in values)
        self.run(f"UPDATE parts SET {names} WHERE id = ?", *values.values(), part_id)  # noqa: S608

    def run(self, query: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(query, values)

    def put(self, name: str, content: bytes, at: str = "2026-01-14T11:00:00Z") -> Path:
        """Put a file below the uploads, as old as ``at`` says."""
        path = self.uploads / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        seconds = datetime.fromisoformat(at).timestamp()
        os.utime(path, (seconds, seconds))
        return path


def png(shade: int = 0) -> bytes:
    buffer = BytesIO()
    Image.new("L", (4, 4), shade).save(buffer, "PNG")
    return buffer.getvalue()


def mended(**values: Any) -> Row:
    """Mend a row that is as it should be but for ``values``."""
    return mend({**PLAIN, "uuid": UUID_1, "amount": 1, **values})
