"""The atomic counter cache, the client's address, how often a thing may be asked."""

import base64
import hashlib
import ipaddress
import itertools
import math
import pickle
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache as remember
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.http import HttpRequest

_CULL_EVERY = 256  # writes of a process
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_INT64 = range(-(2**63), 2**63)
# Machines that share a table have clocks this close together. A bucket that is
# further ahead was filled before the clock was set back, and counts as full.
_CLOCKS_DIFFER_SECONDS = 60
_writes = itertools.count(1)


# --- Caches with exact counters -----------------------------------------------


class CounterCache(DatabaseCache):
    """A database cache whose every write is one atomic statement.

    Django's own reads, compares and writes apart, so its counters lose counts
    (75 % under four processes, measured) and two ``add`` of one key can both
    win. Here whole numbers lie in the table as decimal text, so that SQL can
    add to them, a row is gone to the microsecond when it expires, and none is
    evicted before: a counter that is dropped early is a limit that does not
    hold, so MAX_ENTRIES counts for nothing.

    Works on SQLite from 3.35 and PostgreSQL; the table is the one that
    ``createcachetable`` makes.
    """

    def get_many(self, keys, version=None) -> dict[str, Any]:
        names = {self.make_and_validate_key(key, version=version): key for key in keys}
        if not names:
            return {}
        # Django's deletes what it finds expired, and with it what another
        # process has put there meanwhile; culling does that here.
        marks = ", ".join(["%s"] * len(names))
        where = f"cache_key IN ({marks}) AND expires > %s"  # nothing but marks
        rows = self._run(
            "SELECT cache_key, value FROM {table} WHERE " + where,  # noqa: S608
            [*names, self._time()],
            for_write=False,
        )
        return {names[name]: self._loaded(value) for name, value in rows}

    def has_key(self, key, version=None) -> bool:
        return bool(self.get_many([key], version=version))

    def incr(self, key, delta=1, version=None) -> int:
        """Add to a whole number and return the sum.

        Raises:
            ValueError: no such key, or it holds something else.
        """
        rows = self._run(
            "UPDATE {table} SET value = CAST(CAST(value AS BIGINT) + %s AS TEXT) "
            "WHERE cache_key = %s AND expires > %s AND value NOT LIKE %s "
            "RETURNING value",
            # Every pickle starts with this byte, in base64.
            [
                delta,
                self.make_and_validate_key(key, version=version),
                self._time(),
                "gA%",
            ],
        )
        if not rows:
            raise ValueError(f"Key {key!r} holds no whole number.")
        return int(rows[0][0])

    def take(
        self,
        key: str,
        *,
        burst: int,
        every_seconds: float,
        count: int = 1,
        version=None,
    ) -> float:
        """Take ``count`` tokens out of the bucket ``key``, all or none of them.

        The bucket holds ``burst`` tokens and gains one ``every_seconds``; a
        refused call costs nothing. The row holds when the bucket will be full
        again, in microseconds since 1970 (the generic cell rate algorithm), so
        one guarded statement is the whole bucket.

        Returns:
            0.0, or in how many seconds the bucket will hold that many.
        """
        name = self.make_and_validate_key(key, version=version)
        step = round(every_seconds * 1_000_000)
        now = round(time.time() * 1_000_000)
        latest = now + (burst - count) * step
        beyond = now + burst * step + _CLOCKS_DIFFER_SECONDS * 1_000_000
        taken = self._run(
            "INSERT INTO {table} (cache_key, value, expires) VALUES (%s, %s, %s) "
            "ON CONFLICT (cache_key) DO UPDATE SET expires = excluded.expires, "
            "value = CASE WHEN CAST({table}.value AS BIGINT) BETWEEN %s AND %s "
            "THEN CAST(CAST({table}.value AS BIGINT) + %s AS TEXT) "
            "ELSE excluded.value END "
            "WHERE CAST({table}.value AS BIGINT) <= %s "
            "OR CAST({table}.value AS BIGINT) > %s RETURNING value",
            [
                name,
                str(now + count * step),
                self._time((now + burst * step) / 1_000_000),
                now,
                beyond,
                count * step,
                latest,
                beyond,
            ],
        )
        self._cull_now_and_then()
        if taken:
            return 0.0
        full_at = self.get(key, latest, version=version)
        # Another process may have taken what came after our look at the clock.
        return min(max(full_at - latest, 1), count * step) / 1_000_000

    def _base_set(self, mode, key, value, timeout=DEFAULT_TIMEOUT) -> bool:
        seconds = self.get_backend_timeout(timeout)
        expires = self._time(seconds) if seconds is not None else self._adapt(_NEVER)
        if mode == "touch":
            return bool(
                self._run(
                    "UPDATE {table} SET expires = %s "
                    "WHERE cache_key = %s AND expires > %s RETURNING 1",
                    [expires, key, self._time()],
                )
            )
        insert = (
            "INSERT INTO {table} (cache_key, value, expires) VALUES (%s, %s, %s) "
            "ON CONFLICT (cache_key) DO UPDATE "
            "SET value = excluded.value, expires = excluded.expires "
        )
        row = [key, self._dumped(value), expires]
        if mode == "add":
            insert += "WHERE {table}.expires <= %s "
            row.append(self._time())
        is_set = bool(self._run(insert + "RETURNING 1", row))
        self._cull_now_and_then()
        return is_set

    def _cull_now_and_then(self) -> None:
        if next(_writes) % _CULL_EVERY == 0:
            self._run("DELETE FROM {table} WHERE expires <= %s", [self._time()])

    def _run(self, sql: str, params: list, *, for_write: bool = True) -> list[tuple]:
        route = router.db_for_write if for_write else router.db_for_read
        connection = connections[route(self.cache_model_class)]
        table = connection.ops.quote_name(self._table)
        with connection.cursor() as cursor:
            cursor.execute(sql.format(table=table), params)
            return cursor.fetchall() if cursor.description else []

    def _time(self, seconds: float | None = None) -> Any:
        """Return a time since 1970, now by default, as the column holds it."""
        seconds = time.time() if seconds is None else seconds
        return self._adapt(datetime.fromtimestamp(seconds, UTC))

    def _adapt(self, moment: datetime) -> Any:
        connection = connections[router.db_for_write(self.cache_model_class)]
        return connection.ops.adapt_datetimefield_value(moment)

    def _dumped(self, value: Any) -> str:
        if type(value) is int and value in _INT64:
            return str(value)
        return base64.b64encode(pickle.dumps(value, self.pickle_protocol)).decode()

    def _loaded(self, text: str) -> Any:
        if text.startswith("gA"):
            # Only what this site put there itself.
            return pickle.loads(base64.b64decode(text))  # noqa: S301
        return int(text)


class _PatientClient(RedisCacheClient):
    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        from .patientredis import PatientRedis

        self._client = PatientRedis


class RedisCounterCache(RedisCache):
    """Django's Redis cache, whose counters are exact, with the bucket besides."""

    def __init__(self, server, params) -> None:
        super().__init__(server, params)
        self._class = _PatientClient

    _TAKE = """
        local burst, step = tonumber(ARGV[1]), tonumber(ARGV[2])
        local count, differ = tonumber(ARGV[3]), tonumber(ARGV[4])
        local clock = redis.call('TIME')
        local now = clock[1] * 1000000 + clock[2]
        local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
        if full > now + burst * step + differ then
            full = now
        end
        local wait = full - now - (burst - count) * step
        if wait > 0 then
            return wait
        end
        redis.call('SET', KEYS[1], string.format('%.0f', full + count * step),
            'PX', math.ceil(burst * step / 1000))
        return 0
    """

    def take(
        self,
        key: str,
        *,
        burst: int,
        every_seconds: float,
        count: int = 1,
        version=None,
    ) -> float:
        """Do as ``CounterCache.take``, by the clock of the Redis server."""
        name = self.make_and_validate_key(key, version=version)
        client = self._cache.get_client(name, write=True)
        step = round(every_seconds * 1_000_000)
        differ = _CLOCKS_DIFFER_SECONDS * 1_000_000
        wait = client.eval(self._TAKE, 1, name, burst, step, count, differ)
        return wait / 1_000_000


# --- How often ----------------------------------------------------------------


@dataclass(frozen=True)
class Limit:
    """So many at once, then one in so many seconds, for each one that asks.

    Exact across processes and machines. django-ratelimit cannot say this: its
    windows start at fixed times, so two requests at an edge pass a moment
    apart, and it knows no burst that refills one by one.
    """

    name: str
    burst: int
    every_seconds: float

    def wait_seconds(self, *who: str) -> float:
        """Count one request of ``who``; return 0.0, or how long it has to wait."""
        return cache.take(
            _bucket(self.name, who), burst=self.burst, every_seconds=self.every_seconds
        )


def _bucket(name: str, who: tuple[str, ...]) -> str:
    # Hashed: an address is untrusted text, and neither it nor the rest has to
    # lie readable in a cache.
    digest = hashlib.sha256("\0".join(who).encode("utf-8", "replace")).hexdigest()
    return f"limit:{name}:{digest}"


@dataclass
class _Hand:
    """What this process has taken for one client and not spent yet."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    tokens: int = 0
    empty_until: float = 0.0  # when the common bucket gains its next token


class BlockLimit:
    """So many a minute for each one that asks, without a write for each request.

    A process takes a twentieth of a minute's allowance out of the common bucket
    at once and spends it by itself, so of 600 requests 20 cost a statement. No
    token is made or spent twice. What a process has in hand the others miss,
    and may be spent when the bucket has filled up again: the limit is right to
    a twentieth for each process, to either side, and the error does not add up.
    A limit below 40 is exact.
    """

    _HANDS = 1000  # clients that a process remembers

    def __init__(self, name: str, per_minute: int) -> None:
        self._name = name
        self._burst = per_minute
        # Whole, as the bucket counts them: a float would lose a token now and then.
        self._step_us = max(1, round(60_000_000 / per_minute))
        self._every_seconds = self._step_us / 1_000_000
        self._block = max(1, per_minute // 20)
        self._hands: OrderedDict[str, _Hand] = OrderedDict()
        self._lock = threading.Lock()

    def wait_seconds(self, *who: str) -> float:
        """Count one request of ``who``; return 0.0, or how long it has to wait."""
        bucket = _bucket(self._name, who)
        hand = self._hand(bucket)
        # Of one client's requests one asks the cache and the others wait for it,
        # or each thread would take a block.
        with hand.lock:
            if not hand.tokens and (wait_seconds := self._fill(hand, bucket)):
                return wait_seconds
            hand.tokens -= 1
            return 0.0

    def _hand(self, bucket: str) -> _Hand:
        with self._lock:
            hand = self._hands.setdefault(bucket, _Hand())
            self._hands.move_to_end(bucket)
            if len(self._hands) > self._HANDS:
                self._hands.popitem(last=False)
        return hand

    def _fill(self, hand: _Hand, bucket: str) -> float:
        """Take a block, or what is left of one; return 0.0, or the wait."""
        now = time.time()
        wait_seconds = hand.empty_until - now
        # Whoever goes on asking must not cost a statement each time. Longer than
        # that it cannot be, unless the clock was set back.
        if 0 < wait_seconds <= self._every_seconds:
            return wait_seconds
        count = self._block
        while missing_seconds := cache.take(
            bucket, burst=self._burst, every_seconds=self._every_seconds, count=count
        ):
            missing_us = round(missing_seconds * 1_000_000)
            left = count - math.ceil(missing_us / self._step_us)
            if left < 1:
                wait_seconds = (missing_us - (count - 1) * self._step_us) / 1_000_000
                hand.empty_until = now + wait_seconds
                return wait_seconds
            count = left
        hand.tokens = count
        return 0.0


FAILED_AUTHENTICATION = Limit("failed-authentication", burst=5, every_seconds=2)
KEY_CHECK = Limit("key-check", burst=1, every_seconds=2)


# --- Who ----------------------------------------------------------------------

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(request: HttpRequest) -> str:
    """Return the address a request came from, as far as it can be trusted.

    It is the socket's, unless that is a proxy of ``TRUSTED_PROXIES``: then the
    right-most entry of X-Forwarded-For that no trusted proxy has, since
    everything left of it is whatever the client wrote.
    """
    text = request.META.get("REMOTE_ADDR", "")
    address = _parsed(text)
    if address is None:
        return text
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while hops and _is_of(address, "TRUSTED_PROXIES"):
        nearer = _parsed(hops.pop())
        if nearer is None:
            break
        address = nearer
    return str(address)


def client_network(request: HttpRequest) -> str:
    """Return what one client has for itself: an address, or an IPv6 /64."""
    text = client_address(request)
    address = _parsed(text)
    if address is None or address.version == 4:
        return text
    return str(ipaddress.ip_network((address, 64), strict=False))


def networks(setting: str) -> list[Network]:
    """Read a setting that lists addresses and networks.

    Raises:
        ImproperlyConfigured: an entry is neither an address nor a network.
    """
    return _networks(setting, tuple(getattr(settings, setting)))


def is_client_of(request: HttpRequest, setting: str) -> bool:
    """Whether a request comes from one of the networks that a setting lists."""
    address = _parsed(client_address(request))
    return address is not None and _is_of(address, setting)


@remember
def _networks(setting: str, entries: tuple[str, ...]) -> list[Network]:
    try:
        return [ipaddress.ip_network(entry, strict=False) for entry in entries]
    except ValueError as error:
        raise ImproperlyConfigured(f"{setting}: {error}") from error


def _is_of(address: Address, setting: str) -> bool:
    return any(address in network for network in networks(setting))


def _parsed(text: str) -> Address | None:
    """Read an address, also one with a port, as some proxies write it."""
    text = text.strip().partition("%")[0]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A socket open for both families writes IPv4 so.
    return getattr(address, "ipv4_mapped", None) or address
