"""Notes as people read them: addresses and codes of parts become links."""

import re
from collections.abc import Iterator, Mapping

from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

from parts.models import Part

LONGEST = 48
MOST_CODES = 50

_ADDRESS = r"(?P<address>(?:https?://|www\.)[^\s<>\"“”]+)"
_MAIL = r"(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
# Numbered, and of more than one piece: 26-301, PN_12.4; every other word is a word.
_CODE = r"(?P<code>(?<![\w/.@-])(?=[\w.-]*\d)\w+(?:[-.]\w+)+(?![\w@-]))"
_LINKS = re.compile(f"{_ADDRESS}|{_MAIL}|{_CODE}", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\n\s*\n")


def linked(part: Part) -> SafeString:
    """Return the notes of ``part`` as paragraphs of HTML; at most one query."""
    text = part.notes.replace("\r\n", "\n").strip()
    if not text:
        return SafeString("")
    addresses = _addresses_of(_codes_in(text), part)
    paragraphs = _PARAGRAPH.split(text)
    return format_html_join(
        "\n", "<p>{}</p>", ((_lines(each, addresses),) for each in paragraphs)
    )


def shortened(address: str) -> str:
    """Leave out the middle of a long address; its ends tell what it is."""
    bare = re.sub(r"^https?://(www\.)?", "", address).rstrip("/")
    if len(bare) <= LONGEST:
        return bare
    head = LONGEST * 2 // 3
    return f"{bare[:head]}…{bare[head + 1 - LONGEST :]}"


def _codes_in(text: str) -> list[str]:
    found = dict.fromkeys(
        match["code"] for match in _LINKS.finditer(text) if match["code"]
    )
    return list(found)[:MOST_CODES]


def _addresses_of(codes: list[str], part: Part) -> dict[str, Part]:
    if not codes:
        return {}
    others = Part.objects.live().exclude(pk=part.pk).filter(code__in=codes)
    # Two parts may bear one code; the newer one is meant as a rule.
    return {other.code: other for other in others.only("code", "name").order_by("pk")}


def _lines(paragraph: str, parts: Mapping[str, Part]) -> SafeString:
    lines = paragraph.strip("\n").split("\n")
    joined = ("".join(_pieces(line, parts)) for line in lines)
    pieces = (SafeString(line) for line in joined)  # nosec B703 - each is escaped
    return format_html_join(SafeString("<br>"), "{}", ((piece,) for piece in pieces))


def _pieces(line: str, parts: Mapping[str, Part]) -> Iterator[str]:
    """Yield a line in pieces of safe HTML."""
    end = 0
    for match in _LINKS.finditer(line):
        yield conditional_escape(line[end : match.start()])
        yield _link(match, parts)
        end = match.end()
    yield conditional_escape(line[end:])


def _link(match: re.Match, parts: Mapping[str, Part]) -> str:
    if match["address"]:
        address, rest = _without_stop(match["address"])
        target = address if "://" in address else f"https://{address}"
        link = format_html(
            '<a href="{}" title="{}" rel="noopener nofollow" target="_blank">{}</a>',
            target,
            target,
            shortened(address),
        )
        return link + conditional_escape(rest)
    if match["mail"]:
        return format_html('<a href="mailto:{0}">{0}</a>', match["mail"])
    code = match["code"]
    if code not in parts:
        return conditional_escape(code)
    other = parts[code]
    return format_html(
        '<a href="{}" title="{}">{}</a>', other.get_absolute_url(), other, code
    )


def _without_stop(address: str) -> tuple[str, str]:
    """Split off what belongs to the sentence around an address."""
    bare = address.rstrip(".,;:!?'’”*")
    while bare.endswith(")") and bare.count(")") > bare.count("("):
        bare = bare[:-1].rstrip(".,;:!?")
    return bare, address[len(bare) :]
