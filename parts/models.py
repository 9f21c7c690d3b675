"""Parts, their files and their history: columns, constraints, derived values."""

import math
import uuid

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Case, F, Q, When
from django.db.models.functions import Lower
from django.db.models.lookups import IsNull
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, User
from partsite.statements import Inserted

from .querysets import (
    DraftFileQuerySet,
    PartEventManager,
    PartFileManager,
    PartQuerySet,
    SeasonQuerySet,
)


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


class Season(models.Model):
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
    current_step = models.ForeignKey(
        "PartFile",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    current_drawing = models.ForeignKey(
        "PartFile",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
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
            models.Index(
                fields=["category", "-priority", "due_date"], name="part_queue"
            ),
            # With what a lane's headings count, so that no row is read for them.
            models.Index(
                fields=[
                    "category",
                    "queue",
                    "-priority",
                    "due_date",
                    "season",
                    "amount",
                ],
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
            models.Index(
                fields=["category", "storage_location"],
                name="part_place",
                condition=Q(deleted_at=None),
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
            models.Index(fields=["assigned", "category"], name="part_assigned"),
            models.Index(fields=["status", "category"], name="part_status"),
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
        if not self.code:
            self.code = str(self.uuid)[:8]
        super().save(*args, **kwargs)

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


class Kind(models.TextChoices):
    STEP = "step", _("STEP file")
    DRAWING = "drawing", _("Drawing")


class Conversion(models.TextChoices):
    NONE = "", _("Nothing to convert")
    QUEUED = "queued", _("Waiting for conversion")
    RUNNING = "running", _("Being converted")
    DONE = "done", _("Converted")
    FAILED = "failed", _("Conversion failed")


class StoredFile(models.Model):
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


class Verb(models.TextChoices):
    CREATED = "created", _("handed in")
    EDITED = "edited", _("changed")
    UPLOADED = "uploaded", _("uploaded")
    APPROVED = "approved", _("approved")
    SENT_BACK = "sent_back", _("sent back")
    RESUBMITTED = "resubmitted", _("handed in again")
    ASSIGNED = "assigned", _("took")
    STARTED = "started", _("started")
    ACCEPTED = "accepted", _("accepted the new file")
    UNCLAIMED = "unclaimed", _("let go")
    COMPLETED = "completed", _("finished")
    MARKED_WRONG = "marked_wrong", _("said it was made wrong")
    REMADE = "remade", _("sent it back to be made again")
    REVERTED = "reverted", _("reopened")
    TRASHED = "trashed", _("moved to the trash")
    RESTORED = "restored", _("restored")
    RETRIED = "retried", _("asked for another conversion")


class PartEvent(Inserted):
    """One line of a part's history.

    ``changes`` maps a field to ``[before, after]``. The actor's name is kept
    beside the account, so that it outlives the account.
    """

    part = models.ForeignKey(Part, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    actor_name = models.CharField(max_length=100, blank=True, default="")
    actor = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    api_key = models.ForeignKey(
        ApiKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    verb = models.CharField(max_length=12, choices=Verb)
    changes = models.JSONField(default=dict, blank=True)
    revision = models.PositiveIntegerField(null=True, blank=True)
    note = models.TextField(blank=True, default="")

    objects = PartEventManager()

    class Meta:
        verbose_name = _("history line")
        verbose_name_plural = _("history")
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="partevent_newest"),
            models.Index(fields=["part", "-at", "-id"], name="partevent_timeline"),
            models.Index(fields=["verb", "at"], name="partevent_verb"),
            # Who handed a part in: without it SQLite, which has no statistics
            # at first, reads every "created" event for each card.
            models.Index(fields=["part", "verb", "at", "id"], name="partevent_of_part"),
            # What somebody did last; by verb alone it is everybody's.
            models.Index(
                fields=["actor", "verb", "-at", "-id"], name="partevent_of_actor"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(verb__in=Verb.values), name="partevent_verb_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name or 'The system'} {self.get_verb_display()}"

    def natural_key(self) -> tuple:
        return (*self.part.natural_key(), self.at.isoformat(), self.verb)

    natural_key.dependencies = ["parts.part", "accounts.user"]


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


class Board(models.TextChoices):
    """The boards by their routes; a saved view is one of them, filtered."""

    REVIEW = "review", _("Review")
    PRODUCTION = "production", _("Production")
    COMPLETED = "completed", _("Completed")
    SEARCH = "search", _("All parts")


class SavedFilter(models.Model):
    """A view of a board that somebody keeps: its address under a name.

    ``query`` is in its one form (``addresses.board_query``).
    """

    MOST = 30  # of one person

    owner = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="saved_filters"
    )
    name = models.CharField(_("name"), max_length=60)
    board = models.CharField(max_length=10, choices=Board)
    query = models.CharField(max_length=1000, blank=True, default="")
    order = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["order", "id"]
        constraints = [
            models.UniqueConstraint(
                "owner", Lower("name"), name="savedfilter_name_unique"
            ),
            models.CheckConstraint(
                condition=Q(board__in=Board.values), name="savedfilter_board_known"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="savedfilter_has_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        address = reverse(f"parts:{self.board}")
        return f"{address}?{self.query}" if self.query else address
