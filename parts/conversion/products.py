"""Read what a STEP file calls the part in it, without the CAD kernel."""

import re
from typing import BinaryIO

_READ_BYTES = 4 * 1024 * 1024  # from either end; some systems write products last
_PRODUCT = re.compile(rb"#\d+\s*=\s*PRODUCT\s*\(\s*'([^']*+(?:''[^']*+)*+)'")
_CODED = re.compile(
    r"''|\\\\|\\S\\(?P<high>.)|\\X\\(?P<latin>[0-9A-F]{2})|\\P.\\|\\N\\"
    r"|\\X2\\(?P<two>(?:[0-9A-F]{4})+)\\X0\\|\\X4\\(?P<four>(?:[0-9A-F]{8})+)\\X0\\"
)
# What no person wrote: CAD systems' names for parts that were never named.
_NOT_A_NAME = re.compile(
    r"(?:part|body|bauteil|pi[eè]ce|component|product|solid|shape|assembly|design|"
    r"unnamed|untitled|unbenannt|root|default|none|document|compound|shell)"
    r"[\s_-]*(?:studio)?[\s_-]*\d*|open cascade step translator.*|[\W\d_]*",
    re.IGNORECASE,
)
_CAD_SUFFIX = re.compile(
    r"\.(?:sldprt|sldasm|ipt|iam|prt|asm|catpart|catproduct|par|psm|f3d|3dm|fcstd"
    r"|x_t|step|stp)(?:\.\d+)?$",
    re.IGNORECASE,
)
# “Part Studio 1 - Hook”, as Onshape calls its exports, and “Hook (2)” of a browser.
_EXPORTED = re.compile(r"^part studio \d+ - |\s*\(\d+\)$", re.IGNORECASE)


def product_name(file: BinaryIO, size_bytes: int) -> str:
    """Return the name of the one product in a STEP ``file``, or ``""``.

    Only the first and last 4 MB are looked at. An assembly has many products, and
    its file's name tells more than the name of any of them.
    """
    file.seek(0)
    text = file.read(_READ_BYTES)
    if size_bytes > _READ_BYTES:
        file.seek(max(_READ_BYTES, size_bytes - _READ_BYTES))
        text += file.read(_READ_BYTES)
    file.seek(0)
    names = {match[1] for match in _PRODUCT.finditer(text)}
    return readable(decode(names.pop())) if len(names) == 1 else ""


def decode(raw: bytes) -> str:
    """Return a STEP string in text: ``\\X2\\00FC\\X0\\`` is ``ü``.

    Source: ISO 10303-21:2016, 6.4.3. Systems that write UTF-8 or Latin-1 as it is
    are understood too.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return _CODED.sub(_decoded, text)


def readable(name: str) -> str:
    """Return the name as a person would write it, ``""`` if no person chose it."""
    name = _CAD_SUFFIX.sub("", name.strip())
    name = _EXPORTED.sub("", name.replace("_", " "))
    name = "".join(c if c.isprintable() else " " for c in name)
    name = " ".join(name.split())
    return "" if _NOT_A_NAME.fullmatch(name) else name


def _decoded(match: re.Match) -> str:
    if match["high"]:
        return chr((ord(match["high"]) + 128) % 256)
    if match["latin"]:
        return chr(int(match["latin"], 16))
    if match["two"]:
        return bytes.fromhex(match["two"]).decode("utf-16-be", errors="replace")
    if match["four"]:
        return bytes.fromhex(match["four"]).decode("utf-32-be", errors="replace")
    return {"''": "'", "\\\\": "\\"}.get(match[0], "")
