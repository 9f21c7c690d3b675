"""Whether whoever works on a row still lives."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

# Machines' clocks differ a little. What is further ahead was written before a clock
# was set back, and would count as alive until then.
_CLOCKS_DIFFER = timedelta(minutes=1)


def silent_for(age: timedelta) -> Q:
    """Match rows without a ``heartbeat_at`` of the last ``age``."""
    now = timezone.now()
    return Q(heartbeat_at__lt=now - age) | Q(heartbeat_at__gt=now + _CLOCKS_DIFFER)
