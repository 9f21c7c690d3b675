"""The client: three calls, each signed, and patience with what may pass."""

import base64
import hashlib
import hmac
import json
import math
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import requests
from django.utils.translation import gettext as _
from requests.auth import AuthBase

from parts.errors import OnshapeFailed

from .links import Link, is_of, origin, split

T = TypeVar("T")

READ_SECONDS = 15.0  # without a byte; a rescue takes far longer to lose patience
_CONNECT_SECONDS = 5.0
_POLLS_S = (1, 2, 4, 8, 15)  # the last one again and again
_RETRIES_S = (1, 2, 4, 8)
_SLICE_SECONDS = 5.0
_REDIRECTS = 3
_CHUNK_BYTES = 256 * 1024
_ANSWER_BYTES = 1024 * 1024


class Clock(Protocol):
    """What is needed of the module ``time``."""

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float, /) -> None: ...


@dataclass(frozen=True)
class Account:
    """Where Onshape is, and the keys that open it; ``repr`` does not show them."""

    url: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


def fetch_drawing(
    link: Link,
    target: Path,
    *,
    account: Account,
    limit_bytes: int,
    timeout_s: float = 90,
    on_wait: Callable[[], None] = lambda: None,
    clock: Clock = time,
) -> str:
    """Write the PDF of the drawing at ``link`` to ``target``; return its name.

    What may pass by itself (no answer, 429, 5xx, a download cut off) is tried
    again a few times, and no longer than ``timeout_s`` in all. The bytes are
    those that came: whether they are a whole PDF is for the caller to check.

    Args:
        on_wait: called at least every five seconds while nothing is stuck, and
            every ``READ_SECONDS`` when something is.
    Raises:
        OnshapeFailed: no drawing; a sentence that holds no key.
    """
    with requests.Session() as session:
        calls = _Calls(session, account, on_wait, clock, clock.monotonic() + timeout_s)
        started = calls.json(
            "POST",
            f"drawings/d/{link.document}/{link.wvm}/{link.wvm_id}"
            f"/e/{link.element}/translations",
            {"formatName": "PDF", "storeInDocument": False},
        )
        done = _translated(started, calls, timeout_s)
        result = quote(_text(_first(done.get("resultExternalDataIds"))), safe="")
        calls.download(
            f"documents/d/{link.document}/externaldata/{result}", target, limit_bytes
        )
    name = done.get("name")
    return name if isinstance(name, str) else ""


def _translated(answer: dict, calls: "_Calls", timeout_s: float) -> dict:
    """Ask at growing intervals until the translation is done."""
    number = quote(_text(answer.get("id")), safe="")
    late = OnshapeFailed(
        _("Onshape did not finish the PDF within %(seconds)s seconds. Try again later.")
        % {"seconds": format(timeout_s, ".0f")}
    )
    polls = 0
    while (state := answer.get("requestState")) == "ACTIVE":
        calls.wait(_POLLS_S[min(polls, len(_POLLS_S) - 1)], late)
        polls += 1
        answer = calls.json("GET", f"translations/{number}")
    if state == "FAILED":
        reason = " ".join(str(answer.get("failureReason") or "").split())[:200]
        raise OnshapeFailed(
            _("Onshape could not make a PDF of this drawing: %(reason)s.")
            % {"reason": reason.rstrip(".")}
            if reason
            else _("Onshape could not make a PDF of this drawing, and did not say why.")
        )
    if state != "DONE":
        raise _not_understood()
    return answer


class _Passing(OnshapeFailed):
    """A trouble that may be over when one tries again."""

    def __init__(self, message: str, *, wait_s: float = 0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(frozen=True)
class _Calls:
    """Calls to one Onshape, until ``deadline`` on ``clock``."""

    session: requests.Session
    account: Account
    on_wait: Callable[[], None]
    clock: Clock
    deadline: float

    def json(self, method: str, path: str, body: dict | None = None) -> dict[str, Any]:
        def call() -> dict[str, Any]:
            data = bytearray()
            with closing(self._answer(method, path, "application/json", body)) as told:
                for chunk in _chunks(told):
                    data += chunk
                    if len(data) > _ANSWER_BYTES:
                        raise _not_understood()
            try:
                answer = json.loads(data)
            except ValueError:
                answer = None
            if not isinstance(answer, dict):
                raise _not_understood()
            return answer

        return self._patiently(call)

    def download(self, path: str, target: Path, limit_bytes: int) -> None:
        def call() -> None:
            accept = "application/octet-stream"
            size = 0
            with (
                closing(self._answer("GET", path, accept)) as told,
                target.open("wb") as file,
            ):
                for chunk in _chunks(told):
                    size += len(chunk)
                    if size > limit_bytes:
                        limit_mb = limit_bytes // (1024 * 1024)
                        raise OnshapeFailed(
                            _("The PDF of this drawing is larger than %(limit_mb)s MB.")
                            % {"limit_mb": limit_mb}
                        )
                    file.write(chunk)
                    self.on_wait()
                    self._not_after(_late())

        self._patiently(call)

    def wait(self, seconds: float, or_else: OnshapeFailed) -> None:
        """Sleep, showing signs of life; raise ``or_else`` if it would be too long."""
        self._not_after(or_else, seconds)
        while seconds > 0:
            self.on_wait()
            self.clock.sleep(min(seconds, _SLICE_SECONDS))
            seconds -= _SLICE_SECONDS
        self.on_wait()

    def _not_after(self, or_else: OnshapeFailed, seconds: float = 0) -> None:
        if self.clock.monotonic() + seconds > self.deadline:
            raise or_else

    def _patiently(self, call: Callable[[], T]) -> T:
        for usual_s in _RETRIES_S:
            try:
                return call()
            except _Passing as trouble:
                self.wait(trouble.wait_s or usual_s, trouble)
        return call()

    def _answer(
        self, method: str, path: str, accept: str, body: dict | None = None
    ) -> requests.Response:
        """Return the open answer to a call; any refusal is raised.

        Onshape may send a download on to another server (307), which has to be
        signed anew if that is one of Onshape's own. Any other host gets no
        signature, and only over https.
        """
        url = f"{self.account.url.rstrip('/')}/api/v6/{path}"
        for _hop in range(_REDIRECTS + 1):
            self.on_wait()
            answer = self._sent(method, url, accept, body)
            if answer.status_code != 307:
                break
            answer.close()
            url = self._next(url, answer.headers.get("Location", ""))
        if answer.status_code != 200:
            answer.close()
            raise _refusal(answer)
        return answer

    def _sent(
        self, method: str, url: str, accept: str, body: dict | None
    ) -> requests.Response:
        is_theirs = is_of(urlsplit(self.account.url), urlsplit(url))
        try:
            return self.session.request(
                method,
                url,
                data=None if body is None else json.dumps(body),
                headers={"Accept": accept, "Content-Type": "application/json"},
                # Never None: requests would look for a password in ~/.netrc.
                auth=_Signature(self.account) if is_theirs else _unsigned,
                timeout=(_CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as error:
            raise _broken(error) from None
        except ValueError:  # requests looks at where a redirect leads (2.34)
            raise _not_understood() from None

    def _next(self, url: str, location: str) -> str:
        try:
            there = split(urljoin(url, location))
        except ValueError:
            raise _not_understood() from None
        home = urlsplit(self.account.url)
        if not location or not (
            there.scheme == "https" or origin(there) == origin(home)
        ):
            raise _not_understood()
        return there.geturl()


class _Signature(AuthBase):
    """Sign a request as ``auth/apikeys`` describes under “Request signature”.

    Not Basic Authorization, which that page leaves to local testing: here the
    secret key itself is never sent.
    """

    def __init__(self, account: Account) -> None:
        self.account = account

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        date = formatdate(usegmt=True)
        nonce = secrets.token_hex(16)
        path, _, query = request.path_url.partition("?")
        content_type = request.headers["Content-Type"]
        lines = [request.method, nonce, date, content_type, path, query, ""]
        digest = hmac.new(
            self.account.secret_key.encode(),
            "\n".join(lines).lower().encode(),
            hashlib.sha256,
        ).digest()
        signature = base64.b64encode(digest).decode()
        request.headers["Date"] = date
        request.headers["On-Nonce"] = nonce
        request.headers["Authorization"] = (
            f"On {self.account.access_key}:HmacSHA256:{signature}"
        )
        return request


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _chunks(answer: requests.Response) -> Iterator[bytes]:
    try:
        yield from answer.iter_content(_CHUNK_BYTES)
    except requests.RequestException:
        raise _Passing(
            _("The answer of Onshape was cut off. Try again later.")
        ) from None


def _broken(error: requests.RequestException) -> OnshapeFailed:
    """Say why no answer came."""
    if isinstance(error, requests.exceptions.SSLError):
        return OnshapeFailed(
            _(
                "The connection to Onshape is not safe: its certificate "
                "cannot be checked."
            )
        )
    if isinstance(error, requests.Timeout):
        return _late()
    return _Passing(_("Onshape cannot be reached from this server. Try again later."))


def _refusal(answer: requests.Response) -> OnshapeFailed:
    status = answer.status_code
    if status == 429:
        wait_s = _retry_after_s(answer)
        when = f"in {_minutes(wait_s)}" if wait_s else "later"
        return _Passing(
            _(
                "Onshape takes no more calls from this server for now. "
                "Try again %(when)s."
            )
            % {"when": when},
            wait_s=wait_s,
        )
    if status >= 499:  # 499 is Onshape's own: the call took too long there
        return _Passing(
            _("Onshape has a problem of its own (%(status)s). Try again later.")
            % {"status": status},
            wait_s=_retry_after_s(answer),
        )
    if status == 401:
        return OnshapeFailed(
            _(
                "Onshape does not know the keys of this server. Whoever "
                "runs it checks ONSHAPE_ACCESS_KEY, ONSHAPE_SECRET_KEY "
                "and ONSHAPE_URL."
            )
        )
    if status == 403:
        return OnshapeFailed(
            _(
                "Onshape does not let this server export the drawing. "
                "Share the document with the owner of its keys, which "
                "need the right to read and to write."
            )
        )
    if status in {400, 404}:
        return OnshapeFailed(
            _(
                "Onshape finds no drawing at this link (%(status)s). It "
                "must lead to the tab of a drawing, best in a workspace "
                "or a version."
            )
            % {"status": status}
        )
    return OnshapeFailed(
        _("Onshape refused the call (%(status)s).") % {"status": status}
    )


def _retry_after_s(answer: requests.Response) -> float:
    """Return how long we are asked to wait; 0 when nothing readable says it."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        wait_s = parsedate_to_datetime(text).timestamp() - time.time()
    except (TypeError, ValueError):
        return 0.0
    return max(0.0, wait_s)


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{math.ceil(seconds)} seconds"
    return f"{math.ceil(seconds / 60)} minutes"


def _late() -> OnshapeFailed:
    return _Passing(_("Onshape did not answer in time. Try again later."))


def _not_understood() -> OnshapeFailed:
    return OnshapeFailed(_("Onshape answered in a way that this server does not know."))


def _first(found: Any) -> Any:
    return found[0] if isinstance(found, list) and found else None


def _text(found: Any) -> str:
    if not isinstance(found, str) or not found:
        raise _not_understood()
    return found
