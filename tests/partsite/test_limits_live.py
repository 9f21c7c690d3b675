"""The limits as clients meet them: many processes, a real server, a proxy, Redis."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from services import ports

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
CHECK = "/api/parts/auth/check"
PARTS = "/api/parts/"
WRONG = "pk_0123456789ab_" + "x" * 43
PROXY = "127.0.0.2"  # every address of 127/8 is this machine
STRANGER = "127.0.0.1"

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="connects from several loopback addresses"
    ),
    pytest.mark.xdist_group("limits"),  # they share a site
]


# --- The site -----------------------------------------------------------------


def _reached(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"Nothing answers on port {port}.")


def _ended(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory) -> Iterator[str]:
    if shutil.which("redis-server") is None:
        pytest.skip("needs Debian's redis-server: apt-get install redis-server")
    port = ports.free()
    folder = tmp_path_factory.mktemp("redis")
    process = subprocess.Popen(  # noqa: S603 - our own words
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],  # noqa: S607
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    _reached(port, process)
    yield f"redis://127.0.0.1:{port}/0"
    _ended(process)


@pytest.fixture(scope="module", params=["database", "redis"])
def variables(request, tmp_path_factory) -> dict[str, str]:
    """The environment of a site whose counters lie here or there."""
    folder = tmp_path_factory.mktemp("site")
    redis = request.param == "redis"
    variables = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "partsite.settings.dev",
        "ALLOWED_HOSTS": "127.0.0.1,testserver",
        "TRUSTED_PROXIES": PROXY,
        "API_READS_PER_MINUTE": "100",
        "REDIS_URL": request.getfixturevalue("redis_url") if redis else "",
    }
    _manage(variables, "migrate", "--verbosity", "0")
    return variables


ISSUE = """
from accounts import keys
for _ in range(12):
    print(keys.issue("Robot", scope="write")[1])
"""


@pytest.fixture(scope="module")
def new_key(variables) -> Callable[[], str]:
    """Return a function that gives a key that no other test has."""
    texts = _manage(variables, "shell", "--no-imports", "-c", ISSUE).split()
    return texts.pop


def _manage(variables: dict[str, str], *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    return done.stdout.strip()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> dict:
        return json.loads(self.content)


@dataclass
class Site:
    """A running gunicorn; ``ask`` is one request on a connection of its own."""

    port: int

    def ask(self, method="GET", path=CHECK, *, source=STRANGER, body=None, **headers):
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=20, source_address=(source, 0)
        )
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(
                method,
                path,
                body=body,
                headers=names,
                encode_chunked="Transfer-Encoding" in names,
            )
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def ask_at_once(self, asked: list[dict]) -> tuple[list[Answer], float]:
        """Ask everything at the same time; return the answers and how long it took."""
        began = time.monotonic()
        with ThreadPoolExecutor(len(asked)) as pool:
            answers = list(pool.map(lambda one: self.ask(**one), asked))
        return answers, time.monotonic() - began


@pytest.fixture(scope="module")
def site(variables) -> Iterator[Site]:
    port = ports.free()
    process = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "gunicorn", "partsite.wsgi"],
        cwd=ROOT,
        env={**variables, "PORT": str(port), "WEB_PROCESSES": "2"},
    )
    _reached(port, process)
    yield Site(port)
    _ended(process)


def _statuses(answers: list[Answer]) -> Counter:
    return Counter(answer.status for answer in answers)


def _at_most(burst: int, every_seconds: float, span_seconds: float) -> int:
    """How many an exact limit lets through in this time."""
    return burst + int(span_seconds / every_seconds)


# --- Four processes -----------------------------------------------------------

ASKER = """
import json, sys, time
import django
django.setup()
from django.test import Client
key, path = sys.argv[1:]
client = Client(headers={"X-API-Key": key})
print("ready", flush=True)
sys.stdin.readline()
began = time.time()
said = [client.get(path).status_code for _ in range(15)]
print(json.dumps([said, began, time.time()]))
"""

COUNTER = """
import json, sys, time
import django
django.setup()
from partsite.ratelimit import BlockLimit
limit = BlockLimit(sys.argv[1], per_minute=400)
print("ready", flush=True)
sys.stdin.readline()
began = time.time()
said = [limit.wait_seconds("somebody") == 0 for _ in range(150)]
print(json.dumps([said, began, time.time()]))
"""


def _four_processes(variables: dict[str, str], code: str, *words: str):
    """Run ``code`` four times at once; return all it said, and how long it took."""
    running = [
        subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", code, *words],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(4)
    ]
    assert [one.stdout.readline() for one in running] == ["ready\n"] * 4
    for one in running:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [json.loads(one.communicate(timeout=PATIENCE_SECONDS)[0]) for one in running]
    span_seconds = max(end for _, _, end in said) - min(begin for _, begin, _ in said)
    return Counter(word for words, _, _ in said for word in words), span_seconds


def test_one_check_of_four_processes_is_let_through(variables, new_key):
    said, span_seconds = _four_processes(variables, ASKER, new_key(), CHECK)
    assert said.keys() == {200, 429}
    assert 1 <= said[200] <= _at_most(1, 2, span_seconds)


def test_five_wrong_keys_of_four_processes_are_looked_at(variables):
    said, span_seconds = _four_processes(variables, ASKER, WRONG, PARTS)
    assert said.keys() == {401, 429}
    assert 5 <= said[401] <= _at_most(5, 2, span_seconds)


def test_throttles_of_four_processes_are_right_to_what_they_have_in_hand(variables):
    name = f"test-{time.time_ns()}"
    said, span_seconds = _four_processes(variables, COUNTER, name)
    in_hand = 4 * 400 // 20
    assert 400 - in_hand <= said[True] <= _at_most(400, 60 / 400, span_seconds)


# --- A real server ------------------------------------------------------------


def test_one_of_many_checks_at_once_is_let_through_for_each_key(site, new_key):
    first, second = new_key(), new_key()
    asked = [{"X_API_Key": key} for key in (first, second) for _ in range(12)]
    answers, span_seconds = site.ask_at_once(asked)
    for share in (answers[:12], answers[12:]):
        said = _statuses(share)
        assert said.keys() == {200, 429}
        assert 1 <= said[200] <= _at_most(1, 2, span_seconds)
    refused = next(answer for answer in answers if answer.status == 429)
    body = refused.json()
    assert list(body) == ["error", "message", "retry_after", "details"]
    assert body["error"] == "Rate limited"
    assert 0 < body["retry_after"] <= 2
    assert refused.headers["Retry-After"] in {"1", "2"}


def test_a_trusted_proxy_tells_clients_apart_and_nobody_else_does(site, new_key):
    key = new_key()
    addresses = [f"198.51.100.{n}" for n in range(8)]
    behind_proxy = [
        {"source": PROXY, "X_API_Key": key, "X_Forwarded_For": address}
        for address in addresses
    ]
    answers, _ = site.ask_at_once(behind_proxy)
    assert _statuses(answers) == {200: 8}
    forged = [{**one, "source": STRANGER} for one in behind_proxy]
    answers, span_seconds = site.ask_at_once(forged)
    assert _statuses(answers).keys() == {200, 429}
    assert 1 <= _statuses(answers)[200] <= _at_most(1, 2, span_seconds)


def test_wrong_keys_are_counted_for_each_client_behind_the_proxy(site):
    def guesses(address: str, source: str = PROXY) -> list[dict]:
        wrong = {"path": PARTS, "X_API_Key": WRONG, "source": source}
        return [{**wrong, "X_Forwarded_For": address}] * 9

    asked = guesses("203.0.113.1") + guesses("203.0.113.2")
    answers, span_seconds = site.ask_at_once(asked)
    for share in (answers[:9], answers[9:]):
        said = _statuses(share)
        assert said.keys() == {401, 429}
        assert 5 <= said[401] <= _at_most(5, 2, span_seconds)
    # Whoever is no proxy is one client, whatever it says it is.
    asked = [guesses(f"192.0.2.{n}", source="127.0.0.3")[0] for n in range(9)]
    answers, span_seconds = site.ask_at_once(asked)
    assert 5 <= _statuses(answers)[401] <= _at_most(5, 2, span_seconds)


def test_reads_are_throttled_for_each_key_across_processes(site, new_key):
    key = new_key()
    one = {"path": PARTS, "X_API_Key": key}
    answers, span_seconds = [], 0.0
    for _ in range(9):
        more, seconds = site.ask_at_once([one] * 16)
        answers += more
        span_seconds += seconds
    said = _statuses(answers)
    in_hand = 2 * 100 // 20
    assert said.keys() == {200, 429}
    assert 100 - in_hand <= said[200] <= _at_most(100, 0.6, span_seconds) + in_hand
    assert answers[-1].status == 429
    assert answers[-1].json()["retry_after"] <= 0.6
    assert answers[-1].headers["Retry-After"] == "1"
    assert site.ask(path=PARTS, X_API_Key=new_key()).status == 200
    assert site.ask("POST", PARTS, body="{}", X_API_Key=key).status == 415


# --- How large ----------------------------------------------------------------

JSON = {"Content_Type": "application/json"}


@pytest.mark.parametrize("chunks", [[b'{"name": "x"}'], [b"x" * 65_536] * 80])
def test_a_body_in_chunks_is_refused_before_anything_is_done(site, new_key, chunks):
    answer = site.ask(
        "POST",
        PARTS,
        body=iter(chunks),
        X_API_Key=new_key(),
        Transfer_Encoding="chunked",
    )
    assert (answer.status, answer.json()) == (
        411,
        {
            "error": "Length required",
            "details": "Send the header Content-Length; a body in chunks is not read.",
        },
    )


def test_a_body_beyond_the_limit_is_refused_in_the_envelope(site, new_key):
    body = json.dumps({"notes": "x" * 2_600_000})
    answer = site.ask("POST", PARTS, body=body, X_API_Key=new_key(), **JSON)
    assert (answer.status, answer.json()) == (
        413,
        {"error": "Request too large", "details": "Only a file may be this large."},
    )


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [(f"{PARTS}?search={'x' * 5000}", "", 414), (PARTS, "x" * 9000, 431)],
)
def test_what_the_server_itself_refuses_is_answered_too(site, path, header, status):
    answer = site.ask(path=path, X_Long=header)
    assert answer.status == status
    assert answer.headers["Connection"] == "close"
