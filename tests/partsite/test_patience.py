"""How long a process goes on asking what does not answer."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from partsite import patience
from partsite.patience import Patience


class Silent(Exception):
    """Somebody waited in vain."""


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def server():
    return Patience((Silent,), Silent("just now"))


def ask(server: Patience, error: Exception | None = None) -> str:
    """Return what came of asking once."""
    try:
        with server.asking():
            if error:
                raise error
    except (Silent, ConnectionRefusedError) as met:
        return str(met)
    return "answered"


def test_while_a_server_is_silent_one_at_a_time_waits_for_it(clock, server):
    assert ask(server) == "answered"
    assert ask(server, Silent("waited")) == "waited"
    assert [ask(server) for _ in range(3)] == ["just now"] * 3
    clock[0] += 5
    with server.asking():
        clock[0] += 3  # while this one waits
        assert ask_elsewhere(server) == "just now"
    assert ask(server) == "answered"


def ask_elsewhere(server: Patience) -> str:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask, server).result()


def test_one_that_is_still_silent_is_left_alone_again(clock, server):
    ask(server, Silent("waited"))
    clock[0] += 5
    assert ask(server, Silent("waited again")) == "waited again"
    clock[0] += 4.9
    assert ask(server) == "just now"


def test_a_server_that_refuses_is_asked_by_everybody(clock, server):
    ask(server, Silent("waited"))
    clock[0] += 5
    assert ask(server, ConnectionRefusedError("refused")) == "refused"
    assert ask(server) == "answered"


def test_who_asks_while_asking_is_not_refused_by_oneself(clock, server):
    ask(server, Silent("waited"))
    clock[0] += 5
    with server.asking():
        assert ask(server) == "answered"
