"""One shop for all tests of this folder: each leaves it running."""

import time
from collections.abc import Iterator

import pytest

from services import S3, Postgres, Redis

from .people import by_key
from .shop import Shop, open_shop

_PATIENCE_SECONDS = 60


@pytest.fixture
def shop(shop_of_all) -> Shop:
    """The shop, once all of it is back from what the test before has done to it."""
    somebody = by_key(shop_of_all, "Lead 0")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for web in shop_of_all.webs:
        while not somebody.ask("GET", "/api/parts/?limit=1", web=web).ok:
            assert time.monotonic() < deadline, f"{web.address} has not come back."
            time.sleep(0.1)
    somebody.close()
    return shop_of_all


@pytest.fixture(scope="session")
def shop_of_all(tmp_path_factory, postgres_here, redis_here) -> Iterator[Shop]:
    """Two web servers and three workers on PostgreSQL, Redis and S3.

    No hasty PostgreSQL: one that is killed would lose what it has just promised.
    """
    folder = tmp_path_factory.mktemp("shop")
    with (
        Postgres.running() as postgres,
        Redis.running() as redis,
        S3.running() as s3,
        open_shop(folder, postgres, redis, s3, webs=2, workers=3) as shop,
    ):
        yield shop
