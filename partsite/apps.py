"""Apps of others, as this site has them, and the site itself, which comes last."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin import apps as admin


@contextmanager
def _missing(*names: str) -> Iterator[None]:
    """Let no module import those that are not there yet.

    Source: https://docs.python.org/3/reference/import.html#the-module-cache
    """
    mine = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(mine))
    try:
        yield
    finally:
        for name in mine:
            del sys.modules[name]


# These take up whatever is installed, and we use nothing of it there: a fourth of what
# a web process took to start, and of what it imported (measured).
with _missing(
    *("django.contrib.postgres", "jinja2", "prometheus_client", "pygments"),
    *("requests", "yaml"),
):
    for _module in ("django_q.conf", "rest_framework.compat", "rest_framework.test"):
        import_module(_module)  # the last one is drf-spectacular's


class AdminConfig(admin.AdminConfig):
    default_site = "partsite.admin.LeadSite"


class SiteConfig(AppConfig):
    name = "partsite"

    def ready(self) -> None:
        """Have garbage looked for again, but not in what was made until now.

        All that stays. To look through it, while it was made and at the end once more,
        took a sixth of the time of ``manage.py check`` (measured).
        """
        gc.freeze()
        gc.enable()
