"""What pages know of their reader."""

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def cookie_path() -> str:
    """Return the path that cookies of the site's scripts keep to."""
    return f"{settings.BASE_PATH}/"
