"""Views of boards that people keep."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User


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
