"""A rule of our own for passwords, beside Django's."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# What comes to mind first at this site (docs/security.md), with figures around it.
OBVIOUS = {
    "cadmodel",
    "cncmachine",
    "gearbox",
    "machine",
    "machinist",
    "machineshop",
    "makerspace",
    "onshape",
    "parts",
    "partsite",
    "partssystem",
    "partsystem",
    "robot",
    "robotics",
    "robots",
    "robotteam",
    "shop",
    "team",
    "workshop",
}


class NotObviousHere:
    """Refuse a word of this site alone: ``Robotics-2026!`` is the word ``robotics``."""

    def validate(self, password: str, user=None) -> None:
        if re.sub(r"[\W\d_]", "", password).lower() in OBVIOUS:
            raise ValidationError(
                _("This is the first thing to be guessed at a site like this one."),
                code="password_obvious_here",
            )

    def get_help_text(self) -> str:
        return _("It is no mere word of the workshop, such as “robotics” and a year.")
