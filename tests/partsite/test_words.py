"""Whatever a page says in words can be said in another language.

gettext is made to mark what it is given, and all data is written in Greek: a Latin
word outside the marks is one that no translator ever sees.
"""

import re
from html.parser import HTMLParser

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.models import Role
from accounts.sessions import SessionStore
from parts import workflow
from parts.models import PartFile
from tests.factories import (
    make_converted,
    make_factor,
    make_file,
    make_key,
    make_part,
    make_user,
)

SHOWN = {"alt", "aria-description", "aria-label", "placeholder", "title"}
# Units, names of formats and of programs, which are the same everywhere.
SAME = {"mm", "in", "cm", "API", "GLB", "PDF", "PNG", "STEP", "URL", "Onshape"}
MARKED = re.compile("⟦[^⟦⟧]*⟧")
LATIN = re.compile(r"[A-Za-z]{2,}")
DATA = re.compile(r"https?://\S+|\S+\.step\b")
SILENT = {"script", "style", "code"}
VOID = {"br", "hr", "img", "input", "link", "meta", "use", "wbr", "path", "source"}


class Words(HTMLParser):
    """Collects the texts of a page that a person sees or hears."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.shown: list[str] = []
        self._silence = 0  # how deep inside an element that speaks no language

    def handle_starttag(self, tag: str, attrs: list) -> None:
        values = dict(attrs)
        self.shown += [v for k, v in attrs if k in SHOWN and v]
        if tag in VOID:
            return
        classes = (values.get("class") or "").split()
        is_silent = (
            tag in SILENT or "code" in classes or values.get("translate") == "no"
        )
        if self._silence or is_silent:
            self._silence += 1

    def handle_endtag(self, tag: str) -> None:
        if self._silence and tag not in VOID:
            self._silence -= 1

    def handle_data(self, data: str) -> None:
        if not self._silence:
            self.said.append(data)


@pytest.fixture
def marked(monkeypatch):
    """Let gettext mark every text; marks stand inside marks."""

    def one(text: str) -> str:
        return f"⟦{text}⟧" if text else text

    def many(singular: str, plural: str, number: int) -> str:
        return one(singular if number == 1 else plural)

    real = translation._trans
    monkeypatch.setattr(real, "gettext", one)
    monkeypatch.setattr(real, "ngettext", many)
    monkeypatch.setattr(real, "pgettext", lambda context, text: one(text))
    monkeypatch.setattr(
        real, "npgettext", lambda context, one_, many_, n: many(one_, many_, n)
    )


@pytest.fixture
def lena(db):
    return make_user("λένα", name="Λένα", role=Role.LEAD)


@pytest.fixture
def pages(lena) -> list[str]:
    greek = {
        "subsystem": "Βάση",
        "material": "Χάλυβας",
        "notes": "Προσοχή",
        "material_thickness": "6 mm",
    }

    def part(**fields):
        return make_part(name="Πλάκα", code=f"π{len(parts)}", **greek, **fields)

    parts: list = []
    held = part(category="cnc", due_date="2020-01-01", blocked_reason="Λείπει.")
    parts.append(held)
    make_converted(held)
    workflow.assign(held, worker=lena.name, actor=lena)
    make_file(held, name="πλάκα.step")
    failed = make_file(part(category="hand"), name="β.step")
    PartFile.objects.filter(pk=failed.pk).update(state="failed", error="Κακό.")
    sent_back = part(category="review")
    workflow.send_back(sent_back, reason="Όχι.", actor=lena)
    done = part(category="hand", assigned=lena.name)
    workflow.complete(done, actor=lena, storage="Ράφι")
    other = make_user("νία", name="Νία")
    make_factor(other)
    there = SessionStore()
    there[SESSION_KEY] = str(lena.pk)
    there.create()
    own = [reverse(f"parts:{name}", args=[held.pk]) for name in ("edit", "delete")]
    boards = ["home", "review", "production", "completed", "search", "create"]
    return [
        *(p.get_absolute_url() for p in (held, failed.part, sent_back, done)),
        *own,
        *(reverse(f"parts:{name}") for name in boards),
        reverse("parts:search") + "?search=ω",
        reverse("accounts:keys"),
        reverse(
            "accounts:key-revoke", args=[make_key(owner=lena, name="Κλειδί")[0].pk]
        ),
        reverse("accounts:password-change"),
        reverse("accounts:invitations"),
        reverse("accounts:factor"),
        reverse("accounts:factor-take-away", args=[other.pk]),
        reverse("accounts:session-end", args=[there.row.pk]),
        reverse("accounts:sessions-end"),
        reverse("people:profile"),
        reverse("people:list"),
        reverse("parts:views"),
        reverse("parts:give", args=[held.pk]),
        reverse("parts:edit-field", args=[held.pk, "material"]),
        reverse("parts:production") + "?group=stock&mine=true",
        reverse("parts:production") + "?category=hand",
        reverse("parts:completed") + "?storage=Ρ&wrong=false",
        "/parts/0/",
    ]


def _unseen(texts: list[str]) -> set[str]:
    """Return what holds Latin words outside all marks, which may span elements."""
    text = "\n".join(" ".join(text.split()) for text in texts)
    while MARKED.search(text):
        text = MARKED.sub(" ", text)
    lines = {DATA.sub("", line).strip() for line in text.splitlines()}
    return {line for line in lines if set(LATIN.findall(line)) - SAME}


@pytest.mark.parametrize("role", ["lead", "viewer"])
def test_no_word_escapes_the_translators(client, lena, pages, marked, role):
    lena.role = role
    lena.save()
    client.force_login(lena)
    answers = {address: client.get(address, follow=True) for address in pages}
    assert _escaped(answers) == {}


def test_nor_does_one_of_the_second_factor(client, lena, marked):
    lena.set_password("κωδικός πρόσβασης")
    lena.save()
    make_factor(lena)
    client.force_login(lena)
    password, half = {"password": "κωδικός πρόσβασης"}, Client()
    half.post("/account/login/", {"username": lena.username, **password})
    answers = {
        "factor": client.get("/account/factor/"),
        "codes": client.post("/account/factor/codes/", password),
        "wrong": client.post("/account/factor/off/", {"code": "0", **password}),
        "code": half.get("/account/code/"),
        "lost": half.get("/account/code/?lost=1"),
        "wrong code": half.post("/account/code/", {"code": "0"}),
    }
    assert {answer.status_code for answer in answers.values()} == {200, 422}
    assert _escaped(answers) == {}


def _escaped(answers: dict) -> dict[str, set[str]]:
    escaped = {}
    for name, answer in answers.items():
        words = Words()
        words.feed(answer.text)
        if found := _unseen(words.said) | _unseen(words.shown):
            escaped[name] = found
    return escaped
