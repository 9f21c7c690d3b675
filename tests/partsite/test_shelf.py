"""What one process puts there, others find whole or not at all."""

import subprocess
import sys
from pathlib import Path

from partsite import shelf
from partsite.shelf import Shelf

FORKED = """
import os
from partsite.shelf import shelf
if not (child := os.fork()):
    shelf.put(b"asked", b"answer")
    os._exit(0)
os.waitpid(child, 0)
print(shelf.find(b"asked"))
"""


def test_an_answer_is_found_by_its_question_alone():
    known = Shelf()
    known.put(b"asked", b"answer")
    assert known.find(b"asked") == b"answer"
    assert known.find(b"other") is None


def test_processes_that_were_forked_of_one_share_it():
    run = subprocess.run(  # noqa: S603 - a script of ours
        [sys.executable, "-c", FORKED],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "b'answer'"


def test_of_two_at_one_place_the_later_stays():
    known = Shelf(places=1)
    known.put(b"first", b"one")
    known.put(b"second", b"another")
    assert known.find(b"first") is None
    assert known.find(b"second") == b"another"
    known.put(b"first", b"1")
    assert known.find(b"first") == b"1"


def test_what_was_half_written_is_not_found():
    known = Shelf(places=1)
    known.put(b"asked", b"an answer")
    end = shelf._HEAD.size + len(b"an answer")
    for place in range(end):
        whole = known._memory[place]
        known._memory[place] = whole ^ 1
        assert known.find(b"asked") is None
        known._memory[place] = whole
    assert known.find(b"asked") == b"an answer"


def test_a_length_that_is_nonsense_is_read_no_further():
    known = Shelf(places=2)
    for start in (0, shelf._PLACE_BYTES):
        known._memory[start : start + shelf._HEAD.size] = b"\xff" * shelf._HEAD.size
    assert known.find(b"asked") is None


def test_what_is_too_long_is_left_out_and_harms_nobody():
    known = Shelf(places=1)
    longest = b"x" * (shelf._PLACE_BYTES - shelf._HEAD.size)
    known.put(b"asked", longest)
    assert known.find(b"asked") == longest
    known.put(b"longer", longest + b"x")
    assert known.find(b"longer") is None
    assert known.find(b"asked") == longest
