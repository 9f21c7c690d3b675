"""The reader's time zone: by the account, else by the device, else the site's."""

from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest

COOKIE = "zone"  # set by static/js/zone.js
_REGIONS = (
    *("Africa", "America", "Antarctica", "Arctic", "Asia"),
    *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
)


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


def zones_by_region(*, besides: str = "") -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the zones to choose from, for a select: cities below their region.

    Args:
        besides: a zone to be among them that may be none of these, such as EST.
    """
    groups: dict[str, list[tuple[str, str]]] = {region: [] for region in _REGIONS}
    for name in sorted(known_zones()):
        region, _, city = name.partition("/")
        if city and region in groups:
            groups[region].append((name, city.replace("_", " ")))
    others = sorted({"UTC", besides if besides.partition("/")[0] not in groups else ""})
    groups["UTC"] = [(name, name) for name in others if name]
    return list(groups.items())
