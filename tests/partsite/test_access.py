"""Who may do what: every address, for everybody, and what each answer carries.

A route without a line in these tables is a failure, and so is a line without a route.
"""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookies import SimpleCookie
from itertools import count
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
from PIL import Image

from accounts import invitations
from accounts.models import ApiKey, Role, Scope, User
from parts import workflow
from parts.models import SavedFilter, Season
from tests.factories import (
    TINY_PDF,
    code_now,
    make_converted,
    make_draft,
    make_factor,
    make_file,
    make_key,
    make_part,
    make_upload,
    make_user,
)

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"  # noqa: S105 - of accounts of the test's own
PEOPLE = ("stranger", "viewer", "member", "lead")

# --- The tables ---------------------------------------------------------------

# What comes of GET and of POST for a stranger, a viewer, a member and a lead, each
# upon their own things. A letter is what an answer means: sent to Sign in, Forbidden,
# Hidden (404), Method not allowed, Read or told in words, Written, X not understood,
# Unready.
PAGES = {
    "": ("srrr", "smmm"),
    "review/": ("srrr", "smmm"),
    "production/": ("srrr", "smmm"),
    "completed/": ("srrr", "smmm"),
    "search/": ("srrr", "smmm"),
    "search/find/": ("srrr", "smmm"),
    "search/views/": ("srrr", "smmm"),
    "search/views/save/": ("smmm", "swww"),
    "search/views/<int:pk>/rename/": ("smmm", "swww"),
    "search/views/<int:pk>/raise/": ("smmm", "swww"),
    "search/views/<int:pk>/delete/": ("smmm", "swww"),
    "parts/live/": ("srrr", "smmm"),
    "parts/new/": ("sfrr", "sfww"),
    "parts/new/files/": ("sfrr", "sfww"),
    "parts/new/files/<int:pk>/remove/": ("smmm", "sfww"),
    "parts/new/files/<int:pk>/<str:tag>.png": ("sfrr", "smmm"),
    "parts/<int:pk>/": ("srrr", "smmm"),
    "parts/<int:pk>/edit/": ("sfrr", "sfww"),
    "parts/<int:pk>/edit/<slug:field>/": ("sfrr", "sfww"),
    "parts/<int:pk>/delete/": ("sffr", "smmm"),
    "parts/<int:pk>/approve/": ("smmm", "srrw"),
    "parts/<int:pk>/send-back/": ("smmm", "srrw"),
    "parts/<int:pk>/resubmit/": ("smmm", "srww"),
    "parts/<int:pk>/assign/": ("smmm", "srww"),
    "parts/<int:pk>/give/": ("sffr", "smmm"),
    "parts/<int:pk>/start/": ("smmm", "srww"),
    "parts/<int:pk>/accept-revision/": ("smmm", "srww"),
    "parts/<int:pk>/unclaim/": ("smmm", "srww"),
    "parts/<int:pk>/complete/": ("smmm", "srww"),
    "parts/<int:pk>/block/": ("smmm", "srww"),
    "parts/<int:pk>/unblock/": ("smmm", "srww"),
    "parts/<int:pk>/place/": ("smmm", "srww"),
    "parts/<int:pk>/made-wrong/": ("smmm", "srww"),
    "parts/<int:pk>/remake/": ("smmm", "srww"),
    "parts/<int:pk>/revert/": ("smmm", "srrw"),
    "parts/<int:pk>/trash/": ("smmm", "srrw"),
    "parts/<int:pk>/files/": ("smmm", "sfww"),
    "parts/<int:pk>/files/<str:kind>/<int:revision>/": ("srrr", "smmm"),
    "parts/<int:pk>/files/<str:kind>/<int:revision>/retry/": ("smmm", "sfww"),
    "parts/<int:pk>/files/step/<int:revision>/<slug:tag>.png": ("srrr", "smmm"),
    "parts/<int:pk>/drawing/": ("smmm", "sfrr"),  # nothing to fetch it from
    "account/login/": ("rrrr", "wrrr"),
    "account/code/": ("rrrr", "rrrr"),  # for who is half in alone: see below
    "account/logout/": ("smmm", "swww"),
    "account/again/": ("srrr", "srrr"),
    "account/password/": ("srrr", "swww"),
    "account/password/done/": ("srrr", "smmm"),
    "account/first/": ("rrrr", "rrrr"),  # there are people: on to the sign-in
    "account/invited/": ("hhhh", "hhhh"),  # without a link
    "account/invitations/": ("sffr", "sffw"),
    "account/invitations/<int:pk>/revoke/": ("smmm", "sffw"),
    "account/people/<int:pk>/password-link/": ("smmm", "sffw"),
    "account/keys/": ("srrr", "swww"),
    "account/keys/<int:pk>/revoke/": ("srrr", "swww"),
    "account/look/": ("smmm", "swww"),
    "account/factor/": ("srrr", "srrr"),  # they have one
    "account/factor/codes/": ("smmm", "swww"),
    "account/factor/off/": ("smmm", "swww"),
    "account/people/<int:pk>/factor/": ("sffr", "sffw"),
    "account/sessions/<int:pk>/end/": ("srrr", "swww"),
    "account/sessions/end/": ("srrr", "swww"),
    "account/": ("srrr", "swww"),
    "account/people/": ("sffr", "smmm"),
    "account/people/<int:pk>/role/": ("smmm", "sffw"),
    "account/people/<int:pk>/close/": ("sffr", "sffw"),
    "account/people/<int:pk>/open/": ("smmm", "sffw"),
    "favicon.ico": ("rrrr", "rrrr"),
    "words.js": ("rrrr", "mmmm"),
    "health": ("rrrr", "mmmm"),
    "health/": ("rrrr", "mmmm"),
    "health/ready": ("uuuu", "mmmm"),  # no worker runs here
    "metrics": ("hhhh", "hhhh"),  # nobody's address is let in
    "api/openapi.json": ("rrrr", "mmmm"),
    "api/docs": ("rrrr", "mmmm"),
    "api": ("hhhh", "hhhh"),
}
# What one must be able to do for each method of the API.
READ, WORK, LEAD, WIPE = "read", "work", "lead", "wipe"
_READ = {"GET": READ}
API = {
    "api/parts": {"GET": READ, "POST": WORK},
    "api/parts/<int:pk>": {"GET": READ, "PUT": WORK, "PATCH": WORK, "DELETE": LEAD},
    "api/parts/<int:pk>/approve": {"POST": LEAD},
    "api/parts/<int:pk>/send-back": {"POST": LEAD},
    "api/parts/<int:pk>/assign": {"POST": WORK},
    "api/parts/<int:pk>/unclaim": {"POST": WORK},
    "api/parts/<int:pk>/complete": {"POST": WORK},
    "api/parts/<int:pk>/revert": {"POST": LEAD},
    "api/parts/<int:pk>/convert": {"POST": WORK},
    "api/parts/<int:pk>/upload": {"POST": WORK},
    "api/parts/<int:pk>/views": {"GET": READ, "POST": WORK},
    "api/parts/wipe": {"POST": WIPE},
    **dict.fromkeys(
        [
            "api/parts/auth/check",
            "api/parts/categories/<str:category>",
            "api/parts/leaderboard",
            "api/parts/stats",
            "api/parts/stats/detailed",
            "api/parts/<int:pk>/download",
            "api/parts/<int:pk>/drawing",
            "api/parts/<int:pk>/events",
            "api/parts/<int:pk>/file",
            "api/parts/<int:pk>/files",
            "api/parts/<int:pk>/files/<int:revision>",
            "api/parts/<int:pk>/files/<int:revision>/model",
            "api/parts/<int:pk>/model",
            "api/parts/<int:pk>/thumbnail/<str:tag>.png",
            "api/parts/<int:pk>/views/<int:side>",
        ],
        _READ,
    ),
}
SESSIONS = {
    "viewer": {READ},
    "member": {READ, WORK},
    "lead": {READ, WORK, LEAD, WIPE},
}
# By scope and owner: a key may no more than either.
KEYS = {
    ("read", "nobody"): {READ},
    ("read", "viewer"): {READ},
    ("read", "member"): {READ},
    ("read", "lead"): {READ},
    ("write", "nobody"): {READ, WORK, LEAD},
    ("write", "viewer"): {READ},
    ("write", "member"): {READ, WORK},
    ("write", "lead"): {READ, WORK, LEAD},
    ("lead", "nobody"): {READ, WORK, LEAD, WIPE},
    ("lead", "viewer"): {READ},
    ("lead", "member"): {READ, WORK},
    ("lead", "lead"): {READ, WORK, LEAD, WIPE},
}
# Whose thing it is must be the one who asks; each is tried with somebody else's.
OTHERS = {
    "search/views/<int:pk>/rename/": "h",
    "search/views/<int:pk>/raise/": "h",
    "search/views/<int:pk>/delete/": "h",
    "parts/new/files/<int:pk>/remove/": "h",
    "parts/new/files/<int:pk>/<str:tag>.png": "h",
    "account/keys/<int:pk>/revoke/": "h",
    "account/sessions/<int:pk>/end/": "r",  # “signed out already”, as of any number
}


# --- The shop -----------------------------------------------------------------


class Shop:
    """A part for each step, and for everybody things that are theirs alone."""

    def __init__(self) -> None:
        self.people = {
            role: make_user(role, role=role, name=role.title(), password=PASSWORD)
            for role in PEOPLE[1:]
        }
        self.other = make_user("other", role=Role.MEMBER, name="Other")
        for user in (*self.people.values(), self.other):
            make_factor(user)
        self.season = Season.objects.create(name="2026")
        self.review = make_part(type="cnc")
        self.step = make_converted(self.review)
        self.drawing = make_file(self.review, "d.pdf", TINY_PDF)
        pictures = {1: self.step.thumbnail.name}
        workflow.add_views(self.review, actor=None, views=pictures)
        self.failed = make_converted(make_part(), state="failed", error="x")
        self.sent_back = make_part(blocked_reason="Holes")
        self.by_hand = make_part(type="hand", category="hand")
        make_file(self.by_hand, "d.pdf", TINY_PDF)
        self.free = make_part(category="cnc")
        self.blocked = make_part(category="cnc", blocked_reason="No stock")
        self.done = make_part(category="completed", assigned="Member")
        self.wrong = make_part(
            category="completed", assigned="Member", completed_incorrectly=True
        )
        self.things = {
            user.username: self._things(user)
            for user in (*self.people.values(), self.other)
        }

    def _things(self, user: User) -> dict[str, Any]:
        held = make_part(category="cnc")
        make_converted(held)
        workflow.assign(held, worker=user.name, actor=self.people["lead"])
        make_converted(held)
        picture = self.step.thumbnail.name
        draft = make_draft(user, state="done", thumbnail=picture, model=picture)
        link, _secret = invitations.invite(
            Role.VIEWER, lasts=timedelta(hours=1), by=user
        )
        view = SavedFilter.objects.create(owner=user, name="Mine", board="review")
        return {
            "held": held.pk,
            "session": _signed_in(user, also_here=True),
            "key": make_key(owner=user)[0].pk,
            "view": view.pk,
            "draft": draft.pk,
            "tag": draft.thumbnail_tag,
            "invitation": link.pk,
        }


def _signed_in(user: User, *, also_here: bool = False) -> Any:
    """Sign ``user`` in and return the cookie, or the number of the session."""
    client = Client()
    client.force_login(user)
    if also_here:
        return user.sessions.get().pk
    return SimpleCookie({"sessionid": client.cookies["sessionid"].value})


# --- Who asks -----------------------------------------------------------------


@dataclass
class Actor:
    """Somebody with a session, with a key, or with neither."""

    name: str
    cookies: SimpleCookie = field(default_factory=SimpleCookie)
    key: str = ""


@pytest.fixture
def shop() -> Shop:
    return Shop()


def people(shop: Shop) -> list[Actor]:
    signed_in = [Actor(n, _signed_in(user)) for n, user in shop.people.items()]
    return [Actor("stranger"), *signed_in]


# --- How it is asked ----------------------------------------------------------


class Asker:
    """Asks for one after the other, and undoes what was written."""

    def __init__(self, **options: Any) -> None:
        self._client = Client(raise_request_exception=False, **options)
        self._numbers = count(1)
        self.answer: Any = None
        self.written: list[str] = []

    def ask(
        self, actor: Actor, method: str, route: str, shop: Shop, *, whose: str = ""
    ) -> str:
        """Ask, look at what every answer has to carry, and return the letter."""
        path = path_of(route, shop, whose or actor.name)
        data = data_of(route, shop, actor)
        has_file = any(hasattr(value, "read") for value in data.values())
        is_json = route in API and not has_file
        letter = self._letter(actor, method, path, data, is_json=is_json)
        policy = self.answer["Content-Security-Policy"]
        assert "unsafe" not in policy, path
        assert "default-src 'self'" in policy or "sandbox" in policy, path
        assert self.answer["X-Content-Type-Options"] == "nosniff", path
        assert self.answer["X-Frame-Options"] == "DENY", path
        return letter

    def _letter(
        self, actor: Actor, method: str, path: str, data: dict, *, is_json: bool
    ) -> str:
        self._client.cookies = SimpleCookie()
        for name, morsel in actor.cookies.items():
            self._client.cookies[name] = morsel.value
        number = next(self._numbers)
        extra = {
            "headers": {"X-API-Key": actor.key} if actor.key else {},
            # Each from an address of its own, since wrong keys are limited.
            "REMOTE_ADDR": f"10.0.{number >> 8}.{number & 255}",
        }
        written: list[str] = []

        def watch(execute, sql, params, many, context):
            result = execute(sql, params, many, context)
            has_changed = re.match(r"INSERT\b", sql) or (
                re.match(r"(UPDATE|DELETE)\b", sql) and context["cursor"].rowcount
            )
            if has_changed and '"cache"' not in sql:
                written.append(sql)
            return result

        with transaction.atomic(), connection.execute_wrapper(watch):
            if is_json and method != "GET":
                body = json.dumps(data)
                answer = self._client.generic(
                    method, path, body, "application/json", **extra
                )
            elif method in {"GET", "POST"}:
                ask = getattr(self._client, method.lower())
                answer = ask(path, data if method == "POST" else None, **extra)
            else:
                answer = self._client.generic(method, path, **extra)
            transaction.set_rollback(True)
        answer.getvalue()  # and so closes the file that is in it
        self.answer, self.written = answer, written
        return _meaning(answer, written)


def _meaning(answer, written: list[str]) -> str:
    status = answer.status_code
    if status == 401 or (status == 302 and "/login/?" in answer["Location"]):
        found = "s"
    elif status in {403, 404, 405}:
        found = {403: "f", 404: "h", 405: "m"}[status]
    elif status in {400, 409, 410, 422}:
        found = "x"
    elif status < 400:
        return "w" if written else "r"
    else:
        found = {503: "u"}.get(status, str(status))
    return found.upper() if written else found


def routes() -> list[str]:
    """List every address there is; of two forms of one, that without the slash."""

    def walk(patterns, before: str) -> Iterator[str]:
        for each in patterns:
            whole = before + str(each.pattern)
            if hasattr(each, "url_patterns"):
                yield from walk(each.url_patterns, whole)
            else:
                yield whole

    found = walk(get_resolver().url_patterns, "")
    return list(
        dict.fromkeys(
            route.rstrip("/") if route.startswith("api/") else route for route in found
        )
    )


def path_of(route: str, shop: Shop, whose: str) -> str:
    """Fill in what belongs to ``whose``, or else to another member."""
    values = _values(route, shop, shop.things.get(whose) or shop.things["other"])

    def fill(found: re.Match) -> str:
        return str(values[found[1]])

    if route in _REGULAR:
        return _REGULAR[route]
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", fill, route)


def _values(route: str, shop: Shop, mine: dict[str, Any]) -> dict[str, Any]:
    part = next(
        (getattr(shop, name) for end, name in PARTS.items() if route.endswith(end)),
        shop.review,
    )
    values = {
        "pk": mine["held"] if route.endswith(HELD) else part.pk,
        "kind": "step",
        "revision": 1,
        "side": 1,
        "tag": shop.step.thumbnail_tag,
        "field": "material",
        "name": "approve",
        "category": "cnc",
        "id": shop.other.pk,
        "content_type_id": ContentType.objects.get_for_model(Season).pk,
        "object_id": shop.season.pk,
        "app_label": "parts",
        "url": "nothing",
    }
    if route.endswith("retry/"):
        values["pk"] = shop.failed.part_id
    for beginning, thing in THINGS.items():
        if route.startswith(beginning):
            values |= {"pk": mine[thing], "tag": mine["tag"]}
    for beginning, row in ROWS.items():
        if route.startswith(beginning):
            values |= {"object_id": row(shop), "pk": row(shop)}
    return values


# Routes that are regular expressions, and an address of each.
_REGULAR = {
    "admin/^(?P<app_label>accounts|django_q|parts)/$": "/admin/parts/",
    "admin/(?P<url>.*)$": "/admin/nothing",
    "api": "/api/nothing",
}
# The part that a step is for, by how its address ends; else one in review.
PARTS = {
    "resubmit/": "sent_back",
    "assign/": "free",
    "give/": "free",
    "start/": "free",
    "/block/": "free",
    "unblock/": "blocked",
    "place/": "done",
    "made-wrong/": "done",
    "remake/": "wrong",
    "revert/": "done",
    "revert": "done",
    "assign": "free",
    "drawing": "by_hand",
    "drawing/": "by_hand",
}
HELD = ("unclaim/", "complete/", "accept-revision/", "unclaim", "complete")
THINGS = {
    "search/views/": "view",
    "parts/new/files/": "draft",
    "account/keys/": "key",
    "account/sessions/": "session",
    "account/invitations/": "invitation",
}
ROWS = {
    "account/people/": lambda shop: shop.other.pk,
    "admin/accounts/user/": lambda shop: shop.other.pk,
    "admin/accounts/apikey/": lambda shop: shop.things["other"]["key"],
    "admin/django_q/failure/": lambda shop: "x",
    "admin/parts/partevent/": lambda shop: shop.review.events.first().pk,
    "admin/parts/partfile/": lambda shop: shop.step.pk,
    "admin/parts/season/": lambda shop: shop.season.pk,
    "admin/parts/part/": lambda shop: shop.review.pk,
}
PART = {"name": "N", "subsystem": "S", "material": "M", "type": "cnc", "amount": 1}
DATA = {
    "parts/<int:pk>/send-back/": lambda shop, me: {"reason": "Holes"},
    "parts/<int:pk>/edit/": lambda shop, me: {**PART, "notes": "!", "priority": "2"},
    "parts/<int:pk>/edit/<slug:field>/": lambda shop, me: {"material": "Gold"},
    "parts/<int:pk>/block/": lambda shop, me: {"blocked": "No stock"},
    "parts/<int:pk>/place/": lambda shop, me: {"storage": "A1"},
    "parts/<int:pk>/give/": lambda shop, me: {"assigned": "Member"},
    "parts/<int:pk>/files/": lambda shop, me: {"file": make_upload()},
    "parts/new/": lambda shop, me: {**PART, "priority": "2"},
    "parts/new/files/": lambda shop, me: {
        "file": make_upload(),
        "part": "7b1d0d8a-4a52-4c35-9a86-4d1b9d1c9a61",
    },
    "search/views/save/": lambda shop, me: {"name": "New", "board": "review"},
    "search/views/<int:pk>/rename/": lambda shop, me: {"name": "New"},
    "api/parts": lambda shop, me: PART,
    "api/parts/<int:pk>": lambda shop, me: {"notes": "!"},
    "api/parts/<int:pk>/send-back": lambda shop, me: {"reason": "Holes"},
    "api/parts/<int:pk>/assign": lambda shop, me: {"assigned": me.name.title()},
    "api/parts/<int:pk>/upload": lambda shop, me: {"file": make_upload()},
    "api/parts/<int:pk>/views": lambda shop, me: {"view_0": _picture()},
    "api/parts/wipe": lambda shop, me: {"password": me.key or PASSWORD},
    "account/login/": lambda shop, me: {"username": "lead", "password": PASSWORD},
    "account/password/": lambda shop, me: {
        "old_password": PASSWORD,
        "new_password1": "staple battery",
        "new_password2": "staple battery",
    },
    "account/": lambda shop, me: {
        "name": "New Name",
        "theme": "dark",
        "density": "compact",
        "units": "mm",
    },
    "account/keys/": lambda shop, me: {
        "name": "New",
        "scope": "read",
        "expires": "30",
        "ticket": "t" * 22,
    },
    "account/invitations/": lambda shop, me: {
        "role": "viewer",
        "lasts": "24",
        "uses": "1",
        "ticket": "u" * 22,
    },
    "parts/<int:pk>/made-wrong/": lambda shop, me: {"wrong_reason": "Too small"},
    "parts/<int:pk>/remake/": lambda shop, me: {},
    "account/people/<int:pk>/password-link/": lambda shop, me: {"ticket": "v" * 22},
    "account/people/<int:pk>/role/": lambda shop, me: {"role": "viewer"},
    "account/look/": lambda shop, me: {"theme": "dark"},
    "account/factor/codes/": lambda shop, me: {"password": PASSWORD},
    "account/factor/off/": lambda shop, me: {
        "password": PASSWORD,
        "code": code_now(shop.people.get(me.name, shop.other)),
    },
    "account/people/<int:pk>/factor/": lambda shop, me: {"password": PASSWORD},
    "account/sessions/<int:pk>/end/": lambda shop, me: {"password": PASSWORD},
    "account/sessions/end/": lambda shop, me: {"password": PASSWORD},
}


def data_of(route: str, shop: Shop, actor: Actor) -> dict:
    return DATA[route](shop, actor) if route in DATA else {}


def _picture():
    content = io.BytesIO()
    Image.new("RGB", (2, 2)).save(content, "PNG")
    return make_upload("view.png", content.getvalue())


# --- The tests ----------------------------------------------------------------


def test_every_route_has_a_line():
    told = {*PAGES, *API}
    there = {route for route in routes() if not route.startswith("admin/")}
    assert there - told == set(), "routes that nobody says who may use"
    assert told - there == set(), "lines whose route is gone"
    assert not PAGES.keys() & API.keys()


@pytest.mark.parametrize("half", [0, 1])
def test_pages_let_do_what_the_table_says(shop, half):
    asker, actors = Asker(), people(shop)
    found, told = {}, {}
    for route in list(PAGES)[half::2]:
        told[route] = PAGES[route]
        found[route] = tuple(
            "".join(asker.ask(actor, method, route, shop) for actor in actors)
            for method in ("GET", "POST")
        )
        for method in ("PUT", "PATCH", "DELETE"):
            asker.ask(actors[-1], method, route, shop)
            assert asker.answer.status_code in {302, 404, 405, 422}, (method, route)
            assert asker.written == [], (method, route)
    assert found == told


def test_the_admin_is_for_leads_alone(shop):
    asker, (stranger, viewer, member, lead) = Asker(), people(shop)
    let_in = {}
    admin = [route for route in routes() if route.startswith("admin/")]
    for route in admin:
        for method in ("GET", "POST"):
            for actor in (stranger, viewer, member):
                letter = asker.ask(actor, method, route, shop)
                to_index = letter == "r" and asker.answer.get("Location") == "/admin/"
                assert letter in {"s", "f"} or to_index, (route, method, actor.name)
        let_in[route] = asker.ask(lead, "GET", route, shop)
    assert set(let_in.values()) <= set("rfhm")
    shown = [route for route, letter in let_in.items() if letter == "r"]
    assert len(shown) > len(admin) * 0.7


def test_the_password_alone_opens_nothing_where_a_code_is_owed(shop):
    client, form = Client(), {"username": "lead", "password": PASSWORD}
    assert client.post("/account/login/", form)["Location"] == "/account/code/"
    cookie = SimpleCookie({"sessionid": client.cookies["sessionid"].value})
    asker, stranger, half = Asker(), Actor("stranger"), Actor("stranger", cookie)
    for route in routes():
        for method in ("GET", "POST", "DELETE"):
            told = asker.ask(stranger, method, route, shop)
            found = asker.ask(half, method, route, shop)
            is_own = route == "account/code/" and method != "DELETE"
            assert found == ({"GET": "r", "POST": "x"}[method] if is_own else told), (
                route,
                method,
            )
    assert client.get("/account/code/").status_code == 200


def test_who_must_set_a_second_factor_up_can_do_nothing_else(shop, settings):
    settings.SECOND_FACTOR = "leads"
    owing = make_user("owing", role=Role.LEAD, password=PASSWORD)
    asker, stranger, actor = Asker(), Actor("stranger"), Actor("owing")
    actor.cookies = _signed_in(owing)
    for route in routes():
        for method in ("GET", "POST", "DELETE"):
            told = asker.ask(stranger, method, route, shop)
            found = asker.ask(actor, method, route, shop)
            if asker.answer.get("Location") == "/account/factor/":
                found = "s"
            if route not in {"account/factor/", "account/login/", "account/logout/"}:
                assert found == told, (route, method)
    assert asker.ask(actor, "GET", "account/login/", shop) == "r"
    assert asker.answer["Location"] == "/account/factor/"
    assert asker.ask(actor, "GET", "account/factor/", shop) == "r"
    assert asker.answer.status_code == 200
    assert asker.ask(actor, "POST", "account/logout/", shop) == "w"


def test_a_key_opens_no_page(shop):
    text = _used_key(Scope.LEAD, shop.people["lead"])
    asker, script = Asker(), Actor("stranger", key=text)
    for route in routes():
        for method in ("GET", "POST"):
            if route in PAGES:
                told = PAGES[route][method == "POST"][0]
                assert asker.ask(script, method, route, shop) == told, (route, method)
            elif route not in API:
                assert asker.ask(script, method, route, shop) == "s", (route, method)


def _used_key(scope: str, owner: User | None) -> str:
    """Make a key whose use need not be noted, which is a write."""
    key, text = make_key(scope=scope, owner=owner)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now())
    return text


def _told(may: set[str], route: str, method: str) -> str:
    """Return the letters that the API may answer to whoever may do this."""
    if (needed := API[route].get(method)) is None:
        return "mf"
    if needed not in may:
        return "f"
    return "r" if method == "GET" else "w"


def test_sessions_may_use_the_api_as_the_table_says(shop):
    asker, (stranger, *signed_in) = Asker(), people(shop)
    for route in API:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            told = "s" if method in API[route] or method != "GET" else "sm"
            assert asker.ask(stranger, method, route, shop) in told, (route, method)
            for actor in signed_in:
                told = _told(SESSIONS[actor.name], route, method)
                found = asker.ask(actor, method, route, shop)
                assert found in told, (route, method, actor.name)


def test_keys_may_use_the_api_as_their_scope_and_owner_say(shop):
    asker, owners = Asker(), {**shop.people, "nobody": None}
    for (scope, owner), may in KEYS.items():
        script = Actor(owner, key=_used_key(scope, owners[owner]))
        for route, methods in API.items():
            for method in methods:
                told = _told(may, route, method)
                found = asker.ask(script, method, route, shop)
                assert found in told, (route, method, scope, owner)


def test_a_key_that_is_not_usable_opens_nothing(shop):
    asker, now = Asker(), timezone.now()
    texts = ["pk_0123456789ab_unknown", "nonsense"]
    for ended in ({"expires_at": now}, {"revoked_at": now}):
        key, text = make_key(scope=Scope.LEAD)
        ApiKey.objects.filter(pk=key.pk).update(**ended)
        texts.append(text)
    closed = make_user("closed", role=Role.LEAD, is_active=False)
    texts.append(make_key(scope=Scope.LEAD, owner=closed)[1])
    lead = _signed_in(shop.people["lead"])
    for text in texts:
        # A session behind a wrong key does not mend it.
        for cookies in (SimpleCookie(), lead):
            script = Actor("lead", cookies, key=text)
            for route, methods in API.items():
                for method in methods:
                    letter = asker.ask(script, method, route, shop)
                    assert letter == "s", (route, method, text)


@pytest.mark.parametrize("route", OTHERS)
def test_what_is_somebody_elses_is_not_there(shop, route):
    asker = Asker()
    _stranger, *signed_in = people(shop)
    for actor in signed_in:
        for method in ("GET", "POST"):
            letter = asker.ask(actor, method, route, shop, whose="other")
            assert letter in {OTHERS[route], "m", "f"}, (actor.name, method)
    assert letter in {OTHERS[route], "m"}  # a lead is no exception


def test_without_its_token_no_form_is_taken(shop):
    asker = Asker(enforce_csrf_checks=True)
    stranger, *_others, lead = people(shop)
    assert asker.ask(stranger, "POST", "account/login/", shop) == "f"
    for route in PAGES:
        if PAGES[route][1][-1] == "w":
            assert asker.ask(lead, "POST", route, shop) == "f", route
    for route, methods in API.items():
        for method in methods.keys() - {"GET"}:
            assert asker.ask(lead, method, route, shop) == "f", (route, method)
    for route in routes():
        if route.startswith("admin/") and "(?P" not in route:
            assert asker.ask(lead, "POST", route, shop) == "f", route


def test_a_key_needs_no_token(shop):
    text = _used_key(Scope.LEAD, shop.people["lead"])
    asker = Asker(enforce_csrf_checks=True)
    cookies = _signed_in(shop.people["lead"])
    script = Actor("lead", cookies, key=text)
    for route in ("api/parts", "api/parts/<int:pk>/approve"):
        assert asker.ask(script, "POST", route, shop) == "w"
