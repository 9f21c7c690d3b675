"""Tests: fast hashing, files in a folder of their own, tasks caught, not run."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from partsite.env import env_str

from .base import *  # noqa: F403 - a settings module is its base and what differs
from .base import CACHES, LOCAL_FILES, Q_CLUSTER, REDIS_URL, STORAGES, database

SECRET_KEY = "only-for-tests"  # noqa: S105 - guards nothing
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
_scratch = Path(tempfile.mkdtemp(prefix="partsite-test-"))
atexit.register(shutil.rmtree, _scratch, ignore_errors=True)
DATA_DIR = _scratch
# A file, not memory: threads and processes of a test must share it.
DATABASES = {
    "default": database(env_str("DATABASE_URL", f"sqlite:///{_scratch / 'db.sqlite3'}"))
}
DATABASES["default"]["TEST"] = {"NAME": None}
# A test that imports the WSGI module must not turn it on for all that come after it.
DATABASE_POOL = 0
if DATABASES["default"]["ENGINE"] == "partsite.sqlite":
    DATABASES["default"]["TEST"] = {"NAME": _scratch / "test.sqlite3"}
if REDIS_URL:
    # Each process of a test run has one of Redis's 16 databases for itself.
    _number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    CACHES["default"]["LOCATION"] = Q_CLUSTER["redis"] = (
        urlsplit(REDIS_URL)._replace(path=_number).geturl()
    )
# Off, since a block taken by one test would be spent, or missed, in another.
API_READS_PER_MINUTE = API_WRITES_PER_MINUTE = API_UPLOADS_PER_MINUTE = 0
FILES, FILE_DELIVERY = None, "stream"
CLAMD, API_KEY_IN_ADDRESS = None, True
MEDIA_ROOT = _scratch / "media"
STATIC_ROOT = _scratch / "static"
STATIC_ROOT.mkdir()  # whitenoise warns of a missing one, and warnings are errors
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    **STORAGES,
    "default": LOCAL_FILES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
