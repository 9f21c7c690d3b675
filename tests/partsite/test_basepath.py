"""Below a path every address begins with it, whatever the proxy in front does."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import RequestFactory
from django.urls import URLPattern, get_resolver, resolve, reverse

from parts.models import Part
from partsite import basepath, frontend
from partsite.settings import base as base_settings
from partsite.urls import routes
from tests.factories import TINY_PDF, make_converted, make_file, make_key, make_part

from .prefixed import BASE, Proxied, below

ROOT = Path(__file__).parents[2]
# What stands for each parameter of an address.
EXAMPLES = {
    "pk": 1,
    "revision": 1,
    "kind": "step",
    "tag": "abc",
    "category": "cnc",
    "app_label": "parts",
    "number": 0,
}
VISITS_OF_A_PAGE = 3


@pytest.fixture
def base(settings):
    yield from below(BASE, settings)


def _patterns(patterns: list, space: str = "") -> Iterator[tuple[str, dict]]:
    """Give name and parameters of every address there is."""
    for entry in patterns:
        if isinstance(entry, URLPattern):
            if entry.name:
                names = entry.pattern.regex.groupindex
                yield space + entry.name, names
        else:
            inner = f"{entry.namespace}:" if entry.namespace else ""
            yield from _patterns(entry.url_patterns, space + inner)


def test_every_named_address_lies_below_the_path(base):
    names = list(_patterns(get_resolver().url_patterns))
    assert len(names) > 100
    for name, parameters in names:
        values = {key: EXAMPLES.get(key, 1) for key in parameters}
        assert reverse(name, kwargs=values).startswith(f"{base}/"), name


class _Addresses(HTMLParser):
    """Collects what stands in an attribute and begins like an address."""

    def __init__(self, page: str):
        super().__init__()
        self.rooted: set[str] = set()
        self.links: set[str] = set()
        self.relations: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        for name, value in attrs:
            if value and value.startswith("/"):
                self.rooted.add(value)
            if value and name in {"href", "src"}:
                self.links.add(value)
            if value and name == "rel":
                self.relations.update(value.split())


def _values(data: object) -> Iterator[str]:
    """Give every text in a JSON answer."""
    if isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from _values(value)
    elif isinstance(data, str):
        yield data


def _name_of(address: str) -> str:
    return resolve(urlsplit(address).path.removeprefix(BASE)).view_name


def _shop() -> Part:
    for category in ("review", "cnc", "hand", "completed"):
        part = make_part(category=category, onshape_url="https://cad.onshape.com/x")
        make_converted(part)
    make_file(part, "drawing.pdf", TINY_PDF)
    make_key()
    return part


def test_no_page_leads_out_of_the_path(base, lead):
    _shop()
    client = Proxied()
    client.force_login(lead)
    waiting = [f"{base}/", f"{base}/api/docs/", f"{base}/admin/", f"{base}/api/parts/"]
    seen = set(waiting)
    shown: set[str] = set()
    visits: Counter[str] = Counter()
    for address in waiting:  # grows while it is gone through
        answer = client.get(address, headers={"Accept": "text/html"})
        assert answer.status_code < 500, address
        if answer.status_code == 200:
            shown.add(_name_of(address))
        links = set()
        if target := answer.get("Location"):
            assert target.startswith(f"{base}/"), f"{address} leads to {target}"
            links = {target}
        elif "html" in answer["Content-Type"]:
            page = _Addresses(answer.content.decode())
            out = {link for link in page.rooted if not link.startswith(f"{base}/")}
            assert not out, f"{address} names {out}"
            links = page.links
            # Without one the browser looks for it at the root of the host.
            if answer.status_code == 200:
                assert "icon" in page.relations, address
        elif "javascript" in answer["Content-Type"]:
            script = answer.content.decode().replace(r"\u002D", "-")
            rooted = re.findall(r"""["'`](/\w[\w/.-]*)""", script)
            assert [link for link in rooted if not link.startswith(f"{base}/")] == []
        answer.getvalue()  # a file that is not read is not closed either
        for link in links:
            link = urlsplit(urljoin(f"http://testserver{address}", link))
            if link.netloc != "testserver" or link.path.startswith(f"{base}/static/"):
                continue
            name = _name_of(link.path)
            visits[name] += 1
            where = link._replace(scheme="", netloc="", fragment="").geturl()
            if where not in seen and visits[name] <= VISITS_OF_A_PAGE:
                seen.add(where)
                waiting.append(where)
    assert {"parts:detail", "parts:file-download", "accounts:password-change"} < shown
    assert {"admin:parts_part_change", "api:part-list", "api:docs"} < shown
    assert len(shown) > 40, shown


def test_no_answer_of_the_api_leads_out_of_the_path(base, lead):
    part = _shop().pk
    client = Proxied()
    client.force_login(lead)
    found = set()
    of_part = (f"{part}{path}" for path in ("", "/files", "/events"))
    for path in ("", *of_part, "stats", "categories/cnc"):
        answer = client.get(f"{base}/api/parts/{path}")
        texts = _values(json.loads(answer.content))
        found |= {text for text in texts if re.match(r"/\w", text)}
    assert f"{base}/api/parts/{part}/files/1" in found
    assert any("/model?v=" in text for text in found)
    assert any("/thumbnail/" in text for text in found)
    assert {
        text for text in found if not text.startswith(f"{base}/api/parts/")
    } == set()
    made = client.post(
        f"{base}/api/parts/",
        {"name": "Hub", "type": "cnc", "subsystem": "Arm", "material": "Steel"},
        content_type="application/json",
    )
    assert made["Location"] == f"{base}/api/parts/{made.json()['id']}"


def test_scripts_and_styles_name_no_address_of_the_host():
    sources = [*ROOT.glob("static/**/*.[jc]s*"), *ROOT.glob("viewer/*.js")]
    assert len(sources) > 40
    rooted = re.compile(r"""(url\(\s*["']?|["'`])/(?![/*])[\w.-]""")
    assert [path for path in sources if rooted.search(path.read_text())] == []


@pytest.mark.parametrize("sent", ["/review/", f"{BASE}/review/"])
def test_a_stranger_is_sent_to_sign_in_and_back(base, lead, sent):
    client = Proxied()
    lead.set_password("correct horse")
    lead.save()
    answer = client.get(sent)
    assert answer["Location"] == f"{base}/account/login/?next={base}/review/"
    answer = client.post(
        answer["Location"], {"username": "lead", "password": "correct horse"}
    )
    assert (answer.status_code, answer["Location"]) == (302, f"{base}/review/")
    assert (
        client.post(f"{base}/account/logout/")["Location"] == f"{base}/account/login/"
    )


def test_cookies_are_sent_below_the_path_alone(base, lead):
    client = Proxied()
    lead.set_password("correct horse")
    lead.save()
    person = {"username": "lead", "password": "correct horse"}
    client.get(f"{base}/account/login/")
    client.post(f"{base}/account/login/", person)
    client.post(f"{base}/account/look/", {"theme": "dark"})
    part = make_part()
    client.post(f"{base}/parts/{part.pk}/approve/")
    cookies = {name: morsel["path"] for name, morsel in client.cookies.items()}
    assert cookies == dict.fromkeys(
        ("csrftoken", "sessionid", "theme", "messages", "person"), base
    )
    assert "is ready to be made" in client.get(f"{base}/review/").content.decode()
    # Its end is told for the same path, or it would never end.
    assert client.cookies["messages"].value == ""
    assert client.cookies["messages"]["path"] == base


@pytest.mark.parametrize("sent", ["/health", "/health/", f"{BASE}/health"])
def test_health_answers_with_the_path_and_without(base, db, sent):
    answer = Proxied().get(sent)
    assert (answer.status_code, answer.json()["status"]) == (200, "healthy")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("/parts-system/review/", "/parts-system/review/"),
        ("/review/", "/parts-system/review/"),
        ("/parts-system", None),
        ("/parts-systems/", "/parts-system/parts-systems/"),
        ("/parts-system/parts-system/", "/parts-system/parts-system/"),
        ("/", "/parts-system/"),
    ],
)
def test_the_path_is_taken_off_once_where_it_stands(base, sent, shown):
    seen = []
    site = basepath.under(
        lambda environ, start: seen.append(
            environ["SCRIPT_NAME"] + environ["PATH_INFO"]
        )
    )
    site(RequestFactory()._base_environ(PATH_INFO=sent), lambda status, headers: None)
    assert seen == [shown] * (shown is not None)


def test_the_bare_path_gets_its_slash(base):
    said = []
    environ = RequestFactory()._base_environ(PATH_INFO=base, QUERY_STRING="a=1&b")
    site = basepath.under(None)
    assert site(environ, lambda *words: said.append(words)) == []
    assert said == [("301 Moved Permanently", [("Location", f"{base}/?a=1&b")])]


def test_without_a_path_nothing_is_touched():
    environ = {"PATH_INFO": "", "SCRIPT_NAME": "/of-the-server"}
    basepath.under(lambda given, start: given)(environ, None)
    assert environ == {"PATH_INFO": "", "SCRIPT_NAME": "/of-the-server"}


def test_a_path_that_is_a_page_is_refused_before():
    own = {
        str(route.pattern).split("/")[0]
        for entry in routes(has_frontend=True) + routes(has_frontend=False)
        for route in (entry.url_patterns if str(entry.pattern) == "" else [entry])
    }
    # Told apart below; of the rest, one is no path, and one has no name.
    own -= {"parts", "favicon.ico", "", str(frontend.route.pattern).split("/")[0]}
    assert own | {"static", "media"} == set(base_settings._TAKEN.split())


@pytest.mark.parametrize(
    ("sent", "page"),
    [
        ("/parts/parts/7/", "/parts/7/"),  # the proxy left the path
        ("/parts/7/", "/parts/7/"),  # it took it off
        ("/parts/new/", "/parts/new/"),
        ("/parts/review/", "/review/"),
        ("/review/", "/review/"),
        ("/parts/api/parts/7", "/api/parts/7"),
        ("/parts/static/css/bundle.css", "/static/css/bundle.css"),
    ],
)
def test_a_path_that_pages_begin_with_is_told_from_them(settings, sent, page):
    for _ in below("/parts", settings):
        environ = {"PATH_INFO": sent}
        basepath.enter(environ)
        assert environ == {"PATH_INFO": page, "SCRIPT_NAME": "/parts"}
