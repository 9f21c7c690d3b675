"""What looks wrong with a part that waits for review, in words.

Findings are hints for whoever decides: they forbid nothing. What cannot be read for
certain is passed over, since a warning that is often false is read by nobody.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Units
from partsite.compiled import Unmade

from .measures import written
from .models import Category, Conversion, Part, PartFile, Type
from .thickness import MM_PER_INCH, thickness_mm


class Severity(TextChoices):
    """WRONG as a rule has to be put right, CHECK may be meant, NOTE is good to know."""

    WRONG = "wrong"
    CHECK = "check"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong.

    ``wish`` is what is asked of whoever handed the part in, if it is sent back for
    it; ``address`` is where to look.
    """

    kind: str
    severity: Severity
    sentence: str
    wish: str = ""
    address: str = ""


@dataclass(frozen=True)
class Twin:
    """Another part whose current file is the same; ``others`` are further ones."""

    part: Part
    others: int


_ROUND = re.compile(
    r"\b(round|rod|bar|hex|dia|diam|diameter|od|shaft|block|billet|square|sq|dowel)\b"
    r"|[øØ⌀]",
    re.I,
)
_HOLLOW = re.compile(r"\b(tub(e|ing)|pipe|channel|angle|profile|extrusion)\b", re.I)
_WALL = re.compile(r"\bwall\b", re.I)
_TIMES = re.compile(r"\s*[x×]\s*", re.I)

# Stock and models of one nominal size differ by this: 0.063 and 1/16 in.
_SAME_MM = 0.1
_SAME_SHARE = 0.03
# Of its box, what a solid block or bar fills and nothing bent, hollow or tilted does.
_SOLID_SHARE = 0.6
_TOO_THICK = 1.1


def of(part: Part, twin: Twin | None = None) -> list[Finding]:
    """Return what looks wrong with ``part``, the worst first.

    Args:
        twin: from ``twins``.
    """
    order = list(Severity)
    found = [*_of_file(part), *_of_words(part), *_of_model(part), *_of_twin(twin)]
    return sorted(found, key=lambda finding: order.index(finding.severity))


def twins(hashes: Mapping[int, set[str]]) -> dict[int, Twin]:
    """Find, in one query, which other parts have the same file as each of some.

    Args:
        hashes: of the current files of each of them, by its id.
    """
    wanted = set().union(*hashes.values()) if hashes else set()
    if not wanted:
        return {}
    holders: dict[str, list[Unmade]] = {}
    for file in PartFile.objects.current_among(wanted):
        holders.setdefault(file["sha256"], []).append(file)
    found = {}
    for pk, own in hashes.items():
        for sha256 in own:
            others = [f for f in holders.get(sha256, []) if f["part_id"] != pk]
            if others:
                found[pk] = Twin(others[0].make().part, others[0]["holders"] - 2)
    return found


def _of_file(part: Part) -> Iterable[Finding]:
    step, drawing = part.current_step, part.current_drawing
    if step and step.state == Conversion.FAILED:
        yield Finding(
            "not-converted",
            Severity.WRONG,
            _("The STEP file could not be converted. %(error)s")
            % {"error": step.error},
            _("The STEP file cannot be read. Export it again."),
        )
    elif not step and not drawing:
        yield Finding(
            "no-file",
            Severity.NOTE if part.type == Type.MISC else Severity.WRONG,
            _("There is no file, only an Onshape link.")
            if part.onshape_url
            else _("There is no file."),
            _("Upload the STEP file."),
        )
    elif not step and part.type == Type.CNC:
        yield Finding(
            "no-step-file",
            Severity.CHECK,
            _("There is a drawing, but no STEP file."),
            _("Upload the STEP file."),
        )


def _of_words(part: Part) -> Iterable[Finding]:
    if not part.type:
        yield Finding(
            "no-type",
            Severity.CHECK,
            _("It does not say how it is made; approved, it goes to the Hand lane."),
            _("Say how it is made: CNC, by hand, or bought."),
        )
    is_bought = part.type == Type.MISC and (part.service_method or not part.file)
    if not part.material and not is_bought:
        yield Finding(
            "no-material",
            Severity.WRONG,
            _("The material is missing."),
            _("Say which material."),
        )


def _of_model(part: Part) -> Iterable[Finding]:
    step = part.current_step
    facts = (step and step.facts) or {}
    if not facts or step.state != Conversion.DONE:
        return
    for warning in facts.get("warnings", []):
        yield Finding("read-in-part", Severity.WRONG, warning, warning)
    pieces, kinds = _pieces(facts)
    if pieces > 1:
        yield _assembly(pieces, kinds)
    elif (facts.get("solids") or 0) > 1:
        yield Finding(
            "solids",
            Severity.CHECK,
            _("The model holds %(count)s separate solids.")
            % {"count": facts["solids"]},
            _("Hand in each solid as a part of its own."),
        )
    else:
        yield from _of_thickness(part, facts)
    if facts.get("closed") is False:
        yield Finding(
            "open",
            Severity.NOTE,
            _("The surface of the model is not closed, so its volume is not known."),
            _("The surface of the model is not closed. Export it as a solid."),
        )


def _pieces(facts: dict) -> tuple[int, int]:
    """Return how many parts the model has in all, and how many different ones."""
    items = facts.get("items") or []
    return sum(item["count"] for item in items), len(items)


def _assembly(pieces: int, kinds: int) -> Finding:
    sentence = _("The model is an assembly of %(pieces)s parts.")
    if kinds < pieces:
        sentence = ngettext(
            "The model is an assembly of %(pieces)s equal parts.",
            "The model is an assembly of %(pieces)s parts of %(kinds)s kinds.",
            kinds,
        )
    return Finding(
        "assembly",
        Severity.CHECK,
        sentence % {"pieces": pieces, "kinds": kinds},
        _("Hand in each part of the assembly by itself."),
    )


def _of_thickness(part: Part, facts: dict) -> Iterable[Finding]:
    said, box = part.material_thickness, facts.get("box_mm") or [0, 0, 0]
    sheet = facts.get("thickness_mm")
    if not said:
        if sheet and part.type != Type.MISC:
            yield Finding(
                "no-thickness",
                Severity.CHECK,
                _("The thickness is missing; the model measures %(measured)s.")
                % {"measured": f"{_length(sheet, Units.INCHES)} ({_length(sheet)})"},
                _("Say how thick the material is."),
            )
        return
    stated = stated_mm(said)
    if stated is None or _is_same(stated, min(box)):
        return  # a pocket may be the thinnest wall, but the stock is right
    if sheet and not _ROUND.search(said):
        if not _is_same(stated, sheet):
            yield _thickness(said, stated, sheet)
    elif not sheet and _is_block(facts) and min(box) > _TOO_THICK * stated:
        yield _thickness(said, stated, min(box))


def stated_mm(said: str) -> float | None:
    """Read the thickness of the material; of tube, that of its wall.

    None where it cannot be told: “2 in tube” does not say how thick its wall is.
    """
    sizes = _TIMES.split(said)
    if _HOLLOW.search(said) and not _WALL.search(said):
        # 2 x 1 x 1/8 in: the wall is the last of three.
        return thickness_mm(sizes[2]) if len(sizes) == 3 else None
    return thickness_mm(said)


def _thickness(said: str, stated: float, measured: float) -> Finding:
    system = Units.MILLIMETRES if "mm" in said.lower() else Units.INCHES
    words = {"said": said, "measured": _length(measured, system)}
    sentence = _("Thickness says %(said)s, the model measures %(measured)s.") % words
    if any(math.isclose(measured / stated, x, rel_tol=_SAME_SHARE) for x in _SLIPS):
        sentence += " " + _("It may have been exported in the wrong unit.")
    wish = _(
        "Thickness says %(said)s, but the model measures %(measured)s. "
        "Put right whichever is wrong."
    )
    return Finding("thickness", Severity.WRONG, sentence, wish % words)


_SLIPS = (MM_PER_INCH, 1 / MM_PER_INCH)


def _is_same(one: float, other: float) -> bool:
    return abs(one - other) <= max(_SAME_MM, _SAME_SHARE * one)


def _is_block(facts: dict) -> bool:
    volume = facts.get("volume_mm3")
    return bool(volume) and volume > _SOLID_SHARE * math.prod(facts["box_mm"])


def _length(mm: float, system: str = Units.MILLIMETRES) -> str:
    return written(mm, "length", system)


def _of_twin(twin: Twin | None) -> Iterable[Finding]:
    if twin is None:
        return
    code = twin.part.code
    if twin.others:
        sentence = ngettext(
            "Same file as part %(code)s and %(count)s other.",
            "Same file as part %(code)s and %(count)s others.",
            twin.others,
        )
    elif twin.part.category == Category.COMPLETED:
        sentence = _("Same file as part %(code)s, which is completed.")
    else:
        sentence = _("Same file as part %(code)s.")
    yield Finding(
        "same-file",
        Severity.CHECK,
        sentence % {"code": code, "count": twin.others},
        _("It is the same file as part %(code)s. Upload the right one.")
        % {"code": code},
        twin.part.get_absolute_url(),
    )
