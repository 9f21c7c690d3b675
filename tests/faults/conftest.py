"""One shop for all tests of this folder: each leaves it running."""

from collections.abc import Iterator

import pytest

from services import S3, Postgres, Redis

from .shop import Shop, open_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory, postgres_here, redis_here) -> Iterator[Shop]:
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
