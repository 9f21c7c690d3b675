"""A form that shows a secret makes one, however often it is sent."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import get_random_string

from partsite.ratelimit import Limit

# No session lasts longer.
_FORM_SENT = Limit("form-sent", burst=1, every_seconds=settings.SESSION_COOKIE_AGE)


def is_sent_before(request: HttpRequest) -> bool:
    """Whether this very form, by its field ``ticket``, came before; it counts now."""
    ticket = request.POST.get("ticket") or get_random_string(22)
    return bool(_FORM_SENT.wait_seconds(str(request.user.pk), ticket))
