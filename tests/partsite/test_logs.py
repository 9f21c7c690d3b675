"""No API key stands in a log, and no line that somebody else has written."""

import json
import logging
import sys

import pytest
from django.conf import settings

from partsite.logs import JsonFormatter, KeyHidingFormatter

KEY = "pk_0123456789ab_" + "x-_9" * 10


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (f"GET /api/parts/?api_key={KEY}&a=1 200", "GET /api/parts/?api_key=…&a=1 200"),
        ("GET /x?API_KEY=other HTTP/1.1", "GET /x?API_KEY=… HTTP/1.1"),
        ("GET /account/invited/?link=a-B_9 200", "GET /account/invited/?link=… 200"),
        (f"key {KEY} is wrong", "key pk_0123456789ab_… is wrong"),
        (f"{{'api_key': '{KEY}'}}", "{'api_key': 'pk_0123456789ab_…'}"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_a_key_is_blanked_out_but_for_its_prefix(message, line):
    record = logging.makeLogRecord({"msg": "%s", "args": (message,)})
    assert KeyHidingFormatter().format(record) == line


def test_a_key_in_a_traceback_is_blanked_out():
    try:
        raise ValueError(KEY)
    except ValueError:
        record = logging.makeLogRecord({"msg": "broke", "exc_info": sys.exc_info()})
    text = KeyHidingFormatter().format(record)
    assert "x-_9" not in text
    assert "ValueError: pk_0123456789ab_…" in text


def _raised(text: str) -> logging.LogRecord:
    try:
        raise ValueError(text)
    except ValueError:
        return logging.makeLogRecord(
            {"msg": "broke", "exc_info": sys.exc_info(), "exc_text": "of another"}
        )


def test_what_a_stranger_sends_never_begins_a_line():
    forged = "x\n2026-01-01 INFO all is well\r\x1b[2J\u2028\u202e\x9b"
    record = logging.makeLogRecord({"msg": "path %s", "args": (forged,)})
    assert KeyHidingFormatter().format(record) == (
        r"path x\n2026-01-01 INFO all is well\r\x1b[2J\u2028\u202e\x9b"
    )
    lines = KeyHidingFormatter().format(_raised(forged)).split("\n")
    assert lines[0] == "broke"
    assert all(line.startswith("  ") for line in lines[1:])
    assert lines[-2] == "  ValueError: x"
    assert lines[-1].startswith("  2026-01-01 INFO all is well\\r\\x1b")


def test_json_is_one_object_a_line_that_hides_the_same():
    record = _raised(f"{KEY}\nforged \x9b")
    record.request_id = "r1"
    record.fields = {"status": 200, "ms": 1.5, "path": f"/x?api_key={KEY}"}
    record.created = 1_767_225_600.25
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert "\n" not in line
    assert "x-_9" not in line
    told = json.loads(line)
    traceback = told.pop("traceback")
    assert traceback.startswith("Traceback (most recent call last):\n")
    assert traceback.endswith("ValueError: pk_0123456789ab_…\nforged \x9b")
    assert told == {
        "time": "2026-01-01T00:00:00.250+00:00",
        "level": "INFO",
        "logger": "root",
        "message": "broke",
        "request_id": "r1",
        "status": 200,
        "ms": 1.5,
        "path": "/x?api_key=…",
    } | {"level": told["level"], "logger": told["logger"]}


def test_a_lone_surrogate_breaks_no_line():
    record = logging.makeLogRecord({"msg": "name \udcff"})
    assert json.loads(JsonFormatter().format(record))["message"] == "name \udcff"


def test_every_handler_of_the_site_uses_it():
    formatters = settings.LOGGING["formatters"]
    for handler in settings.LOGGING["handlers"].values():
        used = formatters[handler["formatter"]]
        assert used["()"] is KeyHidingFormatter
        assert handler["filters"] == ["of_request"]
