"""Parts and what is shown with them.

Nothing migrates them: they are read from the site's tables, and where they are
written ``tables`` makes their own.
"""

import uuid

from django.db import models


class Season(models.Model):
    name = models.CharField(max_length=60, unique=True)
    archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "parts_season"

    def __str__(self) -> str:
        return self.name


class File(models.Model):
    thumbnail = models.CharField(max_length=200)

    class Meta:
        db_table = "parts_partfile"

    def __str__(self) -> str:
        return self.thumbnail


class Part(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.CharField(max_length=100, blank=True, default="")
    type = models.CharField(max_length=10, blank=True, default="")
    name = models.CharField(max_length=200, blank=True, default="")
    subsystem = models.CharField(max_length=100)
    material = models.CharField(max_length=200)
    material_thickness = models.CharField(max_length=50, blank=True, default="")
    amount = models.PositiveIntegerField(default=1)
    assigned = models.CharField(max_length=100, blank=True, default="")
    status = models.CharField(max_length=20, default="Pending")
    category = models.CharField(max_length=10, default="review")
    notes = models.TextField(blank=True, default="")
    file = models.CharField(max_length=255, blank=True, default="")
    onshape_url = models.URLField(max_length=500, blank=True, default="")
    extra = models.JSONField(default=dict)
    reviewer = models.CharField(max_length=100, blank=True, default="")
    service_method = models.CharField(max_length=200, blank=True, default="")
    completed_incorrectly = models.BooleanField(default=False)
    completed_at = models.DateTimeField(null=True)
    claimed_date = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    priority = models.SmallIntegerField(
        choices=[(0, "low"), (1, "normal"), (2, "high"), (3, "urgent")], default=1
    )
    due_date = models.DateField(null=True)
    made = models.PositiveIntegerField(default=0)
    scrapped = models.PositiveIntegerField(default=0)
    storage_location = models.CharField(max_length=200, blank=True, default="")
    blocked_reason = models.CharField(max_length=500, blank=True, default="")
    season = models.ForeignKey(Season, models.PROTECT, null=True)
    current_step = models.ForeignKey(File, models.PROTECT, null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "parts"

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs) -> None:
        self.code = self.code or str(self.uuid)[:8]
        super().save(*args, **kwargs)
