"""What an open page asks every few seconds: has anything changed since I was read?

A page carries the version of the shop that it was read at, and a script asks
for the version now with a conditional GET. Nothing new is 304, for the price of
two short reads; else the answer says which parts changed, so that only those
pages read themselves again that show one of them, or would.
"""

from dataclasses import dataclass
from functools import cache
from hashlib import blake2s

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.views.decorators.http import require_safe

from accounts.models import User
from parts.models import DrawingFetch, PartEvent, PartFile, Season
from partsite import busy
from partsite.compiled import Compiled
from partsite.seen import only_reading

# Events are numbered when written and seen when committed, so on PostgreSQL an
# earlier number may appear after a later one: the last few are compared whole.
WINDOW = 20
MOST_PARTS = 100
MOST_FILES = 200


@dataclass(frozen=True)
class Version:
    """How far the shop's history is, and everything else that pages show.

    ``rest`` is unknown to a page that was just read.
    """

    last: int
    window: str
    rest: str = ""

    def __str__(self) -> str:
        return f"{self.last}-{self.window}-{self.rest}"


def page_version() -> Version:
    """Return the version of a page that is about to be read, before it is read."""
    ids = PartEvent.objects.newest_ids(WINDOW)
    return Version(max(ids, default=0), _digest(ids))


@require_safe
@only_reading
def live(request: HttpRequest) -> HttpResponse:
    """Tell what changed since the version in ``If-None-Match``.

    ``files`` names what the page shows as being converted or fetched, and the
    state it shows: ``12:queued,drawing-3:running``.

    ``parts`` of the answer maps the id of each changed part to where it stands
    now; ``everything`` says that the page is to be read again whatever it shows,
    and ``files`` that one of those named is in another state. ``Retry-After`` is
    how many seconds to wait until the next question, at least.
    """
    version = page_version()
    version = Version(version.last, version.window, _rest(request.user))
    known = _read(request.headers.get("If-None-Match", ""))
    files_differ = _differ(request.GET.get("files", ""))
    etag = f'"{version}"'
    if known == version and not files_differ:
        response = HttpResponseNotModified()
    else:
        parts = _changed_since(known, version)
        is_other = known is None or known.rest not in {"", version.rest}
        everything = is_other or parts is None
        response = JsonResponse(
            {"everything": everything, "parts": parts or {}, "files": files_differ}
        )
    response["ETag"] = etag
    response["Cache-Control"] = "no-store"
    if pause_seconds := busy.load.wished_pause_seconds():
        response["Retry-After"] = str(pause_seconds)
    return response


def _rest(user: User) -> str:
    """Sum up what pages show and the history does not tell."""
    return _digest([user.role, user.name, *_seasons().rows()])


@cache
def _seasons() -> Compiled:
    seasons = Season.objects.order_by("pk")
    return Compiled(seasons.values_list("pk", "name", "archived"))


def _read(header: str) -> Version | None:
    """Read a version that this module wrote; anything else is none."""
    last, *others = header.removeprefix("W/").strip('"').split("-")
    is_ours = len(others) == 2 and last.isascii() and last.isdigit() and len(last) < 19
    return Version(int(last), *others) if is_ours else None


def _changed_since(known: Version | None, now: Version) -> dict[int, str] | None:
    """Return the changed parts and where they stand; None if that cannot be said."""
    if known is None:
        return None
    if (known.last, known.window) == (now.last, now.window):
        return {}
    if _digest(PartEvent.objects.newest_ids(WINDOW, upto=known.last)) != known.window:
        return None
    parts = PartEvent.objects.parts_after(known.last)[: MOST_PARTS + 1]
    return dict(parts) if len(parts) <= MOST_PARTS else None


def _differ(shown: str) -> bool:
    """Whether a file, or a fetch of a drawing, is in another state than ``shown``."""
    pairs = [pair.partition(":") for pair in shown.split(",")[:MOST_FILES]]
    states = {name: state for name, _, state in pairs if name}
    now = {}
    if ids := _ids(states):
        files = PartFile.objects.filter(pk__in=ids, part__deleted_at=None)
        now |= {str(pk): state for pk, state in files.values_list("pk", "state")}
    if ids := _ids(states, "drawing-"):
        fetches = DrawingFetch.objects.filter(pk__in=ids, part__deleted_at=None)
        now |= {f"drawing-{pk}": s for pk, s in fetches.values_list("pk", "state")}
    return now != states


def _ids(names: dict[str, str], prefix: str = "") -> list[str]:
    bare = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    return [id_ for id_ in bare if id_.isascii() and id_.isdigit() and len(id_) < 19]


def _digest(values: list) -> str:
    return blake2s(repr(values).encode(), digest_size=6).hexdigest()
