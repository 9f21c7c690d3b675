"""Who is signed in where: the site's session engine (``SESSION_ENGINE``).

Each session is a row with its person, device, address and last use in columns, so
that people see and end their own, and with only a digest of the id in the cookie.
"""

from datetime import timedelta
from functools import cache
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import IntegrityError, transaction
from django.db.models import CharField, DateTimeField
from django.utils import timezone

from partsite.compiled import Compiled, Slot

from . import tokens
from .models import Session, User

SEEN_EVERY = timedelta(minutes=5)
_AGENT_MOST = Session._meta.get_field("user_agent").max_length  # characters


class SessionStore(SessionBase):
    """A session in the database.

    ``user_agent`` and ``address`` are set by the middleware, before anything is
    read, and written when the session is made and now and then.
    """

    user_agent = ""
    address = ""
    row: Session | None = None

    def load(self) -> dict[str, Any]:
        found = _live_sessions().read(digest=self._digest, now=timezone.now())
        self.row = found[0] if found else None
        if self.row is None:
            self._session_key = None
            return {}
        return self.decode(self.row.data)

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(digest=tokens.digest(session_key)).exists()

    def create(self) -> None:
        self._session_key = self._get_new_session_key()
        self.save(must_create=True)
        self.modified = True
        # Nothing else asks often, and this is where rows come from.
        Session.objects.filter(expires_at__lte=timezone.now()).delete()

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None:
            self.create()
            return
        data = self._get_session(no_load=must_create)
        content = {
            "data": self.encode(data),
            "expires_at": self.get_expiry_date(),
            "user_id": data.get(SESSION_KEY),
        }
        if must_create:
            self.row = self._make(content)
        elif not Session.objects.filter(digest=self._digest).update(**content):
            raise UpdateError  # it was ended while its request was answered

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(digest=tokens.digest(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects.filter(expires_at__lte=timezone.now()).delete()

    def note_use(self) -> None:
        """Write down that it is in use, at most once in five minutes."""
        row, now = self.row, timezone.now()
        if row is None or row.user_id is None or now - row.last_seen_at < SEEN_EVERY:
            return
        seen = {"last_seen_at": now}
        Session.objects.filter(pk=row.pk).update(
            user_agent=self.user_agent[:_AGENT_MOST], address=self.address, **seen
        )
        User.objects.filter(pk=row.user_id).update(**seen)

    def _make(self, content: dict[str, Any]) -> Session:
        try:
            with transaction.atomic():
                return Session.objects.create(
                    digest=self._digest,
                    user_agent=self.user_agent[:_AGENT_MOST],
                    address=self.address,
                    **content,
                )
        except IntegrityError:
            raise CreateError from None

    @property
    def _digest(self) -> str:
        return tokens.digest(self.session_key or "")


@cache
def _live_sessions() -> Compiled:
    """Return what reads the session with a ``digest``: every page does."""
    live = Session.objects.live(at=Slot("now", DateTimeField()))
    return Compiled(live.filter(digest=Slot("digest", CharField())).order_by())


def end_others(user: User, store: SessionStore) -> int:
    """End every session of ``user`` but the one in ``store``; return how many."""
    others = user.sessions.exclude(digest=tokens.digest(store.session_key or ""))
    return others.delete()[0]
