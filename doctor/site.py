"""The settings: what they say, who may read them, by which clock pages are written."""

from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core import checks
from django.core.checks.security.base import check_secret_key

from partsite.env import env_str

from .findings import Finding, Findings, Level, problem, warning

_ELSEWHERE = {"parts.E001"}  # a subject of its own


def _is_production() -> bool:
    return settings.SETTINGS_MODULE == "partsite.settings.prod"


def of_settings() -> Findings:
    is_production = _is_production()
    messages = checks.run_checks(include_deployment_checks=is_production)
    if not is_production:
        messages += check_secret_key(None)
    for message in messages:
        if message.id not in _ELSEWHERE and not message.is_silenced():
            level = Level.PROBLEM if message.is_serious() else Level.WARNING
            yield Finding(level, message.msg, message.hint or "See docs/deploy.md.")
    if settings.DEBUG and not settings.FIRST_LEAD_HERE:
        yield problem(
            "DEBUG is on where others reach the site: a fault shows them its inside.",
            "Set DEBUG=0, or leave it out.",
        )
    if is_production and "*" in settings.ALLOWED_HOSTS:
        yield warning(
            "ALLOWED_HOSTS lets any name pass, and links that are sent carry it.",
            "List the names by which people reach the site.",
        )
    if is_production and not settings.TRUSTED_PROXIES:
        yield warning(
            "TRUSTED_PROXIES is empty: behind a proxy everybody has one address, and "
            "a limit that one person runs into holds for all.",
            "List the proxy's address, 127.0.0.1 if it runs on this machine.",
        )


def of_secrets() -> Findings:
    for name in ("secret-key", "demo-signin.txt"):
        path = Path(settings.DATA_DIR) / name
        if path.exists() and path.stat().st_mode & 0o077:
            yield problem(
                f"Others on this machine may read {path}.", f"chmod 600 {path}"
            )


def of_time_zone() -> Findings:
    try:
        ZoneInfo(settings.TIME_ZONE)
    except (KeyError, OSError, ValueError):
        yield problem(
            f"This machine does not know the time zone {settings.TIME_ZONE}.",
            "Install tzdata: a package of the system, or pip install tzdata.",
        )
    machines = _zone_of_machine()
    if not env_str("TIME_ZONE", "") and machines not in ("", settings.TIME_ZONE):
        yield warning(
            f"Pages show times in {settings.TIME_ZONE}; this machine is in {machines}.",
            f"Set TIME_ZONE={machines}, or TIME_ZONE=UTC if that is meant.",
        )


def _zone_of_machine() -> str:
    """Return the name of the machine's time zone; nothing if it is UTC or unknown."""
    name = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2]
    return "" if name in {"UTC", "UCT", "Zulu", "Universal"} or "Etc/" in name else name
