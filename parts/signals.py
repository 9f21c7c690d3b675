"""The one signal: a saved STEP file leads to a model, whichever way it came in."""

from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver

from . import tasks
from .models import Conversion, DraftFile, PartFile


@receiver(post_save, sender=PartFile, dispatch_uid="enqueue_conversion")
def enqueue_conversion(instance: PartFile, **kwargs) -> None:
    if instance.state == Conversion.QUEUED:
        # The file is safe already: a queue that is away for a moment must not
        # make the upload look failed. The worker's rescue finds the row.
        transaction.on_commit(lambda: tasks.enqueue(instance.pk), robust=True)


@receiver(post_save, sender=DraftFile, dispatch_uid="enqueue_draft")
def enqueue_draft(instance: DraftFile, **kwargs) -> None:
    if instance.state == Conversion.QUEUED:
        transaction.on_commit(lambda: tasks.enqueue_draft(instance.pk), robust=True)
