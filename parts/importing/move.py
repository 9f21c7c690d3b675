"""Bring a whole server over, part by part.

A way in beside ``loaddata`` and no step of the workflow: what is written is how
things stood there, with the events that history, scores and times are read from.
Each part is a transaction of its own, so that one that fails leaves the others.
"""

import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from parts.models import Part

from .arrival import Arrival, Overtaken, name_of
from .folder import Contents, contents_of, left_over
from .mending import MOST_ID, Row, RowRefused, mend
from .outcomes import Line, Outcome, Subject
from .source import Source
from .standing import Standing

logger = logging.getLogger(__name__)

_BATCH = 200


def import_parts(
    source: Source, folder: Path | None = None, *, dry_run: bool = False
) -> Iterator[Line]:
    """Bring the parts of ``source`` over, with their files when there is a folder.

    Run again, it updates what has changed there and was not changed here.

    Args:
        folder: the other server's uploads, with a sub folder for each part's id.
        dry_run: tell what would happen; neither rows nor files are written.
    Yields:
        what became of each part, file and picture, as it happens.
    Raises:
        SourceError: the rest of the rows cannot be read.
    """
    if not dry_run:
        _keep_clear(source.highest_id(MOST_ID))
    ids: set[int] = set()
    uuids: set[UUID] = set()
    values = source.rows()
    while batch := list(islice(values, _BATCH)):
        rows: list[Row] = []
        for told in batch:
            try:
                row = mend(told, taken=uuids)
                if row.id in ids:
                    raise RowRefused(f"Another row has the id {row.id} too.")
            except RowRefused as error:
                yield _refused(told["id"], told["name"], str(error))
            else:
                ids.add(row.id)
                uuids.add(row.uuid)
                rows.append(row)
        here = Standing.of(rows)
        for row in rows:
            yield from _bring(row, here, folder, dry_run=dry_run)
    if folder:
        yield from left_over(folder, ids)


def _bring(
    row: Row, here: Standing, folder: Path | None, *, dry_run: bool
) -> Iterator[Line]:
    if why := here.refusal(row):
        if folder and (folder / str(row.id)).exists():
            why += " Its files stay behind with it."
        yield _refused(row.id, name_of(row), why)
        return
    contents = contents_of(folder, row.id, row.file) if folder else Contents()
    arrival = Arrival(row, here, contents)
    arrival.decide()
    if not dry_run:
        arrival.store()
    try:
        with transaction.atomic():
            arrival.write()
            if dry_run:
                transaction.set_rollback(True)
    except Overtaken:
        why = "It was changed here at this very moment; run this again."
        yield Line(Subject.PART, str(row.id), name_of(row), Outcome.LEFT, (why,))
    except DatabaseError as error:
        logger.exception("import_failed part=%s", row.id)
        yield _refused(row.id, name_of(row), f"The database does not take it: {error}")
    else:
        yield from arrival.lines()


def _refused(part_id: Any, name: Any, why: str) -> Line:
    shown_name = "" if name is None else str(name)[:60]
    return Line(Subject.PART, str(part_id), shown_name, Outcome.REFUSED, (why,))


def _keep_clear(highest_id: int) -> None:
    """Have parts that are handed in meanwhile, and later, count on from here.

    Rows with an id of their own do not move PostgreSQL's sequence, and SQLite's
    only as they come. It is never moved back, since ids are not used twice.
    """
    if not highest_id:
        return
    table = Part._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT setval(sequence, GREATEST(nextval(sequence), %s)) "
                "FROM (SELECT pg_get_serial_sequence(%s, 'id')::regclass "
                "AS sequence) AS found",
                [highest_id, table],
            )
        elif connection.vendor == "sqlite":
            cursor.execute(
                "UPDATE sqlite_sequence SET seq = max(seq, %s) WHERE name = %s",
                [highest_id, table],
            )
            if not cursor.rowcount:
                cursor.execute(
                    "INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)",
                    [table, highest_id],
                )
