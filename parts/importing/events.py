"""The history that a foreign row tells of: what scores and times are read from."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from parts.models import Category, PartEvent, PartFile, Verb

from .mending import Row
from .standing import MARK, TAG_LENGTH, plain

NOTE = "Imported from another server"
NOTE_AGAIN = "Imported again: it had changed on the other server"


def created(row: Row, mark: str) -> PartEvent:
    return PartEvent(
        part_id=row.id,
        verb=Verb.CREATED,
        at=row.fields["created_at"],
        changes={MARK: ["", mark]},
        note=NOTE,
    )


def updated(
    part_id: int, changes: dict[str, list], marks: list[str], at: datetime
) -> PartEvent:
    return PartEvent(
        part_id=part_id,
        verb=Verb.EDITED,
        at=at,
        changes={**changes, MARK: marks},
        note=NOTE_AGAIN,
    )


def uploads(
    files: Iterable[PartFile],
    *,
    before: str = "",
    at: datetime | None = None,
    latest: datetime | None = None,
) -> list[PartEvent]:
    """Tell of each file.

    Args:
        before: the name of the file that was current before them.
        at: when they came; by default each as old as it is, but for ``latest``.
    """
    history = []
    for file in files:
        tag = file.sha256[:TAG_LENGTH]
        event = PartEvent(
            part_id=file.part_id,
            verb=Verb.UPLOADED,
            at=at or min(file.uploaded_at, latest),
            revision=file.revision,
            changes={"file": [before, file.name], MARK: ["", tag]},
            note=file.kind,
        )
        history.append(event)
        before = file.name
    return history


def work(row: Row, known: Iterable[PartEvent] = ()) -> list[PartEvent]:
    """Return who had the part and when it was finished, without the ``known`` ones."""
    known = list(known)
    told = {_key(event) for event in known}
    holders = {_holder(event) for event in known}
    return [
        event
        for event, is_timed in _work(row)
        if _key(event) not in told and (is_timed or _holder(event) not in holders)
    ]


def _work(row: Row) -> Iterator[tuple[PartEvent, bool]]:
    """Yield each event, and whether its time is known."""
    fields = row.fields
    for worker in row.workers:
        if worker.at:
            yield _assigned(row, worker.name, worker.at), True
    assigned, claimed_at = fields["assigned"], fields["claimed_date"]
    is_told = row.workers and row.workers[-1].name.casefold() == assigned.casefold()
    is_claimed = claimed_at or fields["category"] != Category.REVIEW
    if assigned and is_claimed and not is_told:
        at = claimed_at or fields["completed_at"] or fields["updated_at"]
        event = _assigned(row, assigned, at)
        if claimed_at:
            event.changes["claimed_date"] = [None, plain(claimed_at)]
        yield event, bool(claimed_at)
    if finished_at := fields["completed_at"]:
        lane = fields["type"] or Category.HAND
        storage = fields["storage_location"]
        yield (
            PartEvent(
                part_id=row.id,
                verb=Verb.COMPLETED,
                at=finished_at,
                actor_name=assigned,
                changes={
                    "category": [str(lane), str(Category.COMPLETED)],
                    "completed_at": [None, plain(finished_at)],
                    **({"storage_location": ["", storage]} if storage else {}),
                },
                note=storage,
            ),
            True,
        )


def _assigned(row: Row, name: str, at: datetime) -> PartEvent:
    return PartEvent(
        part_id=row.id,
        verb=Verb.ASSIGNED,
        at=at,
        actor_name=name,
        changes={"assigned": ["", name]},
    )


def _key(event: PartEvent) -> tuple:
    return event.verb, event.at, _holder(event)


def _holder(event: PartEvent) -> str:
    return event.changes.get("assigned", ["", ""])[1].casefold()
