"""Ports that nobody else comes to have before they are opened."""

import socket
from pathlib import Path

import pytest

from services import ports

OWN_ENDS = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.mark.skipif(not OWN_ENDS.exists(), reason="is Linux's way to tell")
def test_no_connection_gets_one_as_its_own_end():
    first, last = map(int, OWN_ENDS.read_text().split())
    assert not [port for port in ports._PORTS if first <= port <= last]
    assert ports.free() in ports._PORTS


def test_one_that_is_taken_is_not_given(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "_PORTS", range(port, port + 1))
        with pytest.raises(OSError, match=f"from {port} to {port}"):
            ports.free()
    assert ports.free() == port
