"""Bring stored files from one storage to another, while the site is in use.

What a file is called is its content's hash, so nothing is ever copied over something
else, and a copy is right exactly when its bytes have the hash that its name says.
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path, PurePosixPath

from django.core.files import File

from partsite.names import Names
from partsite.objectstore import ObjectStorage
from partsite.storage import ContentStorage

from . import inventory
from .uploads import is_named_after, is_ours

Storage = ContentStorage | ObjectStorage

_AT_ONCE = 8
_BATCH = 500


class Outcome(Enum):
    COPIED = "copied"
    THERE = "there already"
    GONE = "deleted meanwhile"
    DAMAGED = "damaged at the source"
    WRONG = "wrong at the target"


@dataclass
class Moved:
    """What a move did; ``troubles`` are names with what is wrong with each."""

    counts: dict[Outcome, int] = field(
        default_factory=lambda: dict.fromkeys(Outcome, 0)
    )
    copied_bytes: int = 0
    deleted: int = 0
    troubles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _One:
    name: str
    outcome: Outcome
    size_bytes: int = 0
    is_deleted: bool = False


def move(
    source: Storage,
    target: Storage,
    journal: Path,
    *,
    is_deleting: bool = False,
    tell: Callable[[Moved], None] = lambda moved: None,
) -> Moved:
    """Copy every file that ``target`` has not, and read each copy again to check it.

    Args:
        journal: lists what was checked, so that a move that was broken off goes on
            where it was. A name counts only while its file is there.
        is_deleting: delete from ``source`` what is checked.
        tell: is called now and then with what has been done so far.
    """
    moved = Moved()
    names = sorted(_ours(source))
    there = set(_whole(target))
    checked = there & _read(journal)
    one = partial(_move_one, source, target, there, checked, is_deleting)
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.open("a") as notes, ThreadPoolExecutor(_AT_ONCE) as pool:
        for start in range(0, len(names), _BATCH):
            for done in pool.map(one, names[start : start + _BATCH]):
                _count(moved, done)
                if done.outcome in {Outcome.COPIED, Outcome.THERE}:
                    notes.write(f"{done.name}\n")
            notes.flush()
            tell(moved)
    known = there.union(names)
    with Names() as named:
        inventory.add_named(named)
        for name in named:
            if name not in known and not target.exists(name):  # it may have come since
                moved.troubles[name] = "is nowhere, though a part has it"
    if is_deleting and not moved.troubles:
        journal.unlink()  # should they ever move again, much may have happened
    return moved


def _ours(storage: Storage) -> Iterator[str]:
    """Yield what is to be moved; what else a bucket may hold is to stay there."""
    with Names() as named:
        inventory.add_named(named)
        for name in _whole(storage):
            kept = name.removeprefix(f"{inventory.QUARANTINE}/")
            if is_ours(kept) or name in named:
                yield name


def _whole(storage: Storage) -> Iterator[str]:
    """Yield the names in ``storage``, but for what is being written."""
    names = inventory.stored(storage)
    return (name for name in names if not PurePosixPath(name).name.startswith("."))


def _move_one(
    source: Storage,
    target: Storage,
    there: set[str],
    checked: set[str],
    is_deleting: bool,
    name: str,
) -> _One:
    size = 0
    outcome = Outcome.THERE
    try:
        if name not in checked:
            if name not in there:
                size = _copy(source, target, name)
                outcome = Outcome.COPIED
            if not _is_right(source, target, name):
                return _One(name, Outcome.WRONG)
    except _Damaged:
        return _One(name, Outcome.DAMAGED)
    except FileNotFoundError:
        return _One(name, Outcome.GONE)
    if is_deleting:
        source.delete(name)
    return _One(name, outcome, size, is_deleting)


def _is_right(source: Storage, target: Storage, name: str) -> bool:
    sha256 = _hash(target, name)
    if not is_named_after(name, sha256):
        return False
    # A name that says nothing of its bytes has only the other copy to go by.
    return sha256 in name or sha256 == _hash(source, name)


class _Damaged(Exception):
    """The bytes at the source are not those that their name says."""


def _copy(source: Storage, target: Storage, name: str) -> int:
    with source.open(name) as file:
        if not is_named_after(name, _digest(file)):
            raise _Damaged
        file.seek(0)
        target.save(name, File(file, name))
        return file.size


def _hash(storage: Storage, name: str) -> str:
    with storage.open(name) as file:
        return _digest(file)


def _digest(file: File) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def _count(moved: Moved, done: _One) -> None:
    moved.counts[done.outcome] += 1
    moved.copied_bytes += done.size_bytes
    moved.deleted += done.is_deleted
    if done.outcome in {Outcome.DAMAGED, Outcome.WRONG}:
        moved.troubles[done.name] = f"is {done.outcome.value}"


def _read(journal: Path) -> set[str]:
    try:
        return set(journal.read_text().splitlines())
    except FileNotFoundError:
        return set()
