"""The site below a path, as a test sees it."""

from django.test import Client
from django.urls import get_script_prefix, set_script_prefix

from partsite import basepath

BASE = "/parts-system"


class Proxied(Client):
    """A client whose requests come in as through the WSGI entry point."""

    def _base_environ(self, **request) -> dict:
        environ = super()._base_environ(**request)
        basepath.enter(environ)
        return environ


def below(base: str, settings):
    """Put the site below ``base``; a generator that undoes it at its end."""
    settings.BASE_PATH = settings.FORCE_SCRIPT_NAME = base
    settings.SESSION_COOKIE_PATH = settings.CSRF_COOKIE_PATH = base
    settings.STATIC_URL = f"{base}/static/"
    before = get_script_prefix()
    set_script_prefix(base)
    yield base
    set_script_prefix(before)
