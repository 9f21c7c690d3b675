"""The reader's time zone: by the account, else by the device, else the site's."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest

COOKIE = "zone"  # set by static/js/zone.js


@cache
def known_zones() -> frozenset[str]:
    """Return the names of all time zones; the first call reads the disk."""
    return frozenset(available_timezones())


def zone_of(request: HttpRequest, *, asks_account: bool) -> ZoneInfo | None:
    """Return the zone that somebody wants times in; None is the site's.

    Args:
        asks_account: costs two queries where nothing else asks who it is.
    """
    own = getattr(request.user, "time_zone", "") if asks_account else ""
    for name in (own, request.COOKIES.get(COOKIE, "")):
        if name and name in known_zones():
            return ZoneInfo(name)
    return None
