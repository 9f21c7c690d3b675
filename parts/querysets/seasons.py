"""Every named read of seasons."""

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from parts.models import Season


class SeasonQuerySet(models.QuerySet):
    def get_by_natural_key(self, name: str) -> "Season":
        return self.get(name=name)

    def newest_kept(self) -> "SeasonQuerySet":
        """Keep the one that new parts belong to."""
        return self.filter(archived=False).order_by("-created_at", "-id")[:1]

    def current(self) -> "Season | None":
        return self.newest_kept().first()
