"""The database: whether it answers, is of this release, and keeps right time."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import Error, connection
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from parts import kept
from parts.models import Part, PartEvent, PartFile
from parts.watch import ready

from .findings import Findings, problem, warning

_FUTURE = timedelta(minutes=5)
_CLOCKS_DIFFER_SECONDS = 5


def of_database() -> Findings:
    asked = "PRAGMA quick_check(1)" if connection.vendor == "sqlite" else "SELECT 'ok'"
    try:
        with connection.cursor() as cursor:
            cursor.execute(asked)
            [told] = cursor.fetchone()
    except Error as error:
        yield problem(
            f"The database does not answer: {str(error).partition(chr(10))[0]}.",
            "See that it runs, and that DATABASE_URL leads to it.",
        )
        return
    if told != "ok":
        yield problem(
            f"The database is damaged: {told.partition(chr(10))[0]}.",
            "Stop the site and restore a backup (docs/operate.md).",
        )


def of_migrations() -> Findings:
    if missing := ready.missing_migrations():
        names = ", ".join(".".join(node) for node in missing)
        yield problem(
            f"The database is older than the code, and lacks {names}.",
            "Run manage.py migrate.",
        )


def of_sums() -> Findings:
    if not kept.is_whole(connection):
        yield problem(
            "Sums and search are not kept: triggers are missing, or another release's.",
            "Run manage.py recount; the site may be in use meanwhile.",
        )


def of_people() -> Findings:
    if not any(user.can_lead for user in User.objects.filter(is_active=True)):
        yield warning(
            "Nobody leads: no account may approve parts or invite people.",
            "Run manage.py invite --role lead, and open the link.",
        )


def of_clocks() -> Findings:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            [theirs] = cursor.fetchone()
        yield from _compared("the database", theirs)
    if settings.REDIS_URL:
        seconds, _microseconds = cache._cache.get_client().time()
        yield from _compared("Redis", datetime.fromtimestamp(seconds, UTC))
    for rows, field, what in (
        (Part.objects.all(), "updated_at", "a part was changed"),
        (PartFile.objects.all(), "uploaded_at", "a file was uploaded"),
        (PartEvent.objects.all(), "at", "a step was taken"),
    ):
        newest = rows.aggregate(newest=Max(field))["newest"]
        if newest and newest > timezone.now() + _FUTURE:
            yield warning(
                f"In the future, on {newest:%Y-%m-%d at %H:%M} UTC, {what}: a clock "
                "was wrong.",
                "Keep the clocks right by NTP. Until then it stands before all newer.",
            )


def _compared(whose: str, theirs: datetime) -> Findings:
    ahead = (theirs - timezone.now()).total_seconds()
    if abs(ahead) > _CLOCKS_DIFFER_SECONDS:
        how = "ahead of" if ahead > 0 else "behind"
        yield problem(
            f"The clock of {whose} is {abs(ahead):.0f} s {how} this machine's.",
            "Keep both right by NTP: limits and sessions go by them.",
        )
