"""What a part's file tells about the part, to be offered to who hands it in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.utils.translation import gettext as _

from accounts.models import Units

from . import thickness
from .conversion.products import readable
from .measures import rounded, trimmed
from .models import Part, StoredFile, Type

# A plate's thickness is the shortest side of its box; a folded sheet's is not.
_FLAT_SHARE = 0.02
_SAME_SHARE = 0.002


@dataclass(frozen=True)
class Guess:
    """A value for a field of the part, and why it is likely."""

    field: str
    value: str
    why: str


def guesses(
    file: StoredFile,
    product: str = "",
    *,
    system: str = Units.MILLIMETRES,
    written: Sequence[str] = (),
) -> list[Guess]:
    """Return what ``file`` tells by now: its name at once, its measures later.

    Args:
        product: what the file calls the part in it.
        system: the units of whoever hands it in.
        written: how the team writes thicknesses, to be written alike.
    """
    found = []
    if name := name_of(file, product):
        said = _("The part’s name in the file.") if product else _("The file’s name.")
        found.append(Guess("name", name, said))
    facts = file.facts or {}
    thickness_mm = facts.get("thickness_mm")
    if not thickness_mm:
        return found
    if is_plate(facts):
        why = _("One thickness all over, so it looks like a plate.")
        found.append(Guess("type", Type.CNC.value, why))
    measured = in_words(thickness_mm, system=system, written=written)
    found.append(Guess("material_thickness", measured, _("Measured in the file.")))
    return found


def name_of(file: StoredFile, product: str = "") -> str:
    """Return the product's name, else that of the file, as a person would write it.

    Files are often named in small letters, parts are not.
    """
    stem = PurePosixPath(file.name).stem
    name = product or readable(stem) or " ".join(stem.replace("_", " ").split())
    if name.islower():
        name = name[:1].upper() + name[1:]
    return name[: Part._meta.get_field("name").max_length]


def is_plate(facts: dict) -> bool:
    """Whether it is one flat piece of one thickness."""
    thickness_mm, box = facts.get("thickness_mm"), facts.get("box_mm")
    if not thickness_mm or not box or facts.get("solids") != 1:
        return False
    return abs(min(box) - thickness_mm) <= _FLAT_SHARE * thickness_mm


def in_words(
    thickness_mm: float,
    *,
    system: str = Units.MILLIMETRES,
    written: Sequence[str] = (),
) -> str:
    """Write a thickness as the team does, else in the unit in which it is round.

    Parts of one thickness are then found and loaded together.
    """
    for words in written:
        known_mm = thickness.thickness_mm(words)
        if known_mm and math.isclose(known_mm, thickness_mm, rel_tol=_SAME_SHARE):
            return words
    inches = thickness_mm / thickness.MM_PER_INCH
    if _is_multiple(thickness_mm, 0.5, 0.002):
        return _number(thickness_mm, 1, "mm")
    if _is_multiple(inches, 0.005, 0.0002) or _is_multiple(inches, 1 / 64, 0.0002):
        return _number(inches, 4, "in")
    if system == Units.INCHES:
        return _number(inches, 3, "in")
    return _number(thickness_mm, 2, "mm")


def _is_multiple(value: float, of: float, within: float) -> bool:
    return abs(value - round(value / of) * of) <= within


def _number(value: float, places: int, unit: str) -> str:
    return f"{trimmed(rounded(value, places))} {unit}"
