import socket

import pytest

from partsite import preflight


@pytest.fixture
def _free_port(monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PORT", str(probe.getsockname()[1]))
    monkeypatch.setenv("HOST", "127.0.0.1")


@pytest.mark.usefixtures("_free_port")
def test_a_free_port_is_no_problem():
    assert preflight.port_problem() is None


def test_a_taken_port_is_said_in_one_line(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("HOST", "127.0.0.1")
        monkeypatch.setenv("PORT", str(port))
        assert preflight.port_problem() == (
            f"Port {port} on 127.0.0.1 cannot be opened (Address already in use). "
            f"Stop what runs there, or choose another: make run PORT={port + 1}"
        )


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1"])
def test_a_port_that_is_no_port_is_said(monkeypatch, port):
    monkeypatch.setenv("PORT", port)
    assert preflight.port_problem() == (
        f"PORT is '{port}'; it must be a number from 1 to 65535."
    )


def test_an_old_python_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(preflight.sys, "version_info", (3, 9, 2))
    assert preflight.problem().startswith("Python 3.11 or newer is needed, this is 3.9")
