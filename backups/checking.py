"""Reading an archive from end to end: is it whole, and would it load?"""

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any

from django.apps import apps as current_apps

from partsite.names import Names

from . import archive, rows
from .errors import ArchiveDamaged
from .making import FORMAT

_TOLD = 3  # names in a sentence


@dataclass
class Contents:
    """What an archive holds, all of it read and found to be right."""

    manifest: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)
    files: int = 0
    file_bytes: int = 0
    missing: int = 0

    @property
    def migrations(self) -> set[tuple[str, str]]:
        return {(app, name) for app, name in self.manifest["migrations"]}

    @property
    def with_files(self) -> bool:
        return self.manifest["files"]["with_files"]

    def next_ids(self) -> dict[str, int]:
        """Return the tables whose next row's number is known."""
        tables = self.manifest["tables"].items()
        return {label: told["next_id"] for label, told in tables if told["next_id"]}


def check(
    path: Path, each_file: Callable[[str, int], None] = lambda name, size: None
) -> Contents:
    """Read the whole archive; write nothing of it anywhere.

    Args:
        each_file: is told the name and the size of each stored file.
    Raises:
        ArchiveDamaged: something is not as it was written; the text says what.
        OSError: the archive cannot be read.
    """
    contents = Contents()
    with Names() as seen, Names() as named, tempfile.TemporaryFile() as sums:
        reading = _Reading(contents, named, sums, each_file)
        for member in archive.members(path):
            if contents.manifest:
                raise ArchiveDamaged(f"{member.name} stands behind the manifest.")
            if not seen.add(member.name):
                raise ArchiveDamaged(f"{member.name} is there twice.")
            reading.take(member)
        if not contents.manifest:
            raise ArchiveDamaged("The archive is cut off: it has no manifest.")
        reading.finish()
    return contents


class _Reading:
    """What is learnt of an archive, member by member."""

    def __init__(
        self,
        contents: Contents,
        named: Names,
        sums: IO[bytes],
        each_file: Callable[[str, int], None],
    ) -> None:
        self._contents = contents
        self._named = named  # the stored files that rows name
        self._sums = sums  # as SHA256SUMS should be
        self._each_file = each_file
        self._sums_told = ""  # the hash of SHA256SUMS

    def take(self, member: archive.Member) -> None:
        if member.name == archive.MANIFEST:
            self._contents.manifest = _manifest(member.text())
        elif member.name == archive.SUMS:
            self._compare_sums(member)
        else:
            if member.table:
                self._take_rows(member)
            elif member.name == archive.MISSING:
                self._take_missing(member)
            member.drain()
            sha256 = member.digest.hexdigest()
            if member.stored_name:
                self._take_file(member)
            self._sums.write(archive.sum_line(sha256, member.name))

    def finish(self) -> None:
        """Compare what was read with what the manifest says."""
        manifest, contents = self._contents.manifest, self._contents
        if manifest["sums"] != self._sums_told:
            raise ArchiveDamaged(f"{archive.SUMS} is not the manifest's.")
        counts = {label: told["rows"] for label, told in manifest["tables"].items()}
        for label in {*counts, *contents.tables}:
            there, told = contents.tables.get(label), counts.get(label)
            if there != told:
                raise ArchiveDamaged(
                    f"{label} has {there or 'no'} rows, the manifest says {told}."
                )
        read = (contents.files, contents.file_bytes, contents.missing)
        files = manifest["files"]
        if read != (files["count"], files["bytes"], files["missing"]):
            raise ArchiveDamaged(
                f"The archive holds {contents.files} stored files, the manifest says "
                f"{files['count']}."
            )
        if contents.with_files and (lost := _some(self._named.unmarked())):
            raise ArchiveDamaged(f"Stored files are not in the archive: {lost}.")

    def _take_rows(self, member: archive.Member) -> None:
        table = rows.Table(member)
        if table.fits(current_apps):  # that of another release may not
            table.bind(current_apps)
        count = 0
        for row in table.rows():
            count += 1
            for name in table.names_in(row):
                self._named.add(name)
        self._contents.tables[table.label] = count

    def _take_missing(self, member: archive.Member) -> None:
        while line := member.readline(archive.MOST_LINE_BYTES):
            try:
                self._named.mark(json.loads(line))
            except ValueError as error:
                raise ArchiveDamaged(f"{member.name} cannot be read.") from error
            self._contents.missing += 1

    def _take_file(self, member: archive.Member) -> None:
        if not self._named.mark(member.stored_name):
            raise ArchiveDamaged(f"No row names {member.name}.")
        self._contents.files += 1
        self._contents.file_bytes += member.size
        self._each_file(member.stored_name, member.size)

    def _compare_sums(self, member: archive.Member) -> None:
        self._sums.seek(0)
        digest = hashlib.sha256()
        told = iter(lambda: member.readline(archive.MOST_LINE_BYTES), b"")
        for line, true in zip_longest(told, self._sums):
            digest.update(line or b"")
            if line != true:
                name = (line or true).partition(b"  ")[2].decode(errors="replace")
                raise ArchiveDamaged(
                    f"{name.strip()} is not what it was when the backup was made."
                )
        self._sums_told = digest.hexdigest()


def _manifest(text: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
        if manifest["format"] != FORMAT:
            raise ArchiveDamaged(
                f"The archive is of form {manifest['format']}; this release reads "
                f"form {FORMAT}. Use the release that made it."
            )
        is_whole = (
            isinstance(manifest["sums"], str)
            and isinstance(manifest["made_at"], str)
            and isinstance(manifest["secret_key"], str)
            and isinstance(manifest["database"]["engine"], str)
            and all(isinstance(manifest["files"][key], int) for key in _FILE_KEYS)
            and all(
                isinstance(told["rows"], int)
                and isinstance(told["next_id"], int | None)
                for told in manifest["tables"].values()
            )
            and all(
                isinstance(app, str) and isinstance(name, str)
                for app, name in manifest["migrations"]
            )
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveDamaged("The manifest cannot be read.") from error
    if not is_whole:
        raise ArchiveDamaged("The manifest cannot be read.")
    return manifest


_FILE_KEYS = ("count", "bytes", "missing", "with_files")


def _some(names: Any) -> str:
    """Return the first of ``names`` and how many there are more."""
    first = []
    more = 0
    for name in names:
        if len(first) < _TOLD:
            first.append(name)
        else:
            more += 1
    return ", ".join(first) + (f" and {more} more" if more else "")
