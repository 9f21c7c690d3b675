"""How thick a material is, read from what people write: “1/4 in”, “6.35 mm”, “.090”."""

import math
import re
import unicodedata

MM_PER_INCH = 25.4
_UNITS = {
    **dict.fromkeys(
        ("mm", "millimeter", "millimeters", "millimetre", "millimetres"), 1.0
    ),
    "cm": 10.0,
    **dict.fromkeys(("in", "inch", "inches", '"', "''"), MM_PER_INCH),
    "thou": MM_PER_INCH / 1000,
}
_QUANTITY = re.compile(
    r"""(?<![\w.,/-])
    (?:
      (?:(?P<whole>\d+)[ -]+)?(?P<top>\d+)[ ]?/[ ]?(?P<bottom>\d+)
      | (?P<number>\d+(?:[.,]\d+)?|[.,]\d+)
    )
    [ ]?-?(?P<unit>millimet(?:er|re)s?\b|mm\b|cm\b|thou\b|in(?:ch(?:es)?)?\b|"|'')?
    """,
    re.VERBOSE,
)
# Two ways to write one thickness agree within this share: 0.25 in and 6.4 mm.
_SAME = 0.02


def thickness_mm(text: str) -> float | None:
    """Read a thickness; None where ``text`` says none, or not just one.

    Without a unit a fraction and a number below 1 are inches, as on a list of
    stock; any other could be either. Gauges depend on the material and are
    not read. “0.25 in (6.35 mm)” is one thickness, “1/8 x 1 in” is two.
    """
    text = _plain(text)
    sizes = [_size_mm(match) for match in _QUANTITY.finditer(text)]
    rest = _QUANTITY.sub(" ", text)
    if not sizes or None in sizes or any(letter.isdigit() for letter in rest):
        return None
    if re.search(r"\bga(uge|ge)?\b|#", rest):
        return None
    first = sizes[0]
    if all(math.isclose(first, size, rel_tol=_SAME) for size in sizes):
        return round(first, 4)
    return None


def thickness_key(text: str) -> float | str:
    """Return what is equal for the same thickness, however it is written."""
    size = thickness_mm(text)
    return _plain(text) if size is None else round(size, 2)


def _plain(text: str) -> str:
    """Return ``text`` with plain digits, slashes and inch marks, in small letters."""
    spaced = "".join(
        f" {letter}" if unicodedata.category(letter) == "No" else letter
        for letter in text  # 1¼ is not 11/4
    )
    plain = unicodedata.normalize("NFKC", spaced).lower()
    for mark in ("\u2032\u2032", "\u201c", "\u201d"):
        plain = plain.replace(mark, '"')
    return " ".join(plain.replace("\u2044", "/").split())


def _size_mm(match: re.Match[str]) -> float | None:
    if match["number"]:
        size = float(match["number"].replace(",", "."))
    else:
        bottom = int(match["bottom"])
        size = int(match["whole"] or 0) + (bottom and int(match["top"]) / bottom)
    unit = match["unit"]
    if unit is None and not match["top"] and size >= 1:
        return None
    return size * (_UNITS[unit] if unit else MM_PER_INCH) or None
