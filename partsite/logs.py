"""How a line of the log looks, and what must never stand in one."""

import logging
import re

_KEY = re.compile(r"\b(pk_[0-9a-f]{12})_[\w-]+")
# Of a key in an address, and of a link that lets somebody in.
_PARAMETER = re.compile(r"((?:api_key|[?&]link)(?:=|%3d))[^&\s\"']+", re.IGNORECASE)


class WithoutTraceback(logging.Filter):
    """Keep to one line what says everything by itself, and strangers can cause."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True


class KeyHidingFormatter(logging.Formatter):
    """Blank out API keys and secret links, in message and traceback.

    Of a key the public prefix stays. Both may stand in an address (``?api_key=…``,
    ``?link=…``), and addresses are logged by Django's development server and by
    whatever else prints a request.
    """

    def format(self, record: logging.LogRecord) -> str:
        text = _PARAMETER.sub(r"\1…", super().format(record))
        return _KEY.sub(r"\1_…", text)
