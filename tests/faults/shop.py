"""A shop that has grown: machines with a web server or a worker, on shared services.

They share nothing with each other but what the environment variables name, and this
test machine's clock.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from services import S3, Postgres, Redis

from .machines import ROOT, Machine, Web, Worker, surroundings

PEOPLE = 4
PASSWORD = "in-a-test-only"  # noqa: S105 - guards nothing
# Counted as ever, but never refused.
_HIGH_LIMITS = {
    f"API_{kind}_PER_MINUTE": "1000000" for kind in ("READS", "WRITES", "UPLOADS")
}
# Leads, since any of them may take any step; a key of each.
_OPEN = f"""
import json
from accounts import keys
from accounts.models import Role, Scope, User
people = {{}}
for number in range({PEOPLE}):
    name = f"Lead {{number}}"
    user = User.objects.create_user(
        f"lead{{number}}", {PASSWORD!r}, role=Role.LEAD, name=name
    )
    people[name] = [user.username, keys.issue(name, scope=Scope.LEAD, owner=user)[1]]
print(json.dumps(people))
"""


@dataclass
class Shop:
    """``people`` maps names to user names and keys; ``webs`` and ``workers`` run."""

    folder: Path
    postgres: Postgres
    redis: Redis
    s3: S3
    webs: list[Web] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    people: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def database(self) -> str:
        return self.postgres.database("shop")

    @property
    def variables(self) -> dict[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "partsite.settings.dev",
            "SECRET_KEY": "one-for-all-machines-of-a-test-and-for-nothing-else",
            "WEB_PROCESSES": "1",  # there are two machines for what they share
            **_HIGH_LIMITS,
            "DATABASE_URL": self.database,
            **self.redis.variables,
            **self.s3.variables,
        }

    def manage(self, *words: str, on: Machine | None = None) -> str:
        """Run a command beside the shop's machines, or on one of them."""
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=surroundings(on.home if on else self.folder, self.variables),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def rows(self, sql: str) -> list[tuple]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(sql).fetchall()

    def hasten(self) -> None:
        """Pretend that the minute is over after which lost files are looked for."""
        with psycopg.connect(self.database) as connection:
            connection.execute("UPDATE django_q_schedule SET next_run = now()")
            connection.execute(
                "UPDATE parts_partfile SET heartbeat_at = heartbeat_at - interval "
                "'1 minute' WHERE state = 'queued'"
            )

    def open(self) -> None:
        self.manage("migrate", "--verbosity", "0")
        told = self.manage("shell", "--no-imports", "-c", _OPEN)
        self.people = json.loads(told.splitlines()[-1])


@contextmanager
def open_shop(
    folder: Path, postgres: Postgres, redis: Redis, s3: S3, *, webs: int, workers: int
) -> Iterator[Shop]:
    shop = Shop(folder, postgres, redis, s3)
    shop.open()
    with ExitStack() as stack:
        for kind, count, machines in (
            (Web, webs, shop.webs),
            (Worker, workers, shop.workers),
        ):
            for number in range(count):
                machine = kind(folder / f"{kind.name}-{number}", shop.variables)
                machine.start()
                stack.callback(machine.stop)
                machines.append(machine)
        yield shop
