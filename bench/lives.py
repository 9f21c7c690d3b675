"""Invented parts with a whole life each: what the benchmark's shop is made of.

``live(number)`` gives the same part on every machine and in a shop of any size.
Nothing here knows the database; ``seed.py`` writes what is invented here.
"""

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

SEED = 20260115
FIRST_DAY = datetime(2021, 1, 4, 8, tzinfo=UTC)
BETWEEN_PARTS = timedelta(minutes=25)  # 100 000 parts are five years

LEADS = ("Lena Krüger", "Marcus Webb", "Priya Raman")
# As people write themselves, which no search may stumble over.
MEMBERS = (
    "Zoë Núñez",
    "Łukasz Żak",
    "Søren Ølgaard",
    "Ольга Петрова",
    "佐藤 美咲",
    "İpek Yılmaz",
    "Björn Weiß",
    "Sam",
    "Alex O'Neill",
    "Jordan Lee",
    "Taylor Brooks",
    "Mei-Ling Chen",
    "Diego Fernández",
    "Fatima al-Sayed",
    "Noah Fischer",
    "Emma Johansson",
    "Liam Murphy",
    "Ava Rossi",
    "Kofi Mensah",
    "Hana Kim",
)
SEASONS = ("2021–2024", "2025", "2026 Kestrel")

_SUBSYSTEMS = (
    "Drivetrain",
    "Intake",
    "Shooter",
    "Climber",
    "Elevator",
    "Bumpers",
    "Electronics",
    "Wrist",
    "Superstructure",
    "Pit cart",
    "Führung",
    "Прототип",
)
_MATERIALS = {
    "6061-T6": ("0.25 in", "1/8 in", "3/16", "0.090", "6.35 mm"),
    "5052-H32": ("0.090 in", "1/16 in", "2.3 mm"),
    "7075-T6": ("0.5 in", "12.7 mm"),
    "Polycarbonate": ("1/4 in", "1/8 in", "6mm"),
    "Delrin": ("1 in", "25.4 mm"),
    "Steel 4130": ("0.065", "1.65 mm"),
    "Baltic birch": ("1/2 in", "12 mm"),
    "PLA": ("",),
    "Onyx": ("",),
}
_THINGS = (
    "plate",
    "bracket",
    "gusset",
    "shaft",
    "spacer",
    "hub",
    "roller",
    "tube",
    "cover",
    "pulley",
    "standoff",
    "hook",
    "mount",
    "rail",
    "Führungsschiene",
    "Лицевая панель",
    "ブラケット",
    "tôle d’appui",
)
_WORDS = (
    "left",
    "right",
    "upper",
    "lower",
    "inner",
    "outer",
    "front",
    "rear",
    "gearbox",
    "bearing",
    "motor",
    "sensor",
    "belt",
    "chain",
    "camera",
)
_SENTENCES = (
    "Deburr all edges before you hand it on.",
    "Ream the bearing bore to 1.125 in; check with the gauge.",
    "Tapped holes are 10-32, 0.5 in deep.",
    "Leave the tabs on, they are filed off later.",
    "Mirror of the other side — watch the countersinks!",
    "Löcher erst nach dem Biegen bohren (Maß 4,2 mm).",
    "50% infill & 4 walls; orient flat side \\down\\.",
    'Ask "the other" team for stock if ours is gone 🙂',
    "Zoë knows the fixture.",
    "See the drawing_rev_2 for tolerances.",
)
_PLACES = ("Shelf A3", "Shelf B1", "Bin 12", "Pit cart", "Schrank Ö", "Robot")
_REASONS = ("The hole pattern does not fit.", "No drawing.", "Wrong material?")
_DISTINCT_FILES = 997  # as in a real shop, many parts share a bracket


@dataclass(frozen=True)
class File:
    """A STEP file that was converted long ago."""

    revision: int
    name: str
    sha256: str
    at: datetime
    by: str


@dataclass(frozen=True)
class Event:
    """A line of the history, as ``workflow`` would have written it."""

    verb: str
    at: datetime
    by: str
    changes: dict[str, list] = field(default_factory=dict)
    note: str = ""
    revision: int | None = None


@dataclass
class Life:
    """A part as it is now, and how it came there.

    ``part`` holds its columns, but for keys to other tables; ``season`` is an
    index of ``SEASONS`` or None.
    """

    part: dict[str, Any]
    season: int | None
    files: list[File] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def live(number: int) -> Life:
    """Return the part with this number, 1 or more."""
    return _Living(number).through()


def member_of(number: int) -> str:
    return MEMBERS[number % len(MEMBERS)]


class _Living:
    """One part on its way: each method takes one step of its life."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.chance = Random(SEED * 1_000_003 + number)
        self.now = FIRST_DAY + number * BETWEEN_PARTS
        self.designer = self._anybody()
        self.life = self._created()

    def through(self) -> Life:
        """Live up to where chance lets it stand."""
        chance = self.chance
        if chance.random() < 0.7:
            self._uploaded()
        if chance.random() < 0.12:
            self._sent_back()
            if chance.random() < 0.3:
                return self._whole()
        if chance.random() < 0.09:
            return self._whole()  # waits for its review
        self._approved()
        fate = chance.random()
        if fate > 0.22:
            self._made(is_finished=fate > 0.34)
        if chance.random() < 0.01:
            self._trashed()
        return self._whole()

    # --- Steps ------------------------------------------------------------------

    def _created(self) -> Life:
        chance, number = self.chance, self.number
        unique = uuid.UUID(int=chance.getrandbits(128), version=4)
        subsystem = chance.choice(_SUBSYSTEMS)
        material = chance.choice(list(_MATERIALS))
        type_ = chance.choices(("cnc", "hand", "misc"), (62, 26, 12))[0]
        part = {
            "id": number,
            "uuid": unique,
            "code": f"P-{number:05}" if chance.random() < 0.05 else str(unique)[:8],
            "type": type_,
            "name": self._name(),
            "subsystem": subsystem,
            "material": material,
            "material_thickness": chance.choice(_MATERIALS[material]),
            "amount": chance.choices((1, 2, 4, 8, 25), (50, 25, 15, 8, 2))[0],
            "priority": chance.choices((0, 1, 2, 3), (5, 75, 15, 5))[0],
            "due_date": None,
            "notes": self._notes(),
            "onshape_url": "",
            "service_method": "",
            "category": "review",
            "status": "Pending",
            "assigned": "",
            "extra": {},
            "created_at": self.now,
        }
        if chance.random() < 0.4:
            part["due_date"] = (self.now + timedelta(days=14)).date()
        if chance.random() < 0.3:
            part["onshape_url"] = f"https://cad.onshape.com/documents/{unique.hex}"
        if type_ == "misc" and chance.random() < 0.5:
            part["service_method"] = chance.choice(("SendCutSend", "Härterei Müller"))
        if chance.random() < 0.05:
            part["extra"] = {"finish": 'anodised "black"', "batch": number % 7}
        season = None if chance.random() < 0.1 else min(number // 20_000, 2)
        events = [Event("created", self.now, self.designer)]
        return Life(part, season, events=events)

    def _uploaded(self) -> None:
        chance = self.chance
        for revision in range(1, 2 + (chance.random() < 0.12)):
            self._wait(hours=2)
            which = (self.number * 7 + revision) % _DISTINCT_FILES
            digest = hashlib.sha256(f"file {which}".encode()).hexdigest()
            name = f"{chance.choice(_THINGS)}_{which}.step"
            self.life.files.append(
                File(revision, name, digest, self.now, self.designer)
            )
            self._take(
                "uploaded",
                self.designer,
                {"file": name},
                note="step",
                revision=revision,
            )

    def _sent_back(self) -> None:
        self._wait(hours=20)
        reason = self.chance.choice(_REASONS)
        self._take("sent_back", self._lead(), {"blocked_reason": reason}, note=reason)
        if self.chance.random() < 0.8:
            self._wait(hours=20)
            self._take("resubmitted", self.designer, {"blocked_reason": ""})

    def _approved(self) -> None:
        self._wait(hours=24)
        lead = self._lead()
        self._take(
            "approved",
            lead,
            {
                "category": self.life.part["type"],
                "status": "Reviewed",
                "reviewer": lead,
                "approved_at": self.now,
                "blocked_reason": "",
            },
            note="Mind the bore." if self.chance.random() < 0.1 else "",
            revision=self._revision,
        )

    def _made(self, *, is_finished: bool) -> None:
        """Be claimed, once or several times, and perhaps be finished."""
        chance = self.chance
        for last in (*(False for _ in range(chance.choice((0, 0, 0, 1, 2)))), True):
            worker = self._anybody()
            self._wait(hours=30)
            self._assigned(worker)
            if not last or (not is_finished and chance.random() < 0.3):
                self._wait(hours=6)
                self._unclaimed(worker)
        if is_finished:
            self._wait(hours=chance.choice((1, 3, 7, 20, 60)))
            self._completed(worker)

    def _assigned(self, worker: str) -> None:
        part = self.life.part
        name = worker
        if self.chance.random() < 0.05:  # as a lead has typed it
            name = worker.upper() if self.number % 2 else worker.lower()
        changes = {
            "assigned": name,
            "claimed_date": self.now,
            "claimed_revision": self._revision or 0,
            "claimed_drawing": 0,
            "status": "In Progress",
        }
        self._take("assigned", worker, changes, revision=self._revision)
        if part["type"] == "hand":
            workers = part["extra"].get("handWorkers", [])
            noted = {"name": name, "timestamp": self.now.isoformat()}
            part["extra"] = {**part["extra"], "handWorkers": [*workers, noted]}

    def _unclaimed(self, worker: str) -> None:
        changes = {
            "assigned": "",
            "claimed_date": None,
            "claimed_revision": None,
            "claimed_drawing": None,
            "status": "Already Started",
        }
        self._take("unclaimed", worker, changes)

    def _completed(self, worker: str) -> None:
        chance, part = self.chance, self.life.part
        place = chance.choice(_PLACES) if chance.random() < 0.8 else ""
        changes = {
            "category": "completed",
            "status": "Completed",
            "completed_at": self.now,
            "made": part["amount"],
            "blocked_reason": "",
        }
        if place:
            changes["storage_location"] = place
        self._take("completed", worker, changes, note=place, revision=self._revision)
        if chance.random() < 0.04:
            self._wait(hours=48)
            reason = "Mirrored."
            changes = {"completed_incorrectly": True, "wrong_reason": reason}
            self._take("marked_wrong", self._lead(), changes, note=reason)

    def _trashed(self) -> None:
        self._wait(hours=100)
        self._take("trashed", self._lead(), {"deleted_at": self.now})

    # --- How a step is taken ------------------------------------------------------

    def _take(
        self,
        verb: str,
        by: str,
        changes: dict[str, Any],
        note: str = "",
        revision: int | None = None,
    ) -> None:
        """Change the part and write the event, as ``workflow.taking.take`` does."""
        part = self.life.part
        told = {}
        for name, value in changes.items():
            before = part.get(name, _UNSET.get(name, ""))
            if before != value:
                told[name] = [_plain(before), _plain(value)]
            part[name] = value
        event = Event(verb, self.now, by, told, note, revision)
        self.life.events.append(event)

    def _whole(self) -> Life:
        self.life.part["updated_at"] = self.life.events[-1].at
        return self.life

    @property
    def _revision(self) -> int | None:
        return self.life.files[-1].revision if self.life.files else None

    def _wait(self, hours: float) -> None:
        self.now += timedelta(seconds=round(self.chance.uniform(60, hours * 3600), 3))

    def _anybody(self) -> str:
        # A few people do most of the work.
        return MEMBERS[int(len(MEMBERS) * self.chance.random() ** 2)]

    def _lead(self) -> str:
        return self.chance.choice(LEADS)

    def _name(self) -> str:
        chance = self.chance
        words = [chance.choice(_WORDS), chance.choice(_THINGS)]
        if chance.random() < 0.5:
            words.insert(0, chance.choice(_WORDS))
        name = " ".join(words)
        if chance.random() < 0.3:
            name += f" {chance.randint(1, 40)}"
        if chance.random() < 0.03:
            name += " für Zoë"
        return name.capitalize() if name.isascii() else name

    def _notes(self) -> str:
        chance = self.chance
        kind = chance.random()
        if kind < 0.5:
            return ""
        count = 120 if kind > 0.995 else chance.randint(1, 4)
        return "\n".join(chance.choice(_SENTENCES) for _ in range(count))


_UNSET = {
    "approved_at": None,
    "claimed_date": None,
    "claimed_revision": None,
    "claimed_drawing": None,
    "completed_at": None,
    "completed_incorrectly": False,
    "deleted_at": None,
    "made": 0,
}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
