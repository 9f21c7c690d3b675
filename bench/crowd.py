"""A whole shop at once: people with open boards, people at work, files that come in.

What a browser would do is read off the pages' scripts: each open page asks every few
seconds whether there is anything new (``static/js/live.js``) and is read again where
that concerns it; a step is a form, and its answer the page as it is then
(``steps.js``); a file is sent before the part is handed in (``hand-in.js``).
"""

import itertools
import json
import math
import os
import re
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from . import client, lives, processes, workload
from .client import Answer, Sample, Turn, Visit
from .conversion import step_files, unlike
from .figures import figures, percentile
from .rounds import Cell, Results, Say
from .sites import ON_POSTGRES, ROOT, Shop, Site, Visitor
from .targets import Target

LOOKING, WORKING, UPLOADING = 200, 50, 10
PEOPLE = LOOKING + WORKING + UPLOADING
SECONDS = 300
# In which all come and open their pages, before that begins.
COMING_SECONDS = 60
PAGE_P95_MS = 500
# Those of a site that is set up as ever: here nobody is to come near them.
LIMITS = {
    "API_READS_PER_MINUTE": "600",
    "API_WRITES_PER_MINUTE": "120",
    "API_UPLOADS_PER_MINUTE": "30",
}
_BOARDS = {
    "/": "page: what waits for me",
    "/review/": "page: review",
    "/production/": "page: production",
    "/production/?category=cnc": "page: one lane of it",
    "/completed/": "page: completed",
}
_PART = "page: a part"
# What ten people have open.
_OPEN = (
    *("/production/", "/production/?category=cnc", "/review/", "/", "/production/"),
    *("/completed/", "/production/?category=cnc", "/review/", "/", "a part"),
)
NEWS, STEP, FORM = "anything new?", "step, by its form", "page: to hand in"
HAND_IN, FILE, DRAFTS = "hand in, by its form", "STEP file", "how far is my file?"
PICTURE, READ, WRITE = "picture", "script reads", "script writes"
MODEL = "STEP file until its model is there"
# The order in which they stand in the table.
_ROWS = (
    *(NEWS, *_BOARDS.values(), _PART, FORM, STEP, HAND_IN, FILE, DRAFTS, MODEL),
    *(PICTURE, READ, WRITE),
)
_GOOD = frozenset({200, 201, 204, 302, 304})
_PAUSE_SECONDS = (7, 13)  # between one thing that somebody does and the next
_SCRIPTS_PAUSE_SECONDS = (1, 3)
# static/js/hand-in.js
_FIRST_LOOK_SECONDS, _LATER = 0.9, 1.4
_PICTURE_BYTES = 20_000
_PICTURES_SEEN = 12

Doing = Generator[Turn, Answer | None, None]


def _said_seconds(name: str) -> float:
    """Return what a time is in the script of an open page."""
    script = (ROOT / "static" / "js" / "live.js").read_text()
    number = re.search(rf"\b{name} = ([\d_]+);", script)[1]
    return int(number.replace("_", "")) / 1000


@dataclass
class Outcome:
    """What is told of a run beside its answers."""

    troubles: list[str] = field(default_factory=list)
    model_seconds: list[float] = field(default_factory=list)
    lost_races: int = 0


@dataclass(frozen=True)
class _Page:
    """A page as far as its scripts read it."""

    html: str
    version: str
    stages: frozenset[str]
    parts: frozenset[str]
    files: str

    @classmethod
    def of(cls, answer: Answer) -> "_Page":
        html = answer.body.decode()
        version = re.search(r' data-version="([^"]+)"', html)
        stages = re.search(r' data-stages="([^"]*)"', html)
        shown = re.findall(r' data-converting="([^"]+)" data-was="([^"]+)"', html)
        return cls(
            html,
            version[1] if version else "",
            frozenset(stages[1].split() if stages else ()),
            frozenset(re.findall(r' data-part="(\d+)"', html)),
            ",".join(map(":".join, dict.fromkeys(shown))),
        )

    @property
    def token(self) -> str:
        return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.html)[1]

    @property
    def pictures(self) -> list[str]:
        """Return those of the first screens: a browser leaves the others for later."""
        found = re.findall(r' src="(/api/parts/\d+/thumbnail[^"]+)"', self.html)
        return found[:_PICTURES_SEEN]

    def offered(self, step: str) -> list[str]:
        """Return the ids of the parts that this step is offered for."""
        return re.findall(rf' action="/parts/(\d+)/{step}/"', self.html)

    def is_concerned(self, news: dict) -> bool:
        return (
            news["everything"]
            or news["files"]
            or any(
                part in self.parts or stage in self.stages
                for part, stage in news["parts"].items()
            )
        )


class Person:
    """Somebody in front of a browser, with one page open."""

    def __init__(
        self, visitor: Visitor, address: str, chance: Random, outcome: Outcome
    ) -> None:
        self.address = address
        self.chance = chance
        self.outcome = outcome
        self.page: _Page | None = None
        self._cookies = dict([visitor.cookie.split("=", 1)])
        self._etag = ""
        self._seen: set[str] | None = None
        self._every_seconds = _said_seconds("EVERY_MS")
        self._slowest_seconds = _said_seconds("SLOWEST_MS")
        self._wished_seconds = 0.0  # by the site, between two questions

    def open(self, address: str | None = None, *, at: float = 0.0) -> Doing:
        """Open a page, or read the open one anew."""
        self.address = address or self.address
        answer = yield Turn(self.get(self.address), _name(self.address), at)
        if not self.took(answer):
            return
        self.page = _Page.of(answer)
        self._etag = self.page.version
        yield from self._look_at_pictures()

    def look(self, *, until: float = 0.0) -> Doing:
        """Leave the page open until then, or for ever."""
        while True:
            every = max(self._every_seconds, self._wished_seconds)
            pause = min(every, self._slowest_seconds) * self.chance.uniform(0.9, 1.1)
            at = time.perf_counter() + pause
            if until and at > until:
                return
            yield from self._ask_for_news(at)

    def step(self, part: str, step: str, told: dict[str, str], *, at: float) -> Doing:
        """Press a button on the open page."""
        path = f"/parts/{part}/{step}/"
        answer = yield Turn(self.post(path, told), STEP, at)
        yield from self.follow(answer)

    def follow(self, answer: Answer | None) -> Doing:
        if self.took(answer) and answer.status == 302:
            location = answer.headers(b"location")[0].decode()
            yield from self.open(location.partition("#")[0])

    def get(self, path: str, headers: dict[str, str] | None = None) -> bytes:
        return client.request("GET", path, self._headers | (headers or {}))

    def post(self, path: str, told: dict[str, str]) -> bytes:
        body = urlencode(self._told(told)).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return client.request("POST", path, self._headers | kind, body)

    def send(
        self, path: str, told: dict[str, str], file: tuple[str, bytes] | None = None
    ) -> bytes:
        """Return the request of a form that may hold a file."""
        files = {"file": file} if file else {}
        headers, body = client.form(self._told(told), files)
        return client.request("POST", path, self._headers | headers, body)

    def took(self, answer: Answer | None) -> bool:
        """Keep what an answer has the browser keep; return whether it is a good one."""
        if answer is None or answer.status not in _GOOD:
            return False
        for cookie in answer.headers(b"set-cookie"):
            name, _, value = cookie.decode().partition(";")[0].partition("=")
            self._cookies[name] = value.strip('"')
            if value in {"", '""'}:
                del self._cookies[name]
        where = [said.decode() for said in answer.headers(b"location")]
        if any(said.startswith("/account/") for said in where):
            self.outcome.troubles.append(f"signed out, to {where[0]}")
            return False
        return True

    def pause(self) -> float:
        """Return when somebody who is at work does the next thing."""
        return time.perf_counter() + self.chance.uniform(*_PAUSE_SECONDS)

    @property
    def _headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        return {"Accept": "text/html", "Accept-Language": "en", "Cookie": cookies}

    def _told(self, told: dict[str, str]) -> dict[str, str]:
        own = {"csrfmiddlewaretoken": self.page.token, "next": self.address}
        return own | told

    def _ask_for_news(self, at: float) -> Doing:
        path = f"/parts/live/?files={self.page.files if self.page else ''}"
        request = self.get(path, {"If-None-Match": f'"{self._etag}"'})
        answer = yield Turn(request, NEWS, at)
        wished = answer.headers(b"retry-after") if answer else []
        self._wished_seconds = float(wished[0]) if wished else 0.0
        if not self.took(answer) or answer.status != 200:
            return
        self._etag = answer.headers(b"etag")[0].decode().strip('"')
        if self.page is None or self.page.is_concerned(json.loads(answer.body)):
            yield from self.open()

    def _look_at_pictures(self) -> Doing:
        """Get those that are new: the first page's are in the browser already."""
        pictures = set(self.page.pictures)
        for path in sorted(pictures - self._seen) if self._seen is not None else ():
            self.took((yield Turn(self.get(path), PICTURE)))
        self._seen = pictures | (self._seen or set())


def _name(address: str) -> str:
    path = address.partition("#")[0]
    if path == "/parts/new/":
        return FORM
    return _BOARDS.get(path, _PART)


# --- What people do -----------------------------------------------------------------


def _opened(person: Person) -> Visit:
    """Have a page open."""
    yield from person.open(at=_soon(person))
    yield from person.look()


def _at_work(person: Person, work: Callable[[Person, float], Doing]) -> Visit:
    """Have a board open, and do something every ten seconds."""
    board = person.address
    yield from person.open(at=_soon(person))
    while True:
        at = person.pause()
        yield from person.look(until=at)
        if person.page is not None:
            yield from work(person, at)
        if person.address != board:
            yield from person.open(board)


def _make(person: Person, at: float) -> Doing:
    """Finish what is in hand, or take another part."""
    mine = person.page.offered("unclaim")
    if mine:
        where = {"storage": person.chance.choice(("Shelf A3", "Bin 12", "Schrank Ö"))}
        yield from person.step(person.chance.choice(mine), "complete", where, at=at)
    elif free := person.page.offered("assign"):
        yield from person.step(person.chance.choice(free), "assign", {}, at=at)
        if person.page and " is yours." not in person.page.html:
            person.outcome.lost_races += 1


def _review(person: Person, at: float) -> Doing:
    """Approve a part, or send it back."""
    waiting = person.page.offered("approve")
    if not waiting:
        return
    part = person.chance.choice(waiting)
    if person.chance.random() < 0.2:
        told = {"reason": "The hole pattern does not fit."}
        yield from person.step(part, "send-back", told, at=at)
    else:
        yield from person.step(part, "approve", {}, at=at)


def _design(person: Person, at: float) -> Doing:
    """Hand a part in, without a file."""
    yield from person.open("/parts/new/", at=at)
    told = _described(person.chance)
    answer = yield Turn(person.send("/parts/new/", told), HAND_IN, person.pause())
    yield from person.follow(answer)


def _upload(person: Person, files: Iterator[tuple[str, bytes]]) -> Visit:
    """Hand in one part after the other, each with its file, and wait for the model."""
    at = _soon(person)
    for name, content in files:
        yield from person.open("/parts/new/", at=at)
        at = 0.0
        if person.page is None:
            continue
        uuid = re.search(r' name="uuid" value="([^"]+)"', person.page.html)[1]
        request = person.send("/parts/new/files/", {"part": uuid}, (name, content))
        answer = yield Turn(request, FILE, person.pause())
        sent_at = time.perf_counter()
        if not person.took(answer):
            continue
        yield from _wait_for_draft(person, uuid, until=person.pause())
        told = {"rows": "", "uuid": uuid, "sent": uuid, **_described(person.chance)}
        answer = yield Turn(person.send("/parts/new/", told), HAND_IN)
        yield from person.follow(answer)
        while person.page and person.page.files:
            yield from person.look(until=time.perf_counter() + 10)
        if "data-viewer " not in (person.page.html if person.page else ""):
            person.outcome.troubles.append(f"no model of {name}")
        person.outcome.model_seconds.append(time.perf_counter() - sent_at)


def _wait_for_draft(person: Person, uuid: str, *, until: float) -> Doing:
    """Look how far the file is while the form is filled in."""
    pause = _FIRST_LOOK_SECONDS
    is_done = False
    while not is_done and time.perf_counter() + pause < until:
        request = person.get(f"/parts/new/files/?parts={uuid}")
        answer = yield Turn(request, DRAFTS, time.perf_counter() + pause)
        is_done = person.took(answer) and b"data-converting" not in answer.body
        pause *= _LATER


def _script(visitor: Visitor, shop: Shop, chance: Random) -> Visit:
    """Read a list, hand a part in, take it, finish it: a program with a key."""

    def turn(name: str, request: bytes) -> Turn:
        pause = chance.uniform(*_SCRIPTS_PAUSE_SECONDS)
        return Turn(request, name, time.perf_counter() + pause)

    own = Shop(shop.size, shop.folder, visitor.key, "", [])
    listed = client.request(
        "GET", "/api/parts/categories/cnc?limit=50", {"X-API-Key": own.key}
    )
    while True:
        yield turn(READ, listed)
        answer = yield turn(WRITE, workload.creates(own, 1, chance)[0])
        if answer is None or answer.status != 201:
            continue
        ids = [json.loads(answer.body)["id"]]
        yield turn(WRITE, workload.claims(own, ids, lives.member_of)[0])
        yield turn(WRITE, workload.completions(own, ids)[0])


def _described(chance: Random) -> dict[str, str]:
    part = lives.live(chance.randint(1, 1_000_000)).part
    return {
        "name": part["name"],
        "subsystem": part["subsystem"],
        "material": part["material"],
        "material_thickness": part["material_thickness"],
        "notes": part["notes"],
        "amount": str(part["amount"]),
        "type": part["type"],
    }


def _soon(person: Person) -> float:
    """Return when somebody comes: not all at one moment."""
    return time.perf_counter() + person.chance.uniform(0, COMING_SECONDS)


# --- All of them --------------------------------------------------------------------


def prepare(shop: Shop) -> None:
    """Give the seeded parts the pictures that their rows speak of."""
    hashes = {
        file.sha256
        for number in range(1, shop.size + 1)
        for file in lives.live(number).files
    }
    picture = os.urandom(_PICTURE_BYTES)  # nobody looks at it
    for sha256 in hashes:
        path = shop.folder / f"media/thumbnails/{sha256[:2]}/{sha256}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)


def measure(
    site: Site, folder: Path, *, seconds: float, say: Say
) -> tuple[list[Target], Results]:
    """Let the crowd loose on a running site, with STEP files of ``folder``."""
    outcome = Outcome()
    before = _spent(site)
    own_before, began = time.process_time(), time.perf_counter()
    all_there = began + COMING_SECONDS
    samples = client.converse(
        site.address,
        _everybody(site.shop, folder, outcome),
        since=all_there,
        until=all_there + seconds,
        good=_GOOD,
    )
    took = time.perf_counter() - began
    for name, spent in _spent(site).items():
        share = (spent - before[name]) / took
        say(f"{site.kind}: {name} took {100 * share:.0f} % of a core")
    say(f"the crowd itself: {100 * (time.process_time() - own_before) / took:.0f} %")
    say(f"{outcome.lost_races} came too late for a part")
    errors = [*outcome.troubles, *_logged(site)]
    errors += [error for sample in samples.values() for error in sample.errors]
    for error in errors[:20]:
        say(f"error: {error}")
    samples[MODEL] = Sample(took, outcome.model_seconds)
    return _targets(site, samples, errors), {
        Cell(name, site.kind, site.shop.size): figures([sample], math.nan)
        for name, sample in samples.items()
    }


def in_order(results: Results) -> Results:
    """Sort the rows of all sites as they are read best."""
    return dict(sorted(results.items(), key=lambda row: _ROWS.index(row[0].ask)))


def _spent(site: Site) -> dict[str, float]:
    """Return the processor time so far, also of processes that came meanwhile."""
    web = {*site.web}
    pids = {
        "web": web,
        "worker": {*processes.tree(site.pid)} - web,
        "database": {*site.paid} - web,
    }
    return {name: processes.cpu_seconds(some) for name, some in pids.items()}


def _everybody(shop: Shop, folder: Path, outcome: Outcome) -> Iterator[Visit]:
    leads = [one for one in shop.visitors if one.role == "lead"]
    members = [one for one in shop.visitors if one.role == "member"]
    viewers = [one for one in shop.visitors if one.role == "viewer"]
    chances = map(Random, itertools.count())

    def person(people: list[Visitor], address: str) -> Person:
        return Person(people.pop(), address, next(chances), outcome)

    contents = [(path.name, path.read_bytes()) for path in step_files(folder)]
    for number in range(UPLOADING):
        yield _upload(person(members, ""), _never_seen(contents, number))
    for number in range(WORKING):
        kind = number % 10
        if kind < 4:
            lane = ("/production/", "/production/?category=cnc")[kind % 2]
            yield _at_work(person(members, lane), _make)
        elif kind < 6:
            yield _at_work(person(leads, "/review/"), _review)
        elif kind < 8:
            yield _at_work(person(members, "/"), _design)
        else:
            yield _script(leads.pop(), shop, next(chances))
    everybody_else = leads + members + viewers
    for number in range(LOOKING):
        chance = Random(-1 - number)
        address = _OPEN[number % len(_OPEN)]
        if address not in _BOARDS:
            address = f"/parts/{chance.choice(shop.ids)}/"
        yield _opened(Person(everybody_else.pop(), address, chance, outcome))


def _never_seen(
    contents: list[tuple[str, bytes]], number: int
) -> Iterator[tuple[str, bytes]]:
    chance = Random(number)
    for time_ in itertools.count():
        name, content = chance.choice(contents)
        yield name, unlike(content, f"{number} {time_}")


def _targets(site: Site, samples: dict[str, Sample], errors: list[str]) -> list[Target]:
    where = " on PostgreSQL" if site.kind == ON_POSTGRES else ""
    size = site.shop.size
    pages = sorted(
        seconds
        for name, sample in samples.items()
        if name.startswith("page")
        for seconds in sample.latencies
    )
    crowd = f"{LOOKING} look, {WORKING} work, {UPLOADING} upload{where}"
    p95_ms = 1000 * percentile(pages, 0.95) if pages else math.nan
    return [
        Target(f"{crowd}: errors", size, len(errors), at_most=0),
        Target(f"{crowd}: p95 of pages", size, p95_ms, at_most=PAGE_P95_MS, unit=" ms"),
    ]


def _logged(site: Site) -> list[str]:
    """Return the lines of the site's log that tell of a fault."""
    lines = (site.shop.folder / "log.txt").read_text().splitlines()
    return [line for line in lines if re.search(r"locked|ERROR|CRITICAL", line)]
