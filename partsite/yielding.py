"""How a background process gives way to those who look at pages.

A low priority alone does little on Linux. Where sessions are groups of their own for
the scheduler (``autogroup``), it holds within the session only, and each session of
them gets as much as any other. And who wakes up does not interrupt who computes for
its own short slice: it waits for the next tick, of 4 ms on many kernels. With all
three, p95 of a list while files are converted went from twice what it is at rest to
one and a half times (``docs/performance.md``).
"""

import ctypes
import os
import platform
import struct
import sys
from contextlib import suppress
from pathlib import Path

NICE = 10
_AUTOGROUP = Path("/proc/self/autogroup")  # sched(7), "The autogroup feature"
# As low as is needed. Where others take all cores, a conversion gets 3 % of one; at 19
# it would be 1 %, and time would run out.
_SESSION_NICE = 15
# The longest that Linux takes. Whoever has a shorter one interrupts this process: since
# 6.12, older ones know no slices.
# Source: kernel/sched/syscalls.c, __setparam_fair
SLICE_NS = 100_000_000
# Not every C library has a function for it. Source: the kernel's syscall_64.tbl for
# the one, include/uapi/asm-generic/unistd.h for the other.
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
# struct sched_attr: size, policy, flags, nice, priority, runtime, deadline, period;
# sched_setattr(2).
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")


def give_way() -> None:
    """Have this process, and those that it starts, give way to others.

    What a system does not know or allow is left out: it would only be slower for
    others.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(os.nice(0), NICE))
    if sys.platform != "linux":
        return
    _interrupted_by_others()
    # Else it is somebody's terminal, and all that runs there.
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            _AUTOGROUP.write_text(str(_SESSION_NICE))


def _interrupted_by_others() -> None:
    if (number := _SCHED_SETATTR.get(platform.machine())) is None:
        return
    policy, size = os.sched_getscheduler(0), _ATTRIBUTES.size
    told = _ATTRIBUTES.pack(size, policy, 0, os.nice(0), 0, SLICE_NS, 0, 0)
    ctypes.CDLL(None).syscall(number, 0, told, 0)
