"""No API key stands in a log."""

import logging
import sys

import pytest
from django.conf import settings

from partsite.logs import KeyHidingFormatter

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


def test_every_handler_of_the_site_uses_it():
    formatters = settings.LOGGING["formatters"]
    for handler in settings.LOGGING["handlers"].values():
        used = formatters[handler["formatter"]]
        assert used["class"] == "partsite.logs.KeyHidingFormatter"
