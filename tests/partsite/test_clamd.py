"""What the scanner says is understood, and nothing odd is taken for “clean”."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from partsite import clamd
from partsite.clamd import NotSeen, ScannerDown
from tests.scanner import Scanner

FILE = b"ISO-10303-21;\n" * 10_000
INFECTED = FILE + clamd.eicar()


def _found_in(content: bytes, *, chunk_bytes: int = 64_000) -> str:
    starts = range(0, len(content), chunk_bytes)
    chunks = (content[start : start + chunk_bytes] for start in starts)
    return clamd.signature_in(chunks, len(content))


@pytest.fixture
def socket_at_path(settings, tmp_path):
    scanner = Scanner(tmp_path / "clamd.ctl")
    settings.CLAMD = scanner.address
    yield scanner
    scanner.close()


def test_it_is_asked_over_the_network(scanner):
    assert [_found_in(FILE), _found_in(INFECTED)] == ["", "Eicar"]
    assert scanner.seen == [FILE, INFECTED]


def test_it_is_asked_over_a_socket_of_this_machine(socket_at_path):
    assert [_found_in(FILE), _found_in(INFECTED)] == ["", "Eicar"]
    assert socket_at_path.seen == [FILE, INFECTED]


def test_a_chunk_without_bytes_does_not_end_the_file(scanner):
    assert clamd.signature_in([b"", FILE, b"", clamd.eicar()], 1) == "Eicar"
    assert scanner.seen == [INFECTED]


def test_of_a_signature_its_name_is_told_alone(scanner):
    scanner.says = b"stream: Win.Test.EICAR_HDB-1(44d88612fea8a8f36de82e12:68) FOUND\0"
    assert _found_in(FILE) == "Win.Test.EICAR_HDB-1"
    scanner.says = "stream: Virus FOUND (ä) FOUND\0".encode()
    assert _found_in(FILE) == "Virus FOUND (ä)"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0",
        b"stream: OK",
        b"stream: OK\n",
        b"stream: O\0",
        b"stream: OK\0 and more",
        b"stream:  FOUND\0",
        b"OK\0",
        b"stream: Can't allocate memory ERROR\0",
        b"COMMAND READ TIMED OUT\0",
        b"UNKNOWN COMMAND\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\xff\xfe\0",
        b"stream: OK " + b"x" * 100_000 + b"\0",
    ],
)
def test_only_clean_is_clean(scanner, said):
    scanner.says = said
    with pytest.raises(ScannerDown, match="^it said "):
        _found_in(FILE)


def test_what_is_longer_than_it_takes_was_not_seen(scanner):
    scanner.takes_bytes = 1000
    with pytest.raises(NotSeen) as refusal:
        _found_in(INFECTED * 100)
    assert refusal.value.setting == "StreamMaxLength"


def test_what_it_did_not_look_at_as_a_whole_was_not_seen(scanner):
    scanner.says = b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0"
    with pytest.raises(NotSeen) as refusal:
        _found_in(FILE)
    assert refusal.value.setting == "MaxFileSize"


def test_clean_said_too_early_is_not_believed(scanner):
    scanner.takes_bytes, scanner.says = 1000, b"stream: OK\0"
    with pytest.raises(ScannerDown):
        _found_in(FILE * 100)


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(clamd, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(clamd, "SLOWEST_BYTES_A_SECOND", 1_000_000_000)


@pytest.fixture
def fails(scanner, impatient):
    """Return a function that tells how something fails, or is waited for in vain."""

    def fails(ask) -> str:
        with ThreadPoolExecutor(1) as thread:
            try:
                error = thread.submit(ask).exception(timeout=10)
            except TimeoutError:
                scanner.close()  # else the thread would wait for ever
                raise
        assert isinstance(error, ScannerDown)
        return str(error)

    return fails


@pytest.mark.parametrize(
    ("sticks_at", "times", "words"),
    [
        ("command", 1, "timed out"),
        ("file", 200, "it takes nothing more"),
        ("verdict", 1, "timed out"),
    ],
)
def test_a_scanner_that_hangs_is_not_waited_for(
    scanner, fails, sticks_at, times, words
):
    scanner.sticks_at = sticks_at
    assert fails(lambda: _found_in(FILE * times)) == words


def test_one_that_says_nothing_of_its_version_is_not_waited_for(scanner, fails):
    scanner.sticks_at = "command"
    assert fails(clamd.version) == "timed out"


def test_of_one_that_hangs_others_are_told_at_once(scanner, fails, monkeypatch):
    scanner.sticks_at = "command"
    assert fails(lambda: _found_in(FILE)) == "timed out"
    scanner.sticks_at = ""
    assert fails(lambda: _found_in(FILE)) == "it said nothing just now"
    assert scanner.seen == []
    later = time.monotonic() + 5
    monkeypatch.setattr("partsite.patience.time.monotonic", lambda: later)
    assert [_found_in(FILE), _found_in(FILE)] == ["", ""]


def test_a_file_that_takes_too_long_is_no_trouble_for_others(scanner, fails):
    scanner.sticks_at = "verdict"
    assert fails(lambda: _found_in(FILE)) == "timed out"
    scanner.sticks_at = ""
    assert _found_in(FILE) == ""


def test_a_scanner_that_is_away_is_told_of(settings, scanner, tmp_path):
    scanner.close()
    for address in (scanner.address, str(tmp_path / "none"), "/" + "x" * 200):
        settings.CLAMD = address
        with pytest.raises(ScannerDown):
            _found_in(FILE)


@pytest.mark.parametrize(
    ("said", "engine", "made"),
    [
        (b"ClamAV 1.4.6\0", "ClamAV 1.4.6", None),
        (
            b"ClamAV 1.4.6/27500/Tue Nov  3 08:30:00 2026\0",
            "ClamAV 1.4.6",
            datetime(2026, 11, 3, 8, 30),
        ),
        (b"ClamAV 1.4.6/27500/yesterday\0", "ClamAV 1.4.6", None),
    ],
)
def test_it_says_how_old_its_signatures_are(scanner, said, engine, made):
    scanner.version = said
    assert clamd.version() == clamd.Version(engine, made)


def test_no_file_here_has_the_test_virus():
    # Or the scanner of whoever works on the site would take it away.
    virus = clamd.eicar()
    assert len(virus) == 68
    folder = Path(clamd.__file__).parent
    compiled = [
        *folder.glob("__pycache__/clamd.*"),
        *Path(__file__).parent.glob("*.py"),
    ]
    for path in [Path(clamd.__file__), *compiled]:
        assert virus not in path.read_bytes(), path
