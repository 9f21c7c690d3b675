"""Measures in words, in the unit of whoever reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from accounts.models import Units, User

from .thickness import MM_PER_INCH


@dataclass(frozen=True)
class Unit:
    """A unit and how a number of it is written.

    ``places`` are decimals, all of them written if ``is_fixed``; without them a
    number has three figures.
    """

    sign: str
    size: float  # in mm, mm² or mm³
    places: int | None = None
    is_fixed: bool = False


UNITS = {
    "length": {
        Units.MILLIMETRES: Unit("mm", 1, places=3),
        Units.INCHES: Unit("in", MM_PER_INCH, places=3, is_fixed=True),
    },
    "area": {
        Units.MILLIMETRES: Unit("cm²", 100, is_fixed=True),
        Units.INCHES: Unit("in²", MM_PER_INCH**2, is_fixed=True),
    },
    "volume": {
        Units.MILLIMETRES: Unit("cm³", 1000, is_fixed=True),
        Units.INCHES: Unit("in³", MM_PER_INCH**3, is_fixed=True),
    },
}


def units_of(reader: User) -> tuple[str, str]:
    """Return the system of units that ``reader`` thinks in, and the other one."""
    if reader.units == Units.INCHES:
        return Units.INCHES, Units.MILLIMETRES
    return Units.MILLIMETRES, Units.INCHES


def written(
    value: float | Sequence[float],
    quantity: str,
    system: str,
    *,
    is_signed: bool = False,
) -> str:
    """Write a measure, or the sides of a box, with its unit: 203.2 × 76.2 mm.

    Args:
        value: in mm, mm² or mm³.
        quantity: length, area or volume.
        is_signed: it is a difference: +0.5 mm, −2 mm.
    """
    unit = UNITS[quantity][system]
    values = value if isinstance(value, Sequence) else [value]
    numbers = [number(each / unit.size, unit, is_signed=is_signed) for each in values]
    return f"{' × '.join(numbers)} {unit.sign}"


def number(value: float, unit: Unit, *, is_signed: bool = False) -> str:
    places = _figures(value) if unit.places is None else unit.places
    text = rounded(abs(value), places)
    if not unit.is_fixed:
        text = trimmed(text)
    if not any(digit in text for digit in "123456789"):
        return text
    plus = "+" if is_signed else ""
    return f"{'−' if value < 0 else plus}{text}"


def rounded(value: float, places: int) -> str:
    """Write ``value`` to ``places`` decimals, a half going up, as people round."""
    step = Decimal(1).scaleb(-places)  # 3.175 as a float lies below the half
    return f"{Decimal(repr(float(value))).quantize(step, ROUND_HALF_UP):f}"


def trimmed(text: str) -> str:
    """Leave out zeros behind the point that say nothing."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _figures(value: float) -> int:
    return 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
