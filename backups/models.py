"""What became of each backup: for leads to see, and for whoever watches the site."""

from enum import StrEnum

from django.db import models
from django.utils import timezone


class Reason(StrEnum):
    """Why a backup is made; it is part of the archive's name."""

    BY_HAND = ""
    DAILY = "daily"
    BEFORE_UPGRADE = "before-upgrade"
    BEFORE_WIPE = "before-wipe"


class Backup(models.Model):
    """One attempt at a backup: an archive at ``path``, or the ``error``."""

    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=20, blank=True, default="")
    path = models.CharField(max_length=500, blank=True, default="")
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    parts = models.PositiveIntegerField(null=True, blank=True)
    files = models.PositiveIntegerField(null=True, blank=True)
    # Files that were lost or damaged when it was made.
    lacking = models.PositiveIntegerField(null=True, blank=True)
    warnings = models.TextField(blank=True, default="")
    error = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-started_at", "-id"]

    def __str__(self) -> str:
        return self.path.rpartition("/")[2] or self.error
