"""Every named read of files: those of parts, and those not yet handed in."""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber

from partsite.compiled import Among, Compiled, Slot, Unmade

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from accounts.models import User
    from parts.models import PartFile


class PartFileManager(models.Manager):
    def get_by_natural_key(self, part: str, kind: str, revision: int) -> "PartFile":
        return self.get(part__uuid=part, kind=kind, revision=revision)

    def with_hashes(self, hashes: "Iterable[str]") -> models.QuerySet:
        """List the files of live parts with one of these SHA-256, newest first."""
        files = self.filter(sha256__in=hashes, part__deleted_at=None)
        return files.select_related("part").order_by("-pk")

    def current_among(self, hashes: Iterable[str]) -> list[Unmade]:
        """List, for each hash, two of the parts whose current file has it.

        Rows with ``sha256``, the columns of ``part``, and in ``holders`` how many
        there are.
        """
        current = _current_among(self.model)
        return [Unmade(row, current) for row in current.rows(hashes=list(hashes))]


class DraftFileQuerySet(models.QuerySet):
    def sent_for(
        self, part_uuids: "Iterable[UUID]", *, owner: "User"
    ) -> "DraftFileQuerySet":
        """List what ``owner`` sent for these parts, oldest first."""
        files = self.filter(owner=owner, part_uuid__in=part_uuids)
        return files.select_related("owner").order_by("pk")

    def older_than(self, moment: "datetime") -> "DraftFileQuerySet":
        return self.filter(sent_at__lt=moment)


@cache
def _current_among(model: type["PartFile"]) -> Compiled:
    of_one_hash = {"partition_by": "sha256"}
    files = (
        model.objects.filter(
            Q(part__current_step=F("pk")) | Q(part__current_drawing=F("pk")),
            Among("sha256", Slot("hashes", models.CharField())),
            part__deleted_at=None,
        )
        .annotate(
            place=Window(RowNumber(), order_by="part_id", **of_one_hash),
            holders=Window(Count("pk"), **of_one_hash),
        )
        .filter(place__lte=2)
        .select_related("part")
        .only("sha256", "part__code", "part__category")
    )
    return Compiled(files)
