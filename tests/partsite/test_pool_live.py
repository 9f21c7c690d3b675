"""Connections to real services: shared by threads, over TLS, and who they trust."""

import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import certifi
import psycopg
import pytest
import redis
from django.db import ConnectionHandler, OperationalError
from django_q.brokers.redis_broker import Redis as RedisBroker
from django_q.conf import Conf

from partsite import patientpostgres, pool
from partsite.patientpostgres import PatientConnection
from partsite.ratelimit import RedisCounterCache
from partsite.settings.base import database
from services import Redis
from tests.running import web_server

_number = count(1)


PROCESSES, SHARED = 2, 2
_OTHERS = "datname = current_database() AND pid <> pg_backend_pid()"
_COUNT = f"SELECT count(*) FROM pg_stat_activity WHERE {_OTHERS}"  # noqa: S608
_CUT = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {_OTHERS}"  # noqa: S608


@pytest.fixture(scope="module")
def address(postgres) -> str:
    return postgres.database("pool")


@pytest.fixture(scope="module")
def watch(address):
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def ask(address, watch, tmp_path_factory):
    """Return what asks a web server for /health: it needs a database and no table."""
    variables = {
        "DATABASE_URL": address,
        "DATABASE_POOL": str(SHARED),
        "WEB_PROCESSES": str(PROCESSES),
        "WEB_THREADS": "6",
    }
    with web_server(tmp_path_factory.mktemp("pool"), **variables) as site:
        # What the first process has is not safe in those that are forked from it.
        assert watch.execute(_COUNT).fetchone() == (0,)

        def ask(_=None) -> int:
            with urllib.request.urlopen(f"{site}/health", timeout=30) as answer:  # noqa: S310
                return answer.status

        yield ask


# --- The pool -----------------------------------------------------------------


def test_threads_share_as_many_connections_as_they_may(ask, watch):
    most = 0
    with ThreadPoolExecutor(12) as clients:
        asked = [clients.submit(ask) for _ in range(200)]
        while not all(one.done() for one in asked):
            most = max(most, watch.execute(_COUNT).fetchone()[0])
    assert Counter(one.result() for one in asked) == {200: 200}
    assert 1 <= most <= PROCESSES * SHARED


def test_connections_that_were_cut_are_replaced(ask, watch):
    assert ask() == 200
    watch.execute(_CUT)
    assert [ask() for _ in range(10)] == [200] * 10


@pytest.mark.parametrize(
    ("url", "size", "shared"),
    [
        (
            "postgres://parts@db/parts",
            3,
            {
                "min_size": 1,
                "max_size": 3,
                "timeout": 3,
                "reconnect_timeout": 1,
                "connection_class": PatientConnection,
            },
        ),
        ("postgres://parts@db/parts", 0, None),
        ("sqlite:////tmp/parts.sqlite3", 3, None),
    ],
)
def test_only_postgresql_is_pooled_and_only_if_it_shall(url, size, shared):
    config = database(url)
    pool.share_connections({"default": config}, size)
    assert config.get("OPTIONS", {}).get("pool") == shared
    assert config["CONN_MAX_AGE"] == (0 if shared else 60)


def test_a_statement_that_is_not_answered_is_given_up(address, watch, monkeypatch):
    monkeypatch.setattr(patientpostgres, "ANSWER_SECONDS", 0.25)
    monkeypatch.setattr(patientpostgres, "STATEMENT_SECONDS", 0.5)
    connection = PatientConnection.connect(address, autocommit=True)
    pid = connection.info.backend_pid
    with pytest.raises(psycopg.OperationalError, match="no answer for 0.5 seconds"):
        connection.execute("SELECT pg_sleep(60)")
    assert connection.closed
    # The server does not go on with it either.
    deadline = time.monotonic() + 10
    while watch.execute(
        "SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]
    ).fetchone():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_server_that_answers_others_may_take_its_time(address, monkeypatch):
    monkeypatch.setattr(patientpostgres, "ANSWER_SECONDS", 0.1)
    with PatientConnection.connect(address) as connection:
        slow = connection.execute("SELECT pg_sleep(0.5), 'done'")
        assert slow.fetchone()[1] == "done"
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_an_address_may_say_how_long_to_wait_for_a_connection():
    options = database("postgres://parts@db/parts?connect_timeout=20")["OPTIONS"]
    assert (options["connect_timeout"], options["keepalives_idle"]) == (20, 30)


# --- TLS ----------------------------------------------------------------------


def ask_over(url: str) -> bool:
    """Return whether a connection by our settings is over TLS."""
    connection = ConnectionHandler({"default": database(url)})["default"]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            return cursor.fetchone()[0]
    finally:
        connection.close()


def test_postgresql_over_tls_with_a_certificate_that_is_checked(
    db, address, certificate
):
    trusted = f"{address}?sslmode=verify-full&sslrootcert={certificate}/server.crt"
    assert ask_over(trusted) is True
    assert ask_over(f"{address}?sslmode=disable") is False


def test_a_certificate_of_somebody_else_is_not_trusted(db, address):
    others = certifi.where()
    with pytest.raises(OperationalError, match="certificate verify failed"):
        ask_over(f"{address}?sslmode=verify-full&sslrootcert={others}")


@pytest.fixture
def tls_redis(certificate, redis_here):
    with Redis.running(tls=certificate) as server:
        yield server.variables["REDIS_URL"]


def test_redis_over_tls(tls_redis, certificate, monkeypatch):
    trusted = f"{tls_redis}?ssl_ca_certs={certificate}/server.crt"
    cache = RedisCounterCache(trusted, {})
    cache.set("n", 1)
    assert cache.incr("n") == 2
    assert [bool(cache.take("b", burst=1, every_seconds=9)) for _ in "ab"] == [0, 1]
    monkeypatch.setattr(Conf, "REDIS", trusted)
    broker = RedisBroker("over-tls")
    broker.enqueue("task")
    assert broker.dequeue() == [(None, b"task")]
    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        RedisCounterCache(tls_redis, {}).get("n")
