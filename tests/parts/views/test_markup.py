"""What must hold of every page's markup."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from parts import workflow
from parts.models import PartFile
from parts.views import cards
from tests.factories import FACTS, make_converted, make_file, make_key, make_part

ROOT = Path(settings.BASE_DIR)
TEMPLATES = ROOT / "templates"
ICONS = json.loads(Path(settings.BASE_DIR, "icons/sprite.json").read_text())
# Under a strict content security policy these do nothing.
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", re.I)


@pytest.fixture
def pages(lead) -> list[str]:
    """Addresses of pages with about everything that a page can show."""
    part = make_part(category="cnc", due_date="2020-01-01", blocked_reason="No bar.")
    make_converted(part)
    workflow.assign(part, worker=lead.name, actor=lead)
    make_converted(part, facts={**FACTS, "thickness_mm": 3.0})
    failed = make_file(make_part(category="hand"))
    PartFile.objects.filter(pk=failed.pk).update(state="failed", error="No solid.")
    own = [
        reverse(f"parts:{name}", args=[part.pk]) for name in ("edit", "delete", "give")
    ]
    own += [reverse("parts:edit-field", args=[part.pk, n]) for n in ("notes", "type")]
    boards = ["home", "review", "production", "completed", "search", "create"]
    return [
        part.get_absolute_url(),
        failed.part.get_absolute_url(),
        *own,
        *(reverse(f"parts:{name}") for name in boards),
        reverse("accounts:keys"),
        reverse("accounts:key-revoke", args=[make_key(owner=lead)[0].pk]),
        reverse("accounts:password-change"),
        reverse("accounts:invitations"),
        reverse("people:profile"),
        reverse("people:list"),
        reverse("people:close", args=[lead.pk]),
    ]


def test_nothing_is_inline(pages, lead_page, client):
    for address in pages:
        assert not INLINE.search(lead_page.get(address).text), address
    client.logout()
    assert not INLINE.search(client.get(reverse("accounts:login")).text)


def test_every_page_has_one_heading_and_a_skip_link(pages, lead_page):
    for address in pages:
        text = lead_page.get(address).text
        assert text.count("<h1") == 1, address
        assert '<a class="skip-link" href="#main">' in text


def test_no_id_stands_twice(pages, lead_page):
    for address in pages:
        ids = re.findall(r'\sid="([^"]+)"', lead_page.get(address).text)
        assert len(ids) == len(set(ids)), address


def test_every_posted_form_has_its_token(pages, lead_page):
    for address in pages:
        text = lead_page.get(address).text
        forms = re.findall(r'<form[^>]*method="post".*?</form>', text, re.S)
        assert forms
        assert all("csrfmiddlewaretoken" in form for form in forms), address


def test_every_icon_is_drawn():
    used = set()
    for template in TEMPLATES.rglob("*.html"):
        used |= set(re.findall(r'{% icon "([^"]+)" %}', template.read_text()))
    source = Path(cards.__file__).read_text()
    used |= set(re.findall(r'Sign\("([^"]+)"', source))
    used |= set(re.findall(r'Mark\("[^"]+", "([^"]+)"', source))
    assert used <= set(ICONS)
    # Names that are chosen by code stand there quoted; what stands nowhere is dead.
    places = (
        "templates/**/*.html",
        "static/js/*.js",
        "parts/**/*.py",
        "accounts/**/*.py",
    )
    sources = "".join(path.read_text() for place in places for path in ROOT.glob(place))
    assert {name for name in ICONS if f'"{name}"' not in sources} == set()
