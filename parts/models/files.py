"""The files of parts and of drafts, and how their conversion goes."""

import math

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from parts.querysets import DraftFileQuerySet, PartFileManager
from partsite.instances import Quick

from .part import Part


class Kind(models.TextChoices):
    STEP = "step", _("STEP file")
    DRAWING = "drawing", _("Drawing")


class Conversion(models.TextChoices):
    NONE = "", _("Nothing to convert")
    QUEUED = "queued", _("Waiting for conversion")
    RUNNING = "running", _("Being converted")
    DONE = "done", _("Converted")
    FAILED = "failed", _("Conversion failed")


class StoredFile(Quick):
    """An uploaded file, never changed, and what was made of it.

    ``content``, ``model`` and ``thumbnail`` are named after the SHA-256 of
    their bytes, so equal files share one.
    """

    STORED = ("content", "model", "thumbnail")

    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(
        max_length=255, help_text=_("As it was called when uploaded.")
    )
    content = models.FileField(max_length=200)
    sha256 = models.CharField(max_length=64, db_index=True)
    size_bytes = models.PositiveBigIntegerField()

    state = models.CharField(
        max_length=10, choices=Conversion, blank=True, default=Conversion.NONE
    )
    error = models.TextField(blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("Last sign that its conversion goes on: queued, taken, at work."),
    )
    took_seconds = models.FloatField(null=True, blank=True)
    model = models.FileField(max_length=200, blank=True, default="")
    model_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    thumbnail = models.FileField(max_length=200, blank=True, default="")
    facts = models.JSONField(null=True, blank=True)

    class Meta:
        abstract = True
        indexes = [
            models.Index(
                fields=["state", "heartbeat_at"],
                name="%(class)s_to_convert",
                condition=Q(state__in=["queued", "running"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=Kind.values), name="%(class)s_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=Conversion.values), name="%(class)s_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state=Conversion.DONE) | ~Q(model=""),
                name="%(class)s_done_has_model",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs) -> None:
        if self._state.adding and self.kind == Kind.STEP and not self.state:
            self.state = Conversion.QUEUED
            self.heartbeat_at = timezone.now()
        super().save(*args, **kwargs)

    @property
    def is_converting(self) -> bool:
        return self.state in {Conversion.QUEUED, Conversion.RUNNING}

    @property
    def model_tag(self) -> str:
        """A short name of the model's bytes, for an address that never changes."""
        return hash_tag(self.model.name)

    @property
    def thumbnail_tag(self) -> str:
        return hash_tag(self.thumbnail.name)


class PartFile(StoredFile):
    """One revision of a part's STEP file or drawing: kept for good."""

    part = models.ForeignKey(Part, on_delete=models.CASCADE, related_name="files")
    revision = models.PositiveIntegerField()
    uploaded_by_name = models.CharField(max_length=100, blank=True, default="")
    uploaded_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    uploaded_at = models.DateTimeField(default=timezone.now)

    objects = PartFileManager()

    class Meta(StoredFile.Meta):
        verbose_name = _("file")
        ordering = ["part_id", "kind", "-revision"]
        indexes = [
            *StoredFile.Meta.indexes,
            models.Index(
                fields=["id"],
                name="partfile_failed",
                condition=Q(state=Conversion.FAILED),
            ),
        ]
        constraints = [
            *StoredFile.Meta.constraints,
            models.UniqueConstraint(
                fields=["part", "kind", "revision"], name="partfile_revision_unique"
            ),
            models.CheckConstraint(
                condition=Q(revision__gte=1), name="partfile_revision_counted"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.get_kind_display()}, revision {self.revision})"

    def natural_key(self) -> tuple[str, str, int]:
        return (*self.part.natural_key(), self.kind, self.revision)

    natural_key.dependencies = ["parts.part", "accounts.user"]


class DraftFile(StoredFile):
    """A file that was sent before its part is handed in; kept for a day.

    It is converted at once, so that the part can be described from it. The part
    takes over what was made, since equal files are converted once.
    """

    owner = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    part_uuid = models.UUIDField(
        db_index=True, help_text="That of the part which it is sent for."
    )
    sent_at = models.DateTimeField(default=timezone.now, db_index=True)
    product = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="What the file calls the one part in it.",
    )

    objects = DraftFileQuerySet.as_manager()

    class Meta(StoredFile.Meta):
        ordering = ["id"]


def hash_tag(stored_name: str | None) -> str:
    """Return a short name of the bytes that lie under their hash."""
    bare = (stored_name or "").rpartition("/")[2]
    return bare.partition(".")[0][:16]


class ConversionCount(models.Model):
    """How many conversions ended so, by how long they took, since the site began.

    Rows of files could not tell: a file is converted again, or deleted. ``up_to`` is
    the seconds that none of them took longer than, as Prometheus writes it.
    """

    BUCKETS = ("1", "2", "5", "10", "20", "60", "120", "+Inf")
    GIVEN_UP = "given up"  # their worker died each time, so nobody knows how long

    outcome = models.CharField(max_length=10)
    up_to = models.CharField(max_length=4)
    count = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["outcome", "up_to"], name="conversioncount_one_each"
            )
        ]

    def __str__(self) -> str:
        return f"{self.outcome}, {self.up_to} s: {self.count}"

    @classmethod
    def add(cls, outcome: str, *, seconds: float | None, count: int = 1) -> None:
        longest = math.inf if seconds is None else seconds
        up_to = next(text for text in cls.BUCKETS if longest <= float(text))
        row, _is_new = cls.objects.get_or_create(outcome=outcome, up_to=up_to)
        cls.objects.filter(pk=row.pk).update(
            count=F("count") + count, seconds=F("seconds") + (seconds or 0)
        )
