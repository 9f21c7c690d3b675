"""What is written about a part, field by field, and which of it a reader may change."""

from dataclasses import dataclass
from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from parts import workflow
from parts.models import Part, Type

LABELS = {
    "amount": _("Amount"),
    "type": _("How"),
    "service_method": _("Supplier"),
    "material": _("Material"),
    "material_thickness": _("Thickness"),
    "due_date": _("Due"),
    "priority": _("Priority"),
    "subsystem": _("Subsystem"),
    "reviewer": _("Reviewed by"),
    "storage_location": _("Lies at"),
    "onshape_url": _("Onshape"),
}
# A step writes them; everything else here is an edit.
_OF_STEPS = {"reviewer", "storage_location"}


@dataclass(frozen=True)
class Field:
    """One line of what is to be made; ``value`` is empty if nothing is written."""

    name: str
    label: str | Promise
    value: str | int | date | None
    is_editable: bool


def fields_of(part: Part, reader: User) -> list[Field]:
    """List the fields that are filled, and those that ``reader`` may fill."""
    fields = [
        Field(name, label, _value(part, name), _is_editable(part, name, reader))
        for name, label in LABELS.items()
    ]
    return [each for each in fields if each.is_editable or each.value]


def _value(part: Part, name: str) -> str | int | date | None:
    display = getattr(part, f"get_{name}_display", None)
    return display() if display else getattr(part, name)


def _is_editable(part: Part, name: str, reader: User) -> bool:
    if name in _OF_STEPS or not reader.can_work:
        return False
    if name in workflow.LEADS_ONLY and not reader.can_lead:
        return False
    if name == "service_method":
        return part.type == Type.MISC or bool(part.service_method)
    return True
