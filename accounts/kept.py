"""What somebody typed into a form whose session was gone when it was sent.

The page of the sign-in carries it, signed, so that nothing of a stranger is stored;
who then signs in as the same person finds it in the session and sends it again.
"""

from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme

from .models import User

FIELD = "kept"  # of the sign-in page
MOST_CHARACTERS = 100_000
_SALT = "accounts.kept"
_LASTS_SECONDS = 24 * 60 * 60
_FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
_OURS = {"csrfmiddlewaretoken", FIELD}
# What a page sends beside what is typed.
_MACHINERY = {"next", "version", "ticket", "rows", "uuid", "sent"}
_COOKIE = "person"
_COOKIE_SECONDS = 365 * 24 * 60 * 60


@dataclass(frozen=True)
class Kept:
    """A form that was sent: where to, from which page, what, by whom ("" unknown)."""

    path: str
    page: str
    fields: list[tuple[str, str]]
    files: list[tuple[str, str]]
    person: str

    @property
    def typed(self) -> list[tuple[str, str]]:
        """What there is to see of it: names in words, and what was chosen or typed."""
        return [
            (name.replace("_", " ").replace("-", " ").capitalize(), value)
            for name, value in self.fields
            if value and not _is_machinery(name) and not name.startswith("initial-")
        ]

    def is_of(self, user: User) -> bool:
        return self.person in {"", str(user.pk)}


def _is_machinery(name: str) -> bool:
    return name.rpartition("-")[2] in _MACHINERY  # of one part of several: 2-uuid


def catch(request: HttpRequest) -> Kept | None:
    """Return what ``request`` brings from a form, None if it is nothing to keep.

    Passwords and codes are never kept, nor are buttons: they are pressed again.
    """
    if request.method != "POST" or request.content_type not in _FORMS:
        return None
    if not _is_browsed(request):
        return None  # a script, which sees the way to the sign-in and asks itself
    fields = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in _OURS
        for value in values
    ]
    files = [(name, file.name) for name, sent in request.FILES.lists() for file in sent]
    names = {name for name, value in fields if value}
    is_secret = "code" in names or any("password" in name for name in names)
    if is_secret or not (names - _MACHINERY or files):
        return None
    if sum(len(name) + len(value) for name, value in fields) > MOST_CHARACTERS:
        return None
    return Kept(
        path=request.get_full_path(),
        page=_page(request),
        fields=fields,
        files=files,
        person=request.get_signed_cookie(_COOKIE, "", salt=_SALT),
    )


def page_of_button(request: HttpRequest) -> str:
    """Return the page where somebody signed out pressed a button, to press it again."""
    if request.method != "POST" or not _is_browsed(request):
        return ""
    return _page(request)


def sign(kept: Kept) -> str:
    return signing.dumps(asdict(kept), salt=_SALT, compress=True)


def read(text: str) -> Kept | None:
    """Return what ``sign`` gave, None if it is too old or of somebody else's making."""
    try:
        return Kept(**signing.loads(text, salt=_SALT, max_age=_LASTS_SECONDS))
    except signing.BadSignature:
        return None


def remember_person(request: HttpRequest, response: HttpResponse, path: str) -> None:
    """Note on the device who signed in, for when the session is gone."""
    response.set_signed_cookie(
        _COOKIE,
        str(request.user.pk),
        salt=_SALT,
        max_age=_COOKIE_SECONDS,
        path=path,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def forget_person(response: HttpResponse, path: str) -> None:
    response.delete_cookie(_COOKIE, path=path, samesite="Lax")


def _is_browsed(request: HttpRequest) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def _page(request: HttpRequest) -> str:
    """Return the path of the page that the form stands on, if it is one of ours."""
    address = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(
        address, {request.get_host()}, require_https=request.is_secure()
    ):
        return ""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
