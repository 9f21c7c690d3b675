"""Buckets of a real S3 server for tests, each empty and its own."""

from collections.abc import Callable
from itertools import count

import pytest

from services import S3, ports

_number = count(1)


def bucket_options(s3: S3) -> dict[str, str]:
    """Return ``ObjectStorage``'s options of a new bucket."""
    name = f"test-{next(_number)}"
    s3.bucket(name)
    return {
        "bucket_name": name,
        "endpoint_url": s3.address,
        "region_name": s3.variables["S3_REGION"],
        "access_key": s3.variables["AWS_ACCESS_KEY_ID"],
        "secret_key": s3.variables["AWS_SECRET_ACCESS_KEY"],
    }


def keep_files_in(settings, options: dict[str, str]) -> None:
    settings.FILES = (options["bucket_name"], "")
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "partsite.objectstore.ObjectStorage",
            "OPTIONS": options,
        },
    }


@pytest.fixture
def bucket_files(settings, s3) -> None:
    """Have the site keep its files in a bucket."""
    keep_files_in(settings, bucket_options(s3))


@pytest.fixture
def lose_bucket(settings) -> Callable[[], None]:
    """Return what takes the server of the bucket away."""

    def lose() -> None:
        options = settings.STORAGES["default"]["OPTIONS"]
        away = f"http://127.0.0.1:{ports.free()}"
        keep_files_in(settings, {**options, "endpoint_url": away})

    return lose


@pytest.fixture(params=["folder", "bucket"])
def both_storages(request) -> str:
    """Run a test with files in a folder, then with files in a bucket."""
    if request.param == "bucket":
        request.getfixturevalue("bucket_files")
    return request.param
