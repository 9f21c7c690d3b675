"""How a line of the log looks, and what must never stand in one."""

import json
import logging
import re
from datetime import UTC, datetime

TEXT_FORMAT = "{asctime} {levelname} {name} {message}"
_KEY = re.compile(r"\b(pk_[0-9a-f]{12})_[\w-]+")
# Of a key in an address, and of a link that lets somebody in.
_PARAMETER = re.compile(r"((?:api_key|[?&]link)(?:=|%3d))[^&\s\"']+", re.IGNORECASE)
# What ends a line, moves a terminal's cursor or turns the writing's direction.
_CONTROLS = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (
        *range(0x20),
        *range(0x7F, 0xA0),
        *range(0x200E, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
    )
} | {0x0A: r"\n", 0x0D: r"\r", 0x09: r"\t"}
_CONTROLS_BUT_NEWLINE = {c: told for c, told in _CONTROLS.items() if c != 0x0A}


class WithoutTraceback(logging.Filter):
    """Keep to one line what says everything by itself, and strangers can cause."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True


class ReasonForTraceback(logging.Filter):
    """Tell of a warning why it was, in its line, instead of where it comes from.

    A check that somebody makes every few seconds may fail for hours.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno == logging.WARNING and record.exc_info:
            kind, error, _traceback = record.exc_info
            record.msg = f"{record.getMessage()}: {str(error) or kind.__name__}"
            record.args = record.exc_info = None
        return True


class KeyHidingFormatter(logging.Formatter):
    """Blank out API keys and secret links, in message and traceback.

    Of a key the public prefix stays. Both may stand in an address (``?api_key=…``,
    ``?link=…``), and addresses are logged by Django's development server and by
    whatever else prints a request.

    Nothing that a stranger sends can look like a line of its own: a message stays
    on one line, and those of a traceback begin with blanks.
    """

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        if self.usesTime():
            record.asctime = self.formatTime(record, self.datefmt)
        text = self.formatMessage(record).translate(_CONTROLS)
        if request_id := getattr(record, "request_id", ""):
            text += f" request={request_id}"
        if traceback := self._traceback(record):
            lines = traceback.translate(_CONTROLS_BUT_NEWLINE).split("\n")
            text = "\n  ".join([text, *lines])
        return without_secrets(text)

    def _traceback(self, record: logging.LogRecord) -> str:
        # Not what another formatter has left in ``exc_text``.
        told = [self.formatException(record.exc_info)] if record.exc_info else []
        if record.stack_info:
            told.append(self.formatStack(record.stack_info))
        return "\n".join(told)


class JsonFormatter(KeyHidingFormatter):
    """One JSON object a line, for whatever collects logs.

    ``request_id`` and ``fields`` of a record, if there are any, become its members.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        told = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := getattr(record, "request_id", ""):
            told["request_id"] = request_id
        told |= getattr(record, "fields", {})
        if traceback := self._traceback(record):
            told["traceback"] = traceback
        # All beyond ASCII is escaped, and with it what a terminal would act upon.
        return json.dumps({name: _hidden(value) for name, value in told.items()})


def without_secrets(text: str) -> str:
    # Most lines hold none, and the expressions are dear (a tenth of a read by key).
    if "pk_" in text:
        text = _KEY.sub(r"\1_…", text)
    folded = text.lower()
    if "api_key" in folded or "link" in folded:
        text = _PARAMETER.sub(r"\1…", text)
    return text


def _hidden(value: object) -> object:
    return value if isinstance(value, int | float) else without_secrets(str(value))


FORMATTERS = {"text": KeyHidingFormatter, "json": JsonFormatter}
