"""Many web servers and workers on shared services: as one, even as some are killed."""

import os
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.factories import STEP_SAMPLES

from .machines import supervised
from .people import Person, by_key, signed_in
from .shop import PEOPLE, Shop

UPLOADS = 200
EQUAL_UPLOADS = 40
STEPS = 1000
CLAIMS = 200
KILLED_WORKERS = 2
PATIENCE_SECONDS = 400
# The wire's names of steps, and what the history calls them.
VERBS = {
    "approve": "approved",
    "assign": "assigned",
    "complete": "completed",
    "revert": "reverted",
    "unclaim": "unclaimed",
}
# All that is stored and that no row names, however young.
_STRAYS = """
from datetime import timedelta
from parts import inventory
inventory._ORPHAN_AGE = timedelta()
print(inventory.check(with_hashes=False).orphans)
"""
SPACER = (STEP_SAMPLES / "spacer.step").read_bytes()


def spacer(number: int) -> bytes:
    """Return a small STEP file; those of the last numbers are all equal."""
    name = min(number, UPLOADS - EQUAL_UPLOADS)
    return SPACER.replace(b"Spacer 7/8", f"Spacer {name}".encode())


@dataclass(frozen=True)
class Said:
    """What became of one step; status 0: nobody knows."""

    part: int
    step: str
    person: str
    status: int


def test_nothing_is_lost_or_done_twice_when_machines_die(shop):
    crew = [by_key(shop, name) for name in shop.people]
    for number, name in enumerate(shop.people):
        crew.append(signed_in(shop, name, at=shop.webs[number % 2]))
    strays = _strays(shop)
    parts = _made(crew[0])
    uploads = [("upload", part, number) for number, part in enumerate(parts)]
    chance = random.Random(6)  # noqa: S311 - the same each time, and guards nothing
    steps = [
        (chance.choice(list(VERBS)), chance.choice(parts), number)
        for number in range(STEPS)
    ]
    tasks = uploads + steps
    chance.shuffle(tasks)
    deaths = {
        len(tasks) // 4: shop.workers[0].kill,
        len(tasks) // 2: shop.webs[1].kill,
        3 * len(tasks) // 4: shop.workers[1].kill,
    }
    said: list[Said] = []
    with supervised([*shop.webs, *shop.workers]) as supervisor:
        pulled = _shared(tasks, deaths)
        with ThreadPoolExecutor(len(crew)) as pool:
            for answers in pool.map(lambda person: _work(person, pulled), crew):
                said += answers
        _wait_for_conversions(shop)
    assert supervisor.restarts == 3
    assert Counter(one.step for one in said) == Counter(step for step, *_ in steps)
    _compare_history(crew[0], parts, said)
    _look_at_files(shop, crew, parts)
    assert shop.manage("recount") == "Counted anew; no sums were wrong.\n"
    _look_for_strays(shop, strays)
    for person in crew:
        person.close()


def _strays(shop: Shop) -> str:
    return shop.manage("shell", "--no-imports", "-c", _STRAYS)


def _made(person: Person) -> list[int]:
    parts = []
    for number in range(UPLOADS):
        body = {"name": f"Spacer {number}", "subsystem": "Arm", "material": "PLA"}
        answer = person.ask("POST", "/api/parts/", json={**body, "type": "cnc"})
        assert answer.status_code == 201, answer.text
        parts.append(answer.json()["id"])
    return parts


def _shared(tasks: list, deaths: dict[int, Callable[[], None]]) -> Iterator[tuple]:
    """Return what hands out tasks to many threads, and kills machines on the way."""
    lock = threading.Lock()
    numbered = iter(enumerate(tasks))

    class Tasks:
        def __iter__(self):
            return self

        def __next__(self):
            with lock:
                number, task = next(numbered)
            if number in deaths:
                deaths[number]()
            return task

    return Tasks()


def _work(person: Person, tasks: Iterator[tuple]) -> list[Said]:
    said = []
    for what, part, number in tasks:
        if what == "upload":
            _upload(person, part, number)
            continue
        body = {"assigned": f"Worker {number}"} if what == "assign" else {}
        answer = person.ask("POST", f"/api/parts/{part}/{what}", json=body)
        status = answer.status_code if answer is not None else 0
        said.append(Said(part, what, person.name, status))
    return said


def _upload(person: Person, part: int, number: int) -> None:
    """Send a file until somebody has it."""
    for _ in range(100):
        file = {"file": (f"spacer-{number}.step", spacer(number))}
        answer = person.ask("POST", f"/api/parts/{part}/upload", files=file)
        if answer is not None:
            assert answer.status_code == 201, answer.text
            return
        time.sleep(0.1)
    raise AssertionError(f"Nobody took the file of part {part}.")


def _wait_for_conversions(shop: Shop) -> None:
    waiting = (
        "SELECT state, count(*) FROM parts_partfile "
        "WHERE state IN ('queued', 'running') GROUP BY state"
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left := shop.rows(waiting):
        assert time.monotonic() < deadline, left
        time.sleep(1)


def _compare_history(reader: Person, parts: list[int], said: list[Said]) -> None:
    """Hold what was answered to what stands: each 200 has its event, a refusal none."""
    assert {one.status for one in said} <= {0, 200, 400, 409}
    good = Counter((o.part, o.step, o.person) for o in said if o.status == 200)
    unknown = Counter((o.part, o.step, o.person) for o in said if not o.status)
    assert good.total() > STEPS / 5
    assert unknown.total() < len(VERBS) * PEOPLE
    stands: Counter[tuple] = Counter()
    steps = {verb: step for step, verb in VERBS.items()}
    for part in parts:
        known: dict[str, object] = {}
        for event in reversed(_events(reader, part)):
            if event["verb"] in steps:
                stands[part, steps[event["verb"]], event["actor"]] += 1
            for name, (before, after) in event["changes"].items():
                assert known.setdefault(name, before) == before, event
                known[name] = after
        now = reader.ask("GET", f"/api/parts/{part}").json()
        for name in known.keys() & {"assigned", "status", "category"}:
            assert (now[name] or "") == (known[name] or ""), (part, name)
    assert good <= stands
    assert stands <= good + unknown


def _events(reader: Person, part: int) -> list[dict]:
    return reader.ask("GET", f"/api/parts/{part}/events?limit=1000").json()["events"]


def _look_at_files(shop: Shop, crew: list[Person], parts: list[int]) -> None:
    """Every file has its own model and picture, made once."""
    rows = shop.rows(
        "SELECT part_id, sha256, state, attempts, model, thumbnail FROM parts_partfile"
    )
    ours = [row for row in rows if row[0] in set(parts)]
    assert {row[0] for row in ours} == set(parts)
    assert {row[2] for row in ours} == {"done"}
    models = defaultdict(set)
    for _part, sha256, _state, _attempts, model, picture in ours:
        models[sha256].add((model, picture))
    different = UPLOADS - EQUAL_UPLOADS + 1
    assert len(models) == different
    assert all(len(made) == 1 for made in models.values())
    assert len({model for made in models.values() for model, _picture in made}) == (
        different
    )
    # Once for each file, and again for what the two that were killed had in hand.
    once = Counter(row[1] for row in ours)
    attempts = sum(row[3] for row in ours if once[row[1]] == 1)
    assert list(once.values()).count(1) <= attempts
    assert attempts <= list(once.values()).count(1) + KILLED_WORKERS
    for number, part in enumerate(parts):
        person = crew[number % len(crew)]
        told = person.ask("GET", f"/api/parts/{part}/model")
        assert (told.status_code, told.content[:4]) == (200, b"glTF")
        about = person.ask("GET", f"/api/parts/{part}").json()
        picture = person.ask("GET", about["thumbnail"])
        assert (picture.status_code, picture.content[1:4]) == (200, b"PNG")


def _look_for_strays(shop: Shop, before: str) -> None:
    """Nothing is lost; of what was killed no more is left than it had in hand."""
    assert shop.manage("check_files").endswith("; nothing wrong, 0 mended.\n")
    # Whoever got no answer sent the file again, and it is converted to the same bytes.
    assert _strays(shop) == before
    left = [path for machine in shop.workers for path in machine.temporary.iterdir()]
    assert len(left) <= KILLED_WORKERS, left
    for path in left:
        os.utime(path, (0, 0))
    for machine in shop.workers:
        said = shop.manage("check_files", "--quick", "--mend", on=machine)
        assert not list(machine.temporary.iterdir()), said


def test_of_many_claims_at_both_servers_one_wins_and_all_are_told_who(shop):
    lead = by_key(shop, "Lead 0")
    body = {"name": "Wanted", "subsystem": "Arm", "material": "PLA", "type": "cnc"}
    handed_in = lead.ask("POST", "/api/parts/", json=body)
    assert handed_in.status_code == 201, handed_in.text
    part = handed_in.json()["id"]
    assert lead.ask("POST", f"/api/parts/{part}/approve").status_code == 200
    start = threading.Barrier(CLAIMS)

    def claim(number: int) -> tuple[int, dict]:
        person = by_key(shop, f"Lead {number % PEOPLE}")
        web = shop.webs[number % 2]
        start.wait()
        answer = person.ask(
            "POST",
            f"/api/parts/{part}/assign",
            web=web,
            json={"assigned": f"Claimant {number}."},
        )
        person.close()
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(CLAIMS) as pool:
        answers = list(pool.map(claim, range(CLAIMS)))
    assert Counter(status for status, _body in answers) == {200: 1, 409: CLAIMS - 1}
    (winner,) = (body["assigned"] for status, body in answers if status == 200)
    told = [body["error"] for status, body in answers if status == 409]
    assert all(winner in words for words in told), told[:3]
    claims = [e for e in _events(lead, part) if e["verb"] == "assigned"]
    assert [event["changes"]["assigned"] for event in claims] == [["", winner]]


def test_a_session_is_one_for_all_and_its_end_too(shop):
    first, second = shop.webs
    person = signed_in(shop, "Lead 1", at=first)
    assert person.ask("GET", "/review/", web=second).status_code == 200
    form = {"csrfmiddlewaretoken": person.session.cookies["csrftoken"]}
    cookies = person.session.cookies.copy()
    answer = person.ask("POST", "/account/logout/", web=second, data=form)
    assert answer.status_code == 302
    person.session.cookies = cookies
    answer = person.ask("GET", "/review/", web=first)
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        "/account/login/?next=/review/",
    )


def test_limits_are_counted_together(shop):
    first, second = shop.webs
    person = by_key(shop, "Lead 2")
    path = "/api/parts/auth/check"
    answers = [person.ask("GET", path, web=web) for web in (first, second)]
    assert [answer.status_code for answer in answers] == [200, 429]
    person.session.headers["X-API-Key"] = "pk_0123456789ab_" + "x" * 43
    answers = [
        person.ask("GET", "/api/parts/", web=web).status_code
        for web in (first, second) * 4
    ]
    assert answers[:5] == [401] * 5
    assert answers[-1] == 429


def test_open_boards_hear_of_what_was_done_at_another_server(shop):
    first, second = shop.webs
    person = signed_in(shop, "Lead 3", at=first)
    body = {"name": "Seen", "subsystem": "Arm", "material": "PLA", "type": "cnc"}
    part = person.ask("POST", "/api/parts/", web=first, json=body).json()["id"]
    versions = {
        person.ask("GET", "/parts/live/", web=web).headers["ETag"]
        for web in (first, second)
    }
    assert len(versions) == 1
    known = {"If-None-Match": versions.pop()}
    answer = person.ask("GET", "/parts/live/", web=second, headers=known)
    assert answer.status_code == 304
    person.ask("POST", f"/api/parts/{part}/approve", web=first)
    answer = person.ask("GET", "/parts/live/", web=second, headers=known)
    assert answer.json()["parts"] == {str(part): "cnc"}
