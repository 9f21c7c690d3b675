"""What is asked of the contestants, and of which."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

from .client import request
from .lives import live
from .sites import ANEW, BARE, LIMITED, ON_POSTGRES, PLAIN, SITE, Shop

SMALL = 300
_OURS = frozenset({SITE, ON_POSTGRES, ANEW})
_EVERYBODY = _OURS | {BARE, PLAIN}
_IN_BARE = _EVERYBODY | {LIMITED}
_RANDOM_PARTS = 400
# Whose code is a word that only this part has.
_RARE = 137
# Every browser brings one from its second page on; who has none is given one, which
# takes a dice for each letter.
_TOKEN = f"csrftoken={'t' * 32}"


@dataclass(frozen=True)
class Ask:
    """One kind of request.

    ``paths`` gives what is asked in turn; ``is_page``: by a person's session
    instead of a key; ``only_size``: what would be absurd at other sizes.
    """

    name: str
    paths: Callable[[Shop], list[str]]
    kinds: frozenset[str] = _OURS
    connections: int = 8
    is_page: bool = False
    only_size: int | None = None

    def requests(self, shop: Shop) -> list[bytes]:
        cookies = f"{shop.cookie}; {_TOKEN}"
        headers = {"Cookie": cookies} if self.is_page else {"X-API-Key": shop.key}
        return [request("GET", path, headers) for path in self.paths(shop)]

    def is_for(self, kind: str, size: int) -> bool:
        return kind in self.kinds and self.only_size in (None, size)


def _always(path: str) -> Callable[[Shop], list[str]]:
    return lambda shop: [path]


def _searched(text: str) -> Callable[[Shop], list[str]]:
    return _always(f"/api/parts/?search={quote(text)}&limit=50")


def _random_parts(shop: Shop) -> list[str]:
    chance = Random(shop.size)
    return [f"/api/parts/{chance.choice(shop.ids)}" for _ in range(_RANDOM_PARTS)]


def _deep_pages(shop: Shop) -> list[str]:
    start = int(shop.size * 0.9)
    return [f"/api/parts/?limit=50&offset={start + n}" for n in range(0, 20, 2)]


LIST, ALL, ONE = "list of a category, 50 rows", "list of all rows", "one part"
DEEP, SORTED = "list, 50 rows at 90 %", "list sorted by name, 50 rows"
STATS, DETAILED, LEADERBOARD = "stats", "stats/detailed", "leaderboard"
BOARD, BOARD_ALONE = "board page of 50 cards", "board page, one visitor"
SEARCH_FREQUENT, SEARCH_RARE = "search, frequent word", "search, a word of one part"
SEARCH_NONE, SEARCH_SHORT = "search, found nowhere", "search, two letters"
SEARCH_BEYOND_ASCII = "search, beyond ASCII"
SEARCHES = (
    SEARCH_FREQUENT,
    SEARCH_RARE,
    SEARCH_NONE,
    SEARCH_SHORT,
    SEARCH_BEYOND_ASCII,
)
_BOARD_PATH = "/production/?category=cnc"

READS = [
    Ask(LIST, _always("/api/parts/categories/cnc?limit=50"), _IN_BARE),
    Ask(ALL, _always("/api/parts/"), _EVERYBODY, only_size=SMALL),
    Ask(ONE, _random_parts, _IN_BARE),
    Ask(SEARCH_FREQUENT, _searched("gusset"), _OURS | {PLAIN}),
    Ask(SEARCH_RARE, _searched(live(_RARE).part["code"]), _OURS | {PLAIN}),
    Ask(SEARCH_NONE, _searched("zzyzx")),
    Ask(SEARCH_SHORT, _searched("ke")),
    Ask(SEARCH_BEYOND_ASCII, _searched("ZOË")),
    Ask(STATS, _always("/api/parts/stats")),
    Ask(DETAILED, _always("/api/parts/stats/detailed")),
    Ask(LEADERBOARD, _always("/api/parts/leaderboard")),
    Ask(DEEP, _deep_pages, _EVERYBODY),
    Ask(SORTED, _always("/api/parts/?sort_by=name&sort_order=asc&limit=50")),
    Ask(BOARD, _always(_BOARD_PATH), is_page=True),
    Ask(BOARD_ALONE, _always(_BOARD_PATH), connections=1, is_page=True),
]

# What the yardsticks must answer exactly as the site does. Not all parts: REST
# framework tells no total without a limit.
_PAGES = ["/api/parts/categories/cnc?limit=50", "/api/parts/?limit=20&offset=100"]
COMPARED = {BARE: [*_PAGES, "/api/parts/", f"/api/parts/{_RARE}"], PLAIN: _PAGES}


# --- Writes -----------------------------------------------------------------------

WRITES = CREATE, CLAIM, COMPLETE = "create", "claim", "complete"


def creates(shop: Shop, count: int, chance: Random) -> list[bytes]:
    """Return requests that hand in parts ready to be made, as a lead's script may."""
    headers = {"X-API-Key": shop.key, "Content-Type": "application/json"}
    bodies = []
    for _ in range(count):
        part = live(chance.randint(1, 1_000_000)).part
        body = {
            "name": part["name"],
            "subsystem": part["subsystem"],
            "material": part["material"],
            "materialThickness": part["material_thickness"],
            "notes": part["notes"],
            "amount": part["amount"],
            "type": part["type"],
            "category": part["type"],
            "miscInfo": {"batch": 7},
        }
        bodies.append(json.dumps(body).encode())
    return [request("POST", "/api/parts/", headers, body) for body in bodies]


def claims(shop: Shop, ids: list[int], name_of: Callable[[int], str]) -> list[bytes]:
    return [
        _step(shop, number, "assign", {"assigned": name_of(number)}) for number in ids
    ]


def completions(shop: Shop, ids: list[int]) -> list[bytes]:
    told = {"miscInfo": {"storage": "Shelf A3"}}
    return [_step(shop, number, "complete", told) for number in ids]


def _step(shop: Shop, number: int, step: str, told: dict) -> bytes:
    headers = {"X-API-Key": shop.key, "Content-Type": "application/json"}
    body = json.dumps(told).encode()
    return request("POST", f"/api/parts/{number}/{step}", headers, body)
