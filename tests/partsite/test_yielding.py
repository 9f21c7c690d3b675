"""How the worker gives way; each time in a process of its own, which stays that way."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from partsite import yielding

ROOT = Path(__file__).parents[2]
AUTOGROUP = Path("/proc/self/autogroup")
on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems have neither slices nor autogroups"
)
# What a process is to the scheduler: the slice as sched_getattr(2) tells it, and no
# autogroup where nobody has ever begun a session, as in a container's first one.
TOLD = """
import ctypes, json, os, platform, subprocess, sys
from pathlib import Path
from partsite import yielding

def told():
    number = {"x86_64": 315, "aarch64": 275}[platform.machine()]
    buffer = ctypes.create_string_buffer(yielding._ATTRIBUTES.size)
    assert not ctypes.CDLL(None).syscall(number, 0, buffer, len(buffer), 0)
    *_, slice_ns, _deadline, _period = yielding._ATTRIBUTES.unpack(buffer.raw)
    group = Path("/proc/self/autogroup")
    words = group.read_text().split() if group.exists() else []
    return {
        "nice": os.nice(0),
        "policy": os.sched_getscheduler(0),
        "slice_ns": slice_ns,
        "autogroup": words[-1] if words else None,
    }
"""
GIVES_WAY = """
before = told()
yielding.give_way()
json.dump([before, told()], sys.stdout)
"""


def _told(script: str, *, is_session: bool) -> list[dict]:
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", TOLD + script],
        cwd=ROOT,
        start_new_session=is_session,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


@on_linux
@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel has no autogroups")
def test_a_session_of_its_own_gives_way_as_a_whole():
    before, after = _told(GIVES_WAY, is_session=True)
    assert (before["autogroup"], after["autogroup"]) == ("0", "15")


@on_linux
def test_the_session_of_somebody_else_stays_as_it_is():
    before, after = _told(GIVES_WAY, is_session=False)
    assert after["autogroup"] == before["autogroup"]
    assert after["nice"] >= yielding.NICE


@on_linux
def test_others_interrupt_it_and_what_it_starts():
    before, after = _told(GIVES_WAY, is_session=True)
    if before["slice_ns"] == 0:
        pytest.skip("this kernel is older than 6.12 and knows no slices")
    assert before["slice_ns"] < after["slice_ns"] == yielding.SLICE_NS

    started = (
        "yielding.give_way()\n"
        "if os.fork():\n"
        "    os.wait()\n"
        "else:\n"
        "    json.dump([told()], sys.stdout)\n"
    )
    [child] = _told(started, is_session=True)
    assert child == after


@on_linux
@pytest.mark.parametrize(
    ("already", "nice"), [(0, yielding.NICE), (4, yielding.NICE), (15, 15)]
)
def test_who_is_lower_already_stays_there(already, nice):
    script = f"os.setpriority(os.PRIO_PROCESS, 0, max(os.nice(0), {already}))\n"
    _, after = _told(script + GIVES_WAY, is_session=True)
    assert after["nice"] == max(nice, os.nice(0))


@on_linux
def test_a_policy_that_somebody_chose_stays():
    script = "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n"
    before, after = _told(script + GIVES_WAY, is_session=True)
    assert before["policy"] == after["policy"] == os.SCHED_IDLE


@on_linux
def test_what_a_system_does_not_know_is_left_out(monkeypatch, tmp_path):
    monkeypatch.setattr(yielding.os, "setpriority", lambda *args: None)
    monkeypatch.setattr(yielding.os, "getsid", lambda pid: os.getpid())
    monkeypatch.setattr(yielding, "_AUTOGROUP", tmp_path / "proc" / "autogroup")
    # A call that is of no kernel, then one of a machine whose calls are not known.
    monkeypatch.setattr(yielding, "_SCHED_SETATTR", {platform.machine(): 1_000_000})
    yielding.give_way()
    monkeypatch.setattr(yielding, "_SCHED_SETATTR", {})
    monkeypatch.setattr(yielding.ctypes, "CDLL", None)
    yielding.give_way()
