"""What pages know of their reader."""

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def cookie_path() -> str:
    """Return the path that the site's cookies keep to."""
    return settings.SESSION_COOKIE_PATH
