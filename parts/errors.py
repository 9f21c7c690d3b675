"""What people can do wrong with parts: sentences that are safe to show."""


class PartError(Exception):
    """A rule that people can break; ``str()`` says what was wrong and what to do.

    Attributes:
        code: a stable name for scripts.
        status: the HTTP status that says the same.
        wait: seconds after which it may be otherwise, when that is to be expected.
        field: the input field at fault, when there is one.
    """

    code = "part_error"
    status = 400
    wait: int | None = None

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class WrongState(PartError):
    """The part stands where this step cannot be taken."""

    code = "wrong_state"
    status = 409


class AlreadyClaimed(WrongState):
    """Somebody else has the part."""

    code = "already_claimed"


class NotCompleted(PartError):
    """Only a completed part can be reverted."""

    code = "not_completed"


class NotAllowed(PartError):
    """Whoever asks may not do this."""

    code = "not_allowed"
    status = 403


class BadInput(PartError):
    """A value that cannot be taken as it is."""

    code = "bad_input"


class FileRefused(PartError):
    """An upload that is not what it says, or is not allowed."""

    code = "file_refused"


class FileTooBig(FileRefused):
    """An upload over the size limit."""

    code = "file_too_big"
    status = 413


class NoRoom(FileRefused):
    """A file for which the server's disk has no room."""

    code = "no_room"
    status = 507


class FileInfected(FileRefused):
    """A file in which the virus scanner found something."""

    code = "file_infected"


class ScannerAway(FileRefused):
    """A file that the virus scanner could not look at."""

    code = "scanner_away"
    status = 503
    wait = 10


class NotByHand(PartError):
    """Only a part made by hand has a drawing to ask for."""

    code = "not_by_hand"


class LinkRefused(PartError):
    """An Onshape link that leads to no drawing, or to another host."""

    code = "link_refused"


class OnshapeFailed(PartError):
    """Onshape did not give the drawing."""

    code = "onshape_failed"
    status = 502


class NotBackedUp(PartError):
    """The server could not make the backup that has to come first."""

    code = "not_backed_up"
    status = 503
