"""Drawings that Onshape is asked for, and what became of it."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, User

from .files import PartFile
from .part import Part


class Fetch(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    RUNNING = "running", _("Being fetched")
    DONE = "done", _("Fetched")
    FAILED = "failed", _("Failed")


class DrawingFetch(models.Model):
    """One wish for a part's drawing from Onshape, and what became of it.

    ``drawing`` is the file that came, or that stood already when Onshape had
    nothing newer (``is_new`` tells which).
    """

    OPEN = (Fetch.QUEUED, Fetch.RUNNING)

    part = models.ForeignKey(
        Part, on_delete=models.CASCADE, related_name="drawing_fetches"
    )
    link = models.URLField(max_length=500, help_text=_("The part's link when asked."))
    asked_at = models.DateTimeField(default=timezone.now)
    asked_by_name = models.CharField(max_length=100, blank=True, default="")
    asked_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    api_key = models.ForeignKey(
        ApiKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=Fetch, default=Fetch.QUEUED)
    error = models.TextField(blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(
        default=timezone.now,
        help_text=_("Last sign that it goes on: asked, taken, at work, ended."),
    )
    drawing = models.ForeignKey(
        PartFile, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    is_new = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("fetch of a drawing")
        verbose_name_plural = _("fetches of drawings")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["part"],
                condition=Q(state__in=["queued", "running"]),
                name="drawingfetch_one_open",
            ),
            models.CheckConstraint(
                condition=Q(state__in=Fetch.values), name="drawingfetch_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.part}: {self.get_state_display()}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN
