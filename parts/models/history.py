"""What has happened to a part."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, User
from parts.querysets import PartEventManager
from partsite.statements import Inserted

from .part import Part


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

    # Indexes below begin with part and with actor; keys are hardly ever deleted.
    part = models.ForeignKey(
        Part, on_delete=models.CASCADE, related_name="events", db_index=False
    )
    at = models.DateTimeField(default=timezone.now)
    actor_name = models.CharField(max_length=100, blank=True, default="")
    actor = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    api_key = models.ForeignKey(
        ApiKey,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
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
            # Read backwards: what is newest is then written at its end.
            models.Index(fields=["at", "id"], name="partevent_by_time"),
            models.Index(fields=["part", "-at", "-id"], name="partevent_timeline"),
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
