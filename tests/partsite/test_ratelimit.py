"""Counters that are exact across processes; buckets; who a request is from."""

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from parts.checks import check_networks_readable
from partsite.ratelimit import (
    BlockLimit,
    CounterCache,
    Limit,
    _bucket,
    client_address,
    client_network,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def counters(db, monkeypatch, embedded_cache):
    monkeypatch.setattr("partsite.ratelimit._writes", count(1))  # culls at the 256th
    cache = CounterCache("cache", {})
    cache.clear()
    return cache


# --- The cache ----------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [0, 7, -7, 2**63 - 1, 2**63, True, None, 1.5, "7", "gA", ["x"], {"a": 1}]
)
def test_every_value_comes_back_as_it_was(counters, value):
    counters.set("key", value)
    assert counters.get("key") == value
    assert type(counters.get("key")) is type(value)


def test_a_whole_number_lies_in_the_table_as_decimal_text(counters):
    counters.set("key", 41)
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM cache WHERE cache_key = %s", [":1:key"])
        assert cursor.fetchone() == ("41",)


def test_incr_and_decr_add_to_what_is_there(counters):
    counters.set("key", 41)
    assert counters.incr("key") == 42
    assert counters.incr("key", 8) == 50
    assert counters.decr("key") == 49
    assert counters.get("key") == 49


@pytest.mark.parametrize("value", [None, "7", 1.5])
def test_incr_refuses_what_is_no_number_and_leaves_it(counters, value):
    if value is not None:
        counters.set("key", value)
    with pytest.raises(ValueError, match="'key' holds no whole number"):
        counters.incr("key")
    assert counters.get("key") == value


def test_incr_keeps_the_expiry_and_refuses_what_has_expired(counters, clock):
    counters.set("key", 1, timeout=10)
    clock.sleep(9.9)
    assert counters.incr("key") == 2
    clock.sleep(0.2)
    with pytest.raises(ValueError, match="holds no whole number"):
        counters.incr("key")


def test_add_wins_once_until_it_expires_to_the_millisecond(counters, clock):
    assert counters.add("key", 1, timeout=2) is True
    assert counters.add("key", 2, timeout=2) is False
    clock.sleep(1.999)
    assert counters.add("key", 3, timeout=2) is False
    assert counters.get("key") == 1
    clock.sleep(0.002)
    assert counters.get("key") is None
    assert counters.add("key", 4, timeout=2) is True
    assert counters.get("key") == 4


def test_touch_moves_the_expiry_of_what_is_there(counters, clock):
    counters.set("key", 1, timeout=2)
    assert counters.touch("key", timeout=10) is True
    clock.sleep(9)
    assert counters.get("key") == 1
    clock.sleep(2)
    assert counters.touch("key", timeout=10) is False
    assert counters.get("key") is None


def test_timeouts_of_none_and_nothing(counters, clock):
    counters.set("kept", 1, timeout=None)
    counters.set("never", 1, timeout=0)
    clock.sleep(10**9)
    assert counters.get_many(["kept", "never"]) == {"kept": 1}


def test_delete_has_key_and_many(counters):
    counters.set_many({"a": 1, "b": "two", "c": 3})
    assert counters.delete("a") is True
    assert counters.delete("a") is False
    assert counters.has_key("b")
    assert not counters.has_key("a")
    assert counters.get_many(["a", "b", "c"]) == {"b": "two", "c": 3}
    assert counters.get_many([]) == {}
    assert counters.get_or_set("d", lambda: 4) == 4


def test_reading_an_expired_row_never_deletes_what_came_after_it(counters, clock):
    counters.set("key", 1, timeout=1)
    clock.sleep(2)
    assert counters.get("key") is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM cache")
        assert cursor.fetchone() == (1,)  # left for culling, not for a race


@pytest.mark.parametrize(
    "write",
    [
        lambda cache: cache.set("key", 1),
        lambda cache: cache.add("key", 1),
        lambda cache: cache.touch("key"),
        lambda cache: cache.delete("key"),
        lambda cache: cache.incr("key"),
        lambda cache: cache.take("bucket", burst=5, every_seconds=2),
    ],
)
def test_every_write_is_one_statement(counters, write, django_assert_num_queries):
    counters.set("key", 1)
    with django_assert_num_queries(1):
        write(counters)


def test_expired_rows_are_culled_now_and_then_and_no_others(counters, clock):
    counters.set("kept", 1, timeout=3600)
    for number in range(300):
        counters.set(f"key-{number}", 1, timeout=1)
    clock.sleep(2)
    for _ in range(256):
        counters.set("kept", 1, timeout=3600)
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key FROM cache")
        assert cursor.fetchall() == [(":1:kept",)]


WORKER = """
import json, sys, time
import django
django.setup()
from django.core.cache import cache
time.sleep(max(0, float(sys.argv[1]) - time.time()))
for _ in range(150):
    cache.incr("counter")
print(json.dumps({
    "won": sum(cache.add(f"prize-{n}", 1) for n in range(40)),
    "let": sum(not cache.take("bucket", burst=30, every_seconds=900)
               for _ in range(20)),
}))
"""


def test_four_processes_at_once_lose_and_double_nothing(
    transactional_db, tmp_path, embedded_cache
):
    """The test's database is a file, so that processes share it."""
    cache = caches["default"]
    cache.clear()
    cache.set("counter", 0, timeout=600)
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    starts_at = str(time.time() + 1.2)  # when all of them are up
    workers = [
        subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", WORKER, starts_at],
            cwd=ROOT,
            env={
                "DATABASE_URL": url,
                "DJANGO_SETTINGS_MODULE": "partsite.settings.test",
                "TMPDIR": str(tmp_path),
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    said = [json.loads(worker.communicate(timeout=60)[0]) for worker in workers]

    assert cache.get("counter") == 4 * 150
    assert sum(one["won"] for one in said) == 40
    assert sum(one["let"] for one in said) == 30
    cache.clear()


# --- Buckets ------------------------------------------------------------------


def test_a_bucket_gives_its_burst_and_then_one_in_two_seconds(counters, clock):
    def take() -> float:
        return counters.take("bucket", burst=5, every_seconds=2)

    assert [take() for _ in range(5)] == [0.0] * 5
    assert take() == pytest.approx(2, abs=0.001)
    clock.sleep(1.5)
    assert take() == pytest.approx(0.5, abs=0.001)
    clock.sleep(0.501)
    assert take() == 0.0
    assert take() == pytest.approx(2, abs=0.01)  # what was refused cost nothing
    clock.sleep(4.001)
    assert [bool(take()) for _ in range(3)] == [False, False, True]
    clock.sleep(3600)
    assert [bool(take()) for _ in range(6)] == [False] * 5 + [True]


def test_a_bucket_gives_several_at_once_or_none(counters, clock):
    def take(count: int) -> float:
        return counters.take("bucket", burst=10, every_seconds=2, count=count)

    assert take(7) == 0.0
    assert take(4) == pytest.approx(2, abs=0.001)
    assert take(10) == pytest.approx(14, abs=0.001)
    assert take(3) == 0.0
    assert take(1) == pytest.approx(2, abs=0.001)
    clock.sleep(20)
    assert [take(10), take(1)] == [0.0, pytest.approx(2, abs=0.001)]


def test_a_clock_that_is_set_back_shuts_nobody_out(counters, clock):
    def take() -> float:
        return counters.take("bucket", burst=5, every_seconds=2)

    for _ in range(5):
        take()
    # As far as the clocks of two machines may differ the bucket is still empty.
    clock.sleep(-59)
    assert take() > 0
    clock.sleep(-3600)
    assert [take() for _ in range(5)] == [0.0] * 5
    assert take() == pytest.approx(2, abs=0.001)


def test_each_one_that_asks_has_a_bucket_of_its_own(counters, clock):
    limit = Limit("test", burst=1, every_seconds=2)
    other = Limit("other", burst=1, every_seconds=2)
    assert limit.wait_seconds("10.0.0.1", "a") == 0.0
    assert limit.wait_seconds("10.0.0.1", "b") == 0.0
    assert limit.wait_seconds("10.0.0.2", "a") == 0.0
    assert other.wait_seconds("10.0.0.1", "a") == 0.0
    assert limit.wait_seconds("10.0.0.1", "a") == pytest.approx(2, abs=0.001)


def test_a_limit_takes_any_text_and_leaves_none_of_it_readable(counters):
    limit = Limit("test", burst=1, every_seconds=2)
    assert limit.wait_seconds("secret-address", "\ud800", "x" * 9999) == 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key FROM cache")
        keys = cursor.fetchall()
    assert len(keys) == 1
    assert "secret" not in keys[0][0]


# --- Blocks -------------------------------------------------------------------


def _passed(limit: BlockLimit, requests: int, who: str = "somebody") -> int:
    return sum(limit.wait_seconds(who) == 0 for _ in range(requests))


def test_a_minutes_allowance_passes_and_then_one_by_one(counters, clock):
    limit = BlockLimit("test", per_minute=600)
    assert _passed(limit, 700) == 600
    assert limit.wait_seconds("somebody") == pytest.approx(0.1, abs=0.001)
    clock.sleep(0.06)
    assert limit.wait_seconds("somebody") == pytest.approx(0.04, abs=0.001)
    clock.sleep(0.05)
    assert _passed(limit, 5) == 1
    clock.sleep(1)
    assert _passed(limit, 50) == 10
    clock.sleep(3600)
    assert _passed(limit, 700) == 600


def test_of_six_hundred_requests_twenty_cost_a_statement_and_refusals_none(
    counters, clock, django_assert_num_queries
):
    limit = BlockLimit("test", per_minute=600)
    with django_assert_num_queries(20):
        assert _passed(limit, 600) == 600
    limit.wait_seconds("somebody")
    with django_assert_num_queries(0):
        assert _passed(limit, 100) == 0


def test_what_is_left_of_a_block_is_taken_at_once(
    counters, clock, django_assert_num_queries
):
    first, second = (BlockLimit("test", per_minute=200) for _ in range(2))
    assert _passed(first, 1) == 1
    counters.take(_bucket("test", ("somebody",)), burst=200, every_seconds=0.3, count=7)
    with django_assert_num_queries(18 + 3):  # blocks; a refusal, its wait, the rest
        assert _passed(second, 183) == 183


def test_of_many_threads_that_have_nothing_in_hand_one_takes_a_block(monkeypatch):
    limit = BlockLimit("test", per_minute=200)
    gate = threading.Barrier(4)
    taken = []

    def take(bucket: str, **kwargs) -> float:
        taken.append(kwargs["count"])
        time.sleep(0.05)  # the others are waiting by now
        return 0.0

    def ask(_) -> float:
        gate.wait(timeout=10)
        return limit.wait_seconds("somebody")

    monkeypatch.setattr("partsite.ratelimit.cache", SimpleNamespace(take=take))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [0.0] * 4
    assert taken == [10]


def test_each_one_that_asks_has_blocks_of_its_own(counters, clock):
    limit = BlockLimit("test", per_minute=60)
    other = BlockLimit("other", per_minute=60)
    assert [_passed(limit, 70, who) for who in ("a", "b")] == [60, 60]
    assert _passed(other, 70, "a") == 60


def test_two_processes_share_an_allowance_to_what_they_have_in_hand(counters, clock):
    first, second = (BlockLimit("test", per_minute=200) for _ in range(2))
    assert _passed(second, 1) == 1  # and has nine more in hand
    assert _passed(first, 300) == 190
    assert _passed(second, 300) == 9
    clock.sleep(3.001)
    assert _passed(second, 1) == 1  # takes the ten that have come meanwhile
    clock.sleep(3600)
    assert _passed(first, 300) == 200
    assert _passed(second, 300) == 9


@pytest.mark.parametrize("per_minute", [70, 200, 900, 4100])
def test_no_token_is_lost_to_rounding(counters, clock, per_minute):
    limit, other = (BlockLimit("test", per_minute) for _ in range(2))
    assert _passed(other, 1) == 1
    in_hand = per_minute // 20 - 1
    assert _passed(limit, per_minute) == per_minute - 1 - in_hand
    for tokens in (1, 2, 3, 5):
        clock.sleep(tokens * 60 / per_minute + 0.0001)
        assert _passed(limit, 9) == tokens


@pytest.mark.parametrize("per_minute", [1, 7, 30, 39])
def test_a_small_allowance_is_exact(counters, clock, per_minute):
    first, second = (BlockLimit("test", per_minute) for _ in range(2))
    assert _passed(first, 1) + _passed(second, 50) == per_minute
    clock.sleep(60 / per_minute + 0.001)
    assert _passed(first, 5) + _passed(second, 5) == 1


def test_a_refusal_that_is_remembered_ends_when_the_clock_is_set_back(counters, clock):
    limit = BlockLimit("test", per_minute=60)
    assert _passed(limit, 70) == 60
    clock.sleep(-3600)
    assert _passed(limit, 70) == 60


def test_threads_of_one_process_spend_one_block(transactional_db):
    """What is left of their last block is all that they may be wrong by."""
    caches["default"].clear()
    limit = BlockLimit("test", per_minute=400)

    def spend(_) -> int:
        passed = _passed(limit, 40)
        connection.close()
        return passed

    with ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        passed = sum(pool.map(spend, range(8)))
        assert passed == 8 * 40
        passed += _passed(limit, 200)
        refilled = (time.monotonic() - began) * 400 / 60
    assert 400 <= passed <= 400 + refilled + 1
    caches["default"].clear()


def test_who_has_not_asked_for_long_is_forgotten(counters, clock, monkeypatch):
    monkeypatch.setattr(BlockLimit, "_HANDS", 2)
    limit = BlockLimit("test", per_minute=200)
    for who in ("a", "b", "a", "c"):  # b was asked about longest ago
        limit.wait_seconds(who)
    assert len(limit._hands) == 2
    assert _passed(limit, 300, "a") == 198
    assert _passed(limit, 300, "b") == 190  # its block is lost, and nothing more


# --- The client's address -----------------------------------------------------


@pytest.mark.parametrize(
    ("trusted", "socket", "forwarded", "address"),
    [
        ([], "203.0.113.9", "", "203.0.113.9"),
        ([], "203.0.113.9", "1.2.3.4", "203.0.113.9"),
        (["10.0.0.1"], "203.0.113.9", "1.2.3.4", "203.0.113.9"),
        (["10.0.0.1"], "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        (["10.0.0.1"], "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.9.9.9", "1.2.3.4"),
        (["10.0.0.0/8"], "10.0.0.1", "10.0.0.7,10.0.0.8", "10.0.0.7"),
        (["10.0.0.1"], "10.0.0.1", "", "10.0.0.1"),
        (["10.0.0.1"], "10.0.0.1", "1.2.3.4, nonsense", "10.0.0.1"),
        (["10.0.0.1"], "10.0.0.1", "1.2.3.4:5678", "1.2.3.4"),
        (["10.0.0.1"], "10.0.0.1", "[2001:db8::7]:443", "2001:db8::7"),
        (["10.0.0.1"], "::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"),
        (["::1"], "::1", "2001:DB8:0::7", "2001:db8::7"),
        (["10.0.0.1"], "fe80::1%eth0", "1.2.3.4", "fe80::1"),
        (["10.0.0.1"], "", "1.2.3.4", ""),
    ],
)
def test_forwarded_addresses_are_believed_from_trusted_proxies_only(
    rf, settings, trusted, socket, forwarded, address
):
    settings.TRUSTED_PROXIES = trusted
    request = rf.get("/", REMOTE_ADDR=socket, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == address


@pytest.mark.parametrize(
    ("socket", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_client_is_its_whole_network(rf, socket, network):
    assert client_network(rf.get("/", REMOTE_ADDR=socket)) == network


def test_a_proxy_that_is_no_address_is_named_by_the_check(rf, settings):
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "proxy.local"]
    with pytest.raises(ImproperlyConfigured, match=r"^TRUSTED_PROXIES: 'proxy.local'"):
        client_address(rf.get("/"))
    (error,) = check_networks_readable(None)
    assert (error.id, error.hint) == (
        "parts.E003",
        "List addresses or networks, such as 10.0.0.0/8.",
    )
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "::1"]
    assert check_networks_readable(None) == []
