"""The atomic counter cache, the client's address, how often a thing may be asked."""

import base64
import hashlib
import ipaddress
import itertools
import pickle
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache as remember
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.http import HttpRequest

_CULL_EVERY = 256  # writes of a process
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)
_INT64 = range(-(2**63), 2**63)
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
        self, key: str, *, burst: int, every_seconds: float, version=None
    ) -> float:
        """Take a token out of the bucket ``key``; return 0.0, or the wait in seconds.

        The bucket holds ``burst`` tokens and gains one ``every_seconds``; a
        refused call costs nothing. The row holds when the bucket will be full
        again, in microseconds since 1970 (the generic cell rate algorithm), so
        one guarded statement is the whole bucket.
        """
        name = self.make_and_validate_key(key, version=version)
        step = round(every_seconds * 1_000_000)
        now = round(time.time() * 1_000_000)
        latest = now + (burst - 1) * step
        taken = self._run(
            "INSERT INTO {table} (cache_key, value, expires) VALUES (%s, %s, %s) "
            "ON CONFLICT (cache_key) DO UPDATE SET expires = excluded.expires, "
            "value = CASE WHEN CAST({table}.value AS BIGINT) > %s "
            "THEN CAST(CAST({table}.value AS BIGINT) + %s AS TEXT) "
            "ELSE excluded.value END "
            "WHERE CAST({table}.value AS BIGINT) <= %s RETURNING value",
            [
                name,
                str(now + step),
                self._time((now + burst * step) / 1_000_000),
                now,
                step,
                latest,
            ],
        )
        self._cull_now_and_then()
        if taken:
            return 0.0
        full_at = self.get(key, latest, version=version)
        return max(full_at - latest, 1) / 1_000_000

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


class RedisCounterCache(RedisCache):
    """Django's Redis cache, whose counters are exact, with the bucket besides."""

    _TAKE = """
        local burst, step = tonumber(ARGV[1]), tonumber(ARGV[2])
        local clock = redis.call('TIME')
        local now = clock[1] * 1000000 + clock[2]
        local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
        local wait = full - now - (burst - 1) * step
        if wait > 0 then
            return wait
        end
        redis.call('SET', KEYS[1], string.format('%.0f', full + step),
            'PX', math.ceil(burst * step / 1000))
        return 0
    """

    def take(
        self, key: str, *, burst: int, every_seconds: float, version=None
    ) -> float:
        """Do as ``CounterCache.take``, by the clock of the Redis server."""
        name = self.make_and_validate_key(key, version=version)
        client = self._cache.get_client(name, write=True)
        step = round(every_seconds * 1_000_000)
        return client.eval(self._TAKE, 1, name, burst, step) / 1_000_000


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
        # Hashed: an address is untrusted text, and neither it nor the rest has
        # to lie readable in a cache.
        digest = hashlib.sha256("\0".join(who).encode("utf-8", "replace")).hexdigest()
        return cache.take(
            f"limit:{self.name}:{digest}",
            burst=self.burst,
            every_seconds=self.every_seconds,
        )


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
    while hops and _is_trusted(address):
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


@remember
def trusted_networks(entries: tuple[str, ...]) -> list[Network]:
    """Read ``TRUSTED_PROXIES``.

    Raises:
        ImproperlyConfigured: an entry is neither an address nor a network.
    """
    try:
        return [ipaddress.ip_network(entry, strict=False) for entry in entries]
    except ValueError as error:
        raise ImproperlyConfigured(f"TRUSTED_PROXIES: {error}") from error


def _is_trusted(address: Address) -> bool:
    networks = trusted_networks(tuple(settings.TRUSTED_PROXIES))
    return any(address in network for network in networks)


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
