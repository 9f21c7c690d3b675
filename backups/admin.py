"""The backups as leads see them: what was made, where it lies, what failed."""

from django.contrib import admin
from django.template.defaultfilters import filesizeformat

from .models import Backup


@admin.register(Backup)
class BackupAdmin(admin.ModelAdmin):
    list_display = ["started_at", "reason", "archive", "size", "parts", "files"]
    list_display += ["error"]
    list_filter = ["reason"]
    readonly_fields = [field.name for field in Backup._meta.fields]

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    @admin.display(description="archive", ordering="path")
    def archive(self, backup: Backup) -> str:
        return backup.path.rpartition("/")[2]

    @admin.display(description="size", ordering="size_bytes")
    def size(self, backup: Backup) -> str:
        return filesizeformat(backup.size_bytes) if backup.size_bytes else ""
