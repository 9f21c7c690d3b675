"""Every named read of what happened to parts."""

from functools import cache
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Case, Value, When
from django.utils.dateparse import parse_datetime

from partsite.compiled import Compiled, Slot

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User
    from parts.models import PartEvent

_FAR = 2**63 - 1


@cache
def _newest_ids(model: type["PartEvent"], count: int) -> Compiled:
    events = model.objects.filter(pk__lte=Slot("last", models.BigIntegerField()))
    return Compiled(events.order_by("-pk").values_list("pk")[:count])


class PartEventManager(models.Manager):
    def newest_ids(self, count: int, upto: int | None = None) -> list[int]:
        """Return the last ``count`` numbers, or the last that are at most ``upto``."""
        last = _FAR if upto is None else upto
        return [pk for (pk,) in _newest_ids(self.model, count).rows(last=last)]

    def parts_after(self, number: int) -> models.QuerySet:
        """List id and category of each part with a later event; "" in the trash."""
        place = Case(
            When(part__deleted_at=None, then="part__category"), default=Value("")
        )
        events = self.filter(pk__gt=number).order_by()
        return events.values_list("part_id", place).distinct()

    def parts_handed_in_by(self, user: "User | Slot") -> models.QuerySet:
        """List the ids of the parts that ``user`` handed in."""
        return self.filter(actor=user, verb="created").order_by().values("part")

    def since(self, moment: "datetime") -> models.QuerySet:
        """List what happened after ``moment``, oldest first."""
        return self.filter(at__gt=moment).order_by("at", "id")

    def get_by_natural_key(self, part: str, at: str, verb: str) -> "PartEvent":
        return self.get(part__uuid=part, at=parse_datetime(at), verb=verb)
