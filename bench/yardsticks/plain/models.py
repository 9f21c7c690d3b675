"""The tables that a list of parts is read from."""

from django.db import models


class Season(models.Model):
    name = models.CharField(max_length=60)

    class Meta:
        managed = False
        db_table = "parts_season"

    def __str__(self) -> str:
        return self.name


class File(models.Model):
    thumbnail = models.CharField(max_length=200)

    class Meta:
        managed = False
        db_table = "parts_partfile"

    def __str__(self) -> str:
        return self.thumbnail


class Part(models.Model):
    uuid = models.UUIDField()
    code = models.CharField(max_length=100)
    type = models.CharField(max_length=10)
    name = models.CharField(max_length=200)
    subsystem = models.CharField(max_length=100)
    material = models.CharField(max_length=200)
    material_thickness = models.CharField(max_length=50)
    amount = models.PositiveIntegerField()
    assigned = models.CharField(max_length=100)
    status = models.CharField(max_length=20)
    category = models.CharField(max_length=10)
    notes = models.TextField()
    file = models.CharField(max_length=255)
    onshape_url = models.URLField(max_length=500)
    extra = models.JSONField()
    reviewer = models.CharField(max_length=100)
    service_method = models.CharField(max_length=200)
    completed_incorrectly = models.BooleanField()
    completed_at = models.DateTimeField(null=True)
    claimed_date = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    priority = models.SmallIntegerField(
        choices=[(0, "low"), (1, "normal"), (2, "high"), (3, "urgent")]
    )
    due_date = models.DateField(null=True)
    made = models.PositiveIntegerField()
    scrapped = models.PositiveIntegerField()
    storage_location = models.CharField(max_length=200)
    blocked_reason = models.CharField(max_length=500)
    season = models.ForeignKey(Season, models.PROTECT, null=True)
    current_step = models.ForeignKey(File, models.PROTECT, null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "parts"

    def __str__(self) -> str:
        return self.name
