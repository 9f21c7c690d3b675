"""What a part's file tells about the part, to be offered to who hands it in."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from django.utils.translation import gettext as _

from .conversion import readable
from .models import Part, StoredFile, Type

INCH_MM = 25.4
# A plate's thickness is the shortest side of its box; a folded sheet's is not.
_FLAT_SHARE = 0.02


@dataclass(frozen=True)
class Guess:
    """A value for a field of the part, and why it is likely."""

    field: str
    value: str
    why: str


def guesses(file: StoredFile, product: str = "") -> list[Guess]:
    """Return what ``file`` tells by now: its name at once, its measures later."""
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
    measured = in_words(thickness_mm)
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


def in_words(thickness_mm: float) -> str:
    """Write a thickness in the unit in which it is round: 0.25 in, 3 mm.

    >>> [in_words(mm) for mm in (6.35, 3.0, 2.286, 1.6, 1.5875, 2.2917)]
    ['0.25 in', '3 mm', '0.09 in', '1.6 mm', '0.0625 in', '2.29 mm']
    """
    inches = thickness_mm / INCH_MM
    if _is_multiple(thickness_mm, 0.5, 0.002):
        return _number(thickness_mm, 1, "mm")
    if _is_multiple(inches, 0.005, 0.0002) or _is_multiple(inches, 1 / 64, 0.0002):
        return _number(inches, 4, "in")
    return _number(thickness_mm, 2, "mm")


def _is_multiple(value: float, of: float, within: float) -> bool:
    return abs(value - round(value / of) * of) <= within


def _number(value: float, places: int, unit: str) -> str:
    return f"{f'{value:.{places}f}'.rstrip('0').rstrip('.')} {unit}"
