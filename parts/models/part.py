"""Parts and their seasons."""

import uuid
from typing import TYPE_CHECKING

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.lookups import IsNull
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from parts.querysets import PartQuerySet, SeasonQuerySet
from partsite.instances import Quick
from partsite.statements import Inserted

if TYPE_CHECKING:
    from .files import PartFile


class Type(models.TextChoices):
    CNC = "cnc", _("CNC or laser")
    HAND = "hand", _("Hand fabrication")
    MISC = "misc", _("Misc: bought, printed, sent out")


class Category(models.TextChoices):
    REVIEW = "review", _("Review")
    CNC = "cnc", _("CNC")
    HAND = "hand", _("Hand")
    MISC = "misc", _("Misc")
    COMPLETED = "completed", _("Completed")


SHOP = (Category.CNC, Category.HAND, Category.MISC)


class Status(models.TextChoices):
    PENDING = "Pending", _("Waiting for review")
    REVIEWED = "Reviewed", _("Ready")
    APPROVED = "Approved", _("Approved")
    IN_PROGRESS = "In Progress", _("In progress")
    ALREADY_STARTED = "Already Started", _("Already started")
    COMPLETED = "Completed", _("Completed")
    CANCELLED = "Cancelled", _("Cancelled")


class Queue(models.IntegerChoices):
    """Which of its lane's queues a part stands in, in the order they are worked."""

    READY = 0, _("Ready")
    IN_PROGRESS = 1, _("In progress")
    ALREADY_STARTED = 2, _("Already started")
    BLOCKED = 3, _("Blocked")
    CANCELLED = 4, _("Cancelled")

    @property
    def slug(self) -> str:
        return self.name.lower().replace("_", "-")


class Priority(models.IntegerChoices):
    LOW = 0, _("Low")
    NORMAL = 1, _("Normal")
    HIGH = 2, _("High")
    URGENT = 3, _("Urgent")


# SQLite would take 64 bits, and a sum of such pieces would overflow.
MOST_PIECES = 2**31 - 1
_AT_MOST = MaxValueValidator(MOST_PIECES)


# What lists can be ordered by.
SORTABLE = (
    "name",
    "status",
    "assigned",
    "created_at",
    "updated_at",
    "subsystem",
    "material",
    "type",
    "amount",
    "claimed_date",
)


class Season(Quick):
    """A robot, a year, a client: what parts belong to."""

    name = models.CharField(max_length=60, unique=True)
    archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SeasonQuerySet.as_manager()

    class Meta:
        ordering = ["archived", "-created_at", "-id"]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[str]:
        return (self.name,)


class Part(Inserted):
    """Something to be made, ``amount`` pieces of it.

    Its state (category, status, assigned and what goes with them) is changed
    by ``workflow`` alone. Empty text is ``""``, never NULL.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(
        max_length=100,
        blank=True,
        db_index=True,
        help_text=_("The number on drawing, label and box. Left empty, it is made."),
    )
    type = models.CharField(max_length=10, choices=Type, blank=True, default="")
    name = models.CharField(max_length=200, blank=True, default="")
    subsystem = models.CharField(max_length=100)
    material = models.CharField(max_length=200, blank=True, default="")
    material_thickness = models.CharField(max_length=50, blank=True, default="")
    amount = models.PositiveIntegerField(default=1, validators=[_AT_MOST])
    made = models.PositiveIntegerField(default=0, validators=[_AT_MOST])
    scrapped = models.PositiveIntegerField(default=0, validators=[_AT_MOST])
    priority = models.SmallIntegerField(choices=Priority, default=Priority.NORMAL)
    due_date = models.DateField(null=True, blank=True)
    season = models.ForeignKey(
        Season, on_delete=models.PROTECT, null=True, blank=True, related_name="parts"
    )
    notes = models.TextField(max_length=20_000, blank=True, default="")
    onshape_url = models.URLField(
        _("Onshape link"), max_length=500, blank=True, default=""
    )
    service_method = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text=_("Outside supplier or process of a misc part."),
    )

    category = models.CharField(
        max_length=10, choices=Category, default=Category.REVIEW
    )
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    # Kept by the database itself, so that an index can hold the order of a lane.
    # On PostgreSQL a trigger computes it (``partsite.computed``).
    queue = models.GeneratedField(
        expression=Case(
            When(status=Status.CANCELLED, then=Queue.CANCELLED),
            When(~Q(blocked_reason=""), then=Queue.BLOCKED),
            When(status=Status.IN_PROGRESS, then=Queue.IN_PROGRESS),
            When(status=Status.ALREADY_STARTED, then=Queue.ALREADY_STARTED),
            default=Queue.READY,
        ),
        output_field=models.SmallIntegerField(choices=Queue),
        db_persist=True,
    )
    assigned = models.CharField(max_length=100, blank=True, default="")
    claimed_date = models.DateTimeField(null=True, blank=True)
    claimed_revision = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=_(
            "Number of the STEP file that stood when the part was "
            "claimed; 0 if there was none."
        ),
    )
    claimed_drawing = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=_(
            "Number of the drawing that stood when the part was claimed; "
            "0 if there was none."
        ),
    )
    blocked_reason = models.CharField(
        max_length=500,
        blank=True,
        default="",
        help_text=_("Why it cannot go on; in review: why it was sent back."),
    )
    reviewer = models.CharField(max_length=100, blank=True, default="")
    storage_location = models.CharField(max_length=200, blank=True, default="")
    completed_incorrectly = models.BooleanField(_("made wrong"), default=False)
    wrong_reason = models.CharField(
        max_length=500, blank=True, default="", help_text=_("What was made wrong.")
    )
    remake_of = models.OneToOneField(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="remake",
        help_text=_("The part that was made wrong, and that this one replaces."),
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    file = models.CharField(
        max_length=255,
        blank=True,
        default="",
        help_text=_("Bare name of the file that was uploaded last."),
    )
    # Indexes below have those that there are.
    current_step = models.ForeignKey(
        "PartFile",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    current_drawing = models.ForeignKey(
        "PartFile",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    extra = models.JSONField(
        default=dict,
        blank=True,
        help_text=_("miscInfo keys that have no column of their own."),
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        db_table = "parts"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["category", "created_at", "id"],
                name="part_newest_of_category",
                condition=Q(deleted_at=None),
            ),
            # As ``in_queue_order`` has each lane, or SQLite 3.46 sorts all of it by
            # another index; then what its headings count, so that no row is read.
            models.Index(
                "category",
                "queue",
                F("priority").desc(),
                IsNull(F("due_date"), True),
                "due_date",
                "created_at",
                "id",
                "season",
                "amount",
                name="part_lane",
                condition=Q(deleted_at=None),
            ),
            # As ``in_queue_order`` has it.
            models.Index(
                F("priority").desc(),
                IsNull(F("due_date"), True),
                "due_date",
                "created_at",
                "id",
                name="part_most_urgent",
                condition=Q(deleted_at=None),
            ),
            models.Index(
                fields=["category", "-completed_at", "-id"],
                name="part_finished",
                condition=Q(deleted_at=None),
            ),
            # What waits, list by list, with all that a count asks, so that no row is
            # read for it. SQLite takes these only for what is said as ``waiting``
            # says it, with the same values in the same order.
            models.Index(
                fields=["created_at", "id", "season"],
                name="part_in_review",
                condition=Q(
                    deleted_at=None, category__in=[Category.REVIEW], blocked_reason=""
                ),
            ),
            models.Index(
                F("priority").desc(),
                IsNull(F("due_date"), True),
                "due_date",
                "created_at",
                "id",
                "category",
                "season",
                name="part_ready",
                condition=Q(
                    deleted_at=None, category__in=SHOP, assigned="", blocked_reason=""
                ),
            ),
            models.Index(
                fields=["claimed_date", "id", "assigned", "season"],
                name="part_held",
                condition=Q(deleted_at=None, category__in=SHOP) & ~Q(assigned=""),
            ),
            models.Index(
                fields=["due_date", "id", "season"],
                name="part_overdue",
                condition=Q(
                    deleted_at=None,
                    category__in=[Category.REVIEW, *SHOP],
                    due_date__isnull=False,
                ),
            ),
            *(
                models.Index(
                    fields=[f"current_{kind}"],
                    name=f"part_of_{kind}",
                    condition=Q((f"current_{kind}__isnull", False)),
                )
                for kind in ("step", "drawing")
            ),
            # A list in any order reads no row that it does not show. All of them
            # together cost a write 0.05 ms.
            *(
                models.Index(
                    fields=[column, "id"],
                    name=f"part_by_{column}",
                    condition=Q(deleted_at=None),
                )
                for column in SORTABLE
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(type__in=["", *Type.values]), name="part_type_known"
            ),
            models.CheckConstraint(
                condition=Q(category__in=Category.values), name="part_category_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="part_status_known"
            ),
            models.CheckConstraint(
                condition=Q(priority__in=Priority.values), name="part_priority_known"
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=1, amount__lte=MOST_PIECES),
                name="part_amount_at_least_one",
            ),
            models.CheckConstraint(
                condition=Q(made__gte=0, made__lte=MOST_PIECES),
                name="part_made_counted",
            ),
            models.CheckConstraint(
                condition=Q(scrapped__gte=0, scrapped__lte=MOST_PIECES),
                name="part_scrapped_counted",
            ),
            models.CheckConstraint(
                condition=(
                    Q(category=Category.COMPLETED, status=Status.COMPLETED)
                    | (~Q(category=Category.COMPLETED) & ~Q(status=Status.COMPLETED))
                ),
                name="part_completed_agrees",
                violation_error_message=_(
                    "Category and status contradict each other: completed is "
                    "completed in both."
                ),
            ),
            models.CheckConstraint(
                condition=(
                    ~Q(category__in=SHOP)
                    | Q(category=F("type"))
                    | Q(type="", category=Category.HAND)
                ),
                name="part_lane_fits_type",
                violation_error_message=_(
                    "Category and type contradict each other: a part in "
                    "production stands in the lane of its type."
                ),
            ),
            models.CheckConstraint(
                condition=Q(wrong_reason="") | Q(completed_incorrectly=True),
                name="part_wrong_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(remake_of=None) | ~Q(remake_of=F("id")),
                name="part_no_remake_of_itself",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code or "Unnamed part"

    def save(self, *args, **kwargs) -> None:
        self.complete_code()
        super().save(*args, **kwargs)

    def complete_code(self) -> None:
        """Give it a code, without which no part is."""
        if not self.code:
            self.code = str(self.uuid)[:8]

    def get_absolute_url(self) -> str:
        return reverse("parts:detail", args=[self.pk])

    def natural_key(self) -> tuple[str]:
        return (str(self.uuid),)

    natural_key.dependencies = ["parts.season"]

    @property
    def lane(self) -> str:
        """The category it is made in: that of its type, ``hand`` without one."""
        return self.type or Category.HAND

    @property
    def in_shop(self) -> bool:
        return self.category in SHOP

    @property
    def is_sent_back(self) -> bool:
        return self.category == Category.REVIEW and bool(self.blocked_reason)

    @property
    def newer_files(self) -> "list[PartFile]":
        """The current files that came after the part was claimed."""
        if not (self.in_shop and self.assigned):
            return []
        pairs = (
            (self.current_step, self.claimed_revision),
            (self.current_drawing, self.claimed_drawing),
        )
        return [
            file
            for file, claimed in pairs
            if file and claimed is not None and file.revision > claimed
        ]

    @property
    def is_outdated(self) -> bool:
        """Whether whoever has the part took it before its newest files came."""
        return bool(self.newer_files)

    @property
    def file_hashes(self) -> set[str]:
        """The SHA-256 of each current file."""
        return {f.sha256 for f in (self.current_step, self.current_drawing) if f}

    @property
    def current_file(self) -> "PartFile | None":
        """The file that ``file`` names: as a rule the one that came last."""
        files = [f for f in (self.current_step, self.current_drawing) if f]
        named = [f for f in files if f.name == self.file]
        return max(named or files, key=lambda file: file.pk, default=None)

    @property
    def pictures(self) -> dict[int, str]:
        """The stored names of the pictures that clients made, by number of the side."""
        return pictures_in(self.extra)


def pictures_in(extra: dict) -> dict[int, str]:
    """Return what ``Part.pictures`` is, of a part's ``extra``."""
    files = extra.get("views", {}).get("files", {})
    return {int(side): file["content"] for side, file in files.items()}
