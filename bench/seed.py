"""Fill an empty database with the benchmark's shop: ``python -m bench.seed 10000``.

It fills the database that the settings name (``DATA_DIR`` or ``DATABASE_URL``), and
prints as JSON what a client needs: an API key, a session's cookie, some ids. What the
database keeps of the parts is made at the end: with triggers that see each row it
takes twice as long on PostgreSQL (measured).
"""

import argparse
import itertools
import json
import os
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

BATCH = 2000
_EVERY_FILE = {
    "kind": "step",
    "size_bytes": 40_000,
    "state": "done",
    "took_seconds": 1.5,
    "model_bytes": 90_000,
}


def seed(size: int, visitors: int = 0) -> dict[str, Any]:
    """Write the first ``size`` parts, and the people who make them.

    Args:
        visitors: how many people more sign in: of five, three are members, one is a
            lead and one a viewer.

    Returns:
        ``key`` of scope lead, ``cookie`` of a lead's session, ``ids``: parts that
        are not in the trash, in no order, and of each visitor ``role``, ``key`` and
        ``cookie``.
    """
    from django.db import connections, transaction

    from accounts.models import Role, User
    from parts import kept
    from parts.api.examples import MODEL
    from parts.models import Part, PartEvent, PartFile, Season

    from . import lives

    if Part.objects.exists():
        raise SystemExit("There are parts already; the benchmark seeds an empty shop.")
    people = {
        name: User.objects.create_user(f"user{number}", name=name, role=role)
        for number, (name, role) in enumerate(
            [(name, Role.LEAD) for name in lives.LEADS]
            + [(name, Role.MEMBER) for name in lives.MEMBERS]
        )
    }
    seasons = [
        Season.objects.create(
            name=name, created_at=lives.FIRST_DAY + timedelta(days=365 * year)
        )
        for year, name in enumerate(lives.SEASONS)
    ]
    connection = connections["default"]  # its stand-in takes a third of the time
    file_ids, event_ids = itertools.count(1), itertools.count(1)
    tables = [
        Table(Part, connection),
        Table(PartFile, connection, facts=MODEL["facts"], **_EVERY_FILE),
        Table(PartEvent, connection),
    ]
    ids = []
    kept.remove(connection)
    for numbers in _batches(size):
        parts, files, events = [], [], []
        for number in numbers:
            life = lives.live(number)
            current = None
            for file in life.files:
                current = next(file_ids)
                files.append(_file(current, number, file, people))
            season = None if life.season is None else seasons[life.season].pk
            parts.append({**life.part, "season": season, "current_step": current})
            if life.files:
                parts[-1]["file"] = life.files[-1].name
            events += [
                _event(next(event_ids), number, event, people) for event in life.events
            ]
            if not life.part.get("deleted_at"):
                ids.append(number)
        # In one transaction: keys to files that follow are checked at its end.
        with transaction.atomic():
            for table, rows in zip(tables, (parts, files, events), strict=True):
                table.insert(rows)
    _go_on_counting(connection, [Part, PartFile, PartEvent])
    kept.recount()
    _gather_statistics(connection)
    return {
        **sign_in(people[lives.LEADS[0]]),
        "ids": ids,
        "visitors": _visitors(visitors),
    }


class Table:
    """Writes rows of a model, given as dictionaries, with its defaults.

    ``same`` are values that all rows have.

    In a fifth of the time of ``bulk_create`` (measured): no instances, no text of
    a statement for each 500 rows.
    """

    _AS_THEY_ARE = (str, int, type(None))

    def __init__(self, model, connection, **same: Any) -> None:
        self._connection = connection
        self._fields = [f for f in model._meta.concrete_fields if not f.generated]
        self._defaults = {
            field.name: self._prepared(field, same.get(field.name, field.get_default()))
            for field in self._fields
        }
        quote = connection.ops.quote_name
        columns = ", ".join(quote(field.column) for field in self._fields)
        marks = ", ".join(["%s"] * len(self._fields))
        table = quote(model._meta.db_table)
        # Names of our own models and nothing else.
        self._insert = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608

    def insert(self, rows: list[dict[str, Any]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(self._insert, [self._values(row) for row in rows])

    def _values(self, row: dict[str, Any]) -> list:
        return [
            self._prepared(field, row[field.name])
            if field.name in row
            else self._defaults[field.name]
            for field in self._fields
        ]

    def _prepared(self, field, value: Any) -> Any:
        if type(value) in self._AS_THEY_ARE:
            return value
        if type(value) is datetime:
            return self._connection.ops.adapt_datetimefield_value(value)
        return field.get_db_prep_save(value, self._connection)


def _batches(size: int) -> Iterator[range]:
    for first in range(1, size + 1, BATCH):
        yield range(first, min(first + BATCH, size + 1))


def _file(pk: int, part_id: int, file, people) -> dict[str, Any]:
    folder, digest = file.sha256[:2], file.sha256
    return {
        "id": pk,
        "part": part_id,
        "revision": file.revision,
        "name": file.name,
        "content": f"files/{folder}/{digest}.step",
        "sha256": digest,
        "model": f"models/{folder}/{digest}.glb",
        "thumbnail": f"thumbnails/{folder}/{digest}.png",
        "uploaded_by": people[file.by].pk,
        "uploaded_by_name": file.by,
        "uploaded_at": file.at,
    }


def _event(pk: int, part_id: int, event, people) -> dict[str, Any]:
    return {
        "id": pk,
        "part": part_id,
        "at": event.at,
        "actor": people[event.by].pk,
        "actor_name": event.by,
        "verb": event.verb,
        "changes": event.changes,
        "revision": event.revision,
        "note": event.note,
    }


def _go_on_counting(connection, models: list) -> None:
    """Tell PostgreSQL which ids were given out; SQLite sees it."""
    from django.core.management.color import no_style

    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def _gather_statistics(connection) -> None:
    """Do at once what a database that grows slowly has done by itself."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # VACUUM cannot run in a transaction, such as that of a test.
            vacuum = "" if connection.in_atomic_block else "VACUUM "
            cursor.execute(f"{vacuum}ANALYZE")


def _visitors(count: int) -> list[dict[str, str]]:
    from accounts.models import Role, User

    roles = (Role.MEMBER, Role.LEAD, Role.MEMBER, Role.VIEWER, Role.MEMBER)
    visitors = []
    for number in range(count):
        role = roles[number % len(roles)]
        name = f"Visitor {number}"
        user = User.objects.create_user(f"visitor{number}", name=name, role=role)
        visitors.append({"role": role, **sign_in(user)})
    return visitors


def sign_in(user) -> dict[str, str]:
    from django.conf import settings
    from django.contrib.auth import (
        BACKEND_SESSION_KEY,
        HASH_SESSION_KEY,
        SESSION_KEY,
    )

    from accounts import keys
    from accounts.sessions import SessionStore

    widest = keys.scopes_of(user)[-1]
    _, key = keys.issue("Benchmark", scope=widest, owner=user)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return {
        "key": key,
        "cookie": f"{settings.SESSION_COOKIE_NAME}={session.session_key}",
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("size", type=int)
    arguments.add_argument("--visitors", type=int, default=0)
    asked = arguments.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partsite.settings.dev")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    json.dump(seed(asked.size, asked.visitors), sys.stdout)


if __name__ == "__main__":
    main()
