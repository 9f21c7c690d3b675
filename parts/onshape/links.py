"""Where a link leads: to the tab of a drawing in the Onshape that we know, or not."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.utils.translation import gettext as _

from parts.errors import LinkRefused

_DEFAULT_PORTS = {"https": 443, "http": 80}
_ID = "[0-9a-fA-F]{24}"
_PATH = re.compile(
    rf"/documents/(?P<document>{_ID})/(?P<wvm>[wvm])/(?P<wvm_id>{_ID})"
    rf"/e/(?P<element>{_ID})/?"
)
# What urlsplit() drops, or browsers read in another way than it does.
_TRICKS = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True)
class Link:
    """The tab of a drawing in a workspace (``w``), version (``v``) or microversion."""

    document: str
    wvm: str
    wvm_id: str
    element: str


def parse_link(address: str, url: str) -> Link:
    """Return what the Onshape link ``address`` leads to.

    Args:
        url: the Onshape that this server knows; a link anywhere else is refused.
    Raises:
        LinkRefused: another host, or not the tab of a document.
    """
    if not address:
        raise _refused(
            _(
                "This part has no Onshape link. Give it the address of its "
                "drawing's tab."
            )
        )
    known = split(url)
    try:
        parts = split(address)
        is_known = origin(parts) == origin(known)
    except ValueError:
        is_known = False
    if not is_known:
        raise _refused(
            _(
                "The Onshape link of this part does not lead to %(site)s, the only "
                "place this server fetches drawings from."
            )
            % {"site": f"{known.scheme}://{known.netloc}"}
        )
    found = _PATH.fullmatch(parts.path)
    if not found:
        raise _refused(
            _(
                "The Onshape link of this part does not lead to a tab. Open the "
                "drawing in Onshape and copy its whole address: "
                "/documents/…/w/…/e/…"
            )
        )
    return Link(**found.groupdict())


def split(url: str) -> SplitResult:
    """Split an address in which nothing pretends to be something else."""
    if _TRICKS.search(url):
        raise ValueError("An address has no blanks and no backslashes.")
    parts = urlsplit(url)
    if "@" in parts.netloc or "%" in parts.netloc:
        raise ValueError("An address has a host, and no user.")
    return parts


def origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)


def is_of(home: SplitResult, there: SplitResult) -> bool:
    """Whether an address belongs to the Onshape that the keys are of."""
    return origin(there) == origin(home) or (
        home.scheme == there.scheme == "https"
        and f".{home.hostname}".endswith(".onshape.com")
        and f".{there.hostname}".endswith(".onshape.com")
    )


def _refused(message: str) -> LinkRefused:
    return LinkRefused(message, field="onshapeUrl")
