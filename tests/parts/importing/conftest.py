"""An old server for each test, and the way from there to here."""

import pytest

from parts.importing import Line, Outcome, Subject, import_parts, opened

from .servers import OldServer


@pytest.fixture
def old(tmp_path):
    return OldServer(tmp_path)


@pytest.fixture
def bring(old):
    """Return a function that imports from ``old`` and lists what became of it."""

    def run(*, uploads: bool = True, dry_run: bool = False) -> list[Line]:
        folder = old.uploads if uploads else None
        with opened(old.path) as source:
            return list(import_parts(source, folder, dry_run=dry_run))

    return run


@pytest.fixture
def bring_one(bring):
    """Return a function that imports and tells outcome and reason of the one part."""

    def run(**options) -> tuple[Outcome, str]:
        (line,) = [li for li in bring(**options) if li.subject == Subject.PART]
        return line.outcome, "; ".join(line.reasons)

    return run
