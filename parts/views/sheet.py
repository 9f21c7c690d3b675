"""What the printed sheet of a part has beside what its page shows."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

import segno
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from parts.models import Part

MOST_BOXES = 20
HASH_SHOWN = 12
_MASK = 2


@lru_cache(maxsize=500)
def _code(address: str) -> SafeString:
    """Return the address as a QR code, an SVG that fills its box."""
    # Any mask can be read; to find the one that is read best takes a fifth of what
    # the whole page costs.
    image = segno.make_qr(address, error="m", mask=_MASK)
    # Nothing but lines: no text of anybody is in it.
    return SafeString(image.svg_inline(omitsize=True, border=0))  # nosec B703


@dataclass(frozen=True)
class Sheet:
    part: Part
    request: HttpRequest

    @cached_property
    def address(self) -> str:
        return self.request.build_absolute_uri(self.part.get_absolute_url())

    @property
    def code(self) -> SafeString:
        return _code(self.address)

    @property
    def boxes(self) -> range | None:
        """A number for every piece to tick off, unless they are too many."""
        return (
            range(1, self.part.amount + 1) if self.part.amount <= MOST_BOXES else None
        )

    @cached_property
    def printed_at(self) -> datetime:
        return timezone.localtime()

    @property
    def files(self) -> list[tuple]:
        """Each current file with the beginning of its hash."""
        files = (self.part.current_step, self.part.current_drawing)
        return [(file, file.sha256[:HASH_SHOWN]) for file in files if file]
