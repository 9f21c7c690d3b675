"""Whoever uses a shop: by a key, or signed in as in a browser."""

import re
import time
from collections.abc import Iterator
from itertools import cycle

import requests
from urllib3.exceptions import NewConnectionError

from .machines import Web
from .shop import PASSWORD, Shop

_PATIENCE_SECONDS = 60
_PAUSE_SECONDS = 0.05


class Person:
    """Asks all web servers of a shop in turn, as behind a balancer."""

    def __init__(self, name: str, webs: list[Web]) -> None:
        self.name = name
        self.webs: Iterator[Web] = cycle(webs)
        self.session = requests.Session()

    def ask(
        self, method: str, path: str, *, web: Web | None = None, **options
    ) -> requests.Response | None:
        """Return the answer; None if the server died over it.

        As a balancer does, go on to the next where nobody takes the connection.
        """
        while True:
            asked = web or next(self.webs)
            try:
                return self.session.request(
                    method,
                    f"{asked.address}{path}",
                    timeout=_PATIENCE_SECONDS,
                    allow_redirects=False,
                    **options,
                )
            except requests.ConnectionError as error:
                if web or not _is_refused(error):
                    return None
                time.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        self.session.close()


def _is_refused(error: requests.ConnectionError) -> bool:
    return isinstance(getattr(error.args[0], "reason", None), NewConnectionError)


def by_key(shop: Shop, name: str) -> Person:
    person = Person(name, shop.webs)
    person.session.headers["X-API-Key"] = shop.people[name][1]
    return person


def signed_in(shop: Shop, name: str, *, at: Web) -> Person:
    """Sign in at one web server; the session is one for all of them."""
    person = Person(name, shop.webs)
    page = person.ask("GET", "/account/login/", web=at)
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[:1]
    username, _key = shop.people[name]
    form = {"username": username, "password": PASSWORD, "csrfmiddlewaretoken": token}
    answer = person.ask("POST", "/account/login/", web=at, data=form)
    assert answer.status_code == 302, answer.text
    person.session.headers["X-CSRFToken"] = person.session.cookies["csrftoken"]
    return person
