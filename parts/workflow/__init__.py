"""The one writer of state: every step of a part's life, whoever asks for it.

A step checks that whoever asks may take it, changes the row and writes the
event, all in one transaction. ``actor`` is the person or key that asks; None
is the system itself, which may do everything.
"""

from .by_state import move, update
from .entry import create, edit
from .files import add_views, attach, convert_again
from .holders import let_go_all, rename_holder
from .production import (
    accept_revision,
    assign,
    block,
    complete,
    put,
    reassign,
    revert,
    start,
    unblock,
    unclaim,
)
from .remakes import mark_wrong, remake
from .review import approve, resubmit, send_back
from .rules import EDITABLE, LEADS_ONLY, POLICY, SERVERS_OWN, Actor
from .trash import restore, trash, wipe

__all__ = [
    "EDITABLE",
    "LEADS_ONLY",
    "POLICY",
    "SERVERS_OWN",
    "Actor",
    "accept_revision",
    "add_views",
    "approve",
    "assign",
    "attach",
    "complete",
    "convert_again",
    "create",
    "edit",
    "let_go_all",
    "mark_wrong",
    "move",
    "block",
    "put",
    "unblock",
    "reassign",
    "remake",
    "rename_holder",
    "resubmit",
    "restore",
    "revert",
    "send_back",
    "start",
    "trash",
    "unclaim",
    "update",
    "wipe",
]
