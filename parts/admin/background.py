"""What of the background work leads see: the tasks that broke."""

from django.contrib import admin
from django_q.admin import FailAdmin
from django_q.models import Failure, OrmQ, Schedule, Success

# Leads see what failed and can run it again. A schedule names any function of
# the server, so writing one would be running code; queue and successes help
# nobody here.
for _model in (Schedule, Success, Failure, OrmQ):
    if admin.site.is_registered(_model):  # the queue is not, when it is in Redis
        admin.site.unregister(_model)


@admin.register(Failure)
class FailureAdmin(FailAdmin):
    """Tasks that broke; what is wrong with a file stands at the file instead."""

    list_display = ["name", "func", "stopped", "short_result"]
    list_filter = ["func"]
    fields = ["name", "func", "started", "stopped", "attempt_count", "result"]

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def get_readonly_fields(self, request, obj=None) -> list[str]:
        return self.fields
