"""System checks of what a setting's value alone cannot show."""

import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import default_storage
from django.db import connection

from partsite import ratelimit


@checks.register(checks.Tags.files, deploy=True)
def check_media_writable(app_configs, **kwargs) -> list[checks.CheckMessage]:
    if settings.FILES:
        return _problem_of_bucket()
    folder = Path(settings.MEDIA_ROOT)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return [
            checks.Error(
                f"Files cannot be stored in {folder}: {error.strerror}.",
                hint="Give the site's user the right to write there, or set DATA_DIR.",
                id="parts.E001",
            )
        ]
    return []


def _problem_of_bucket() -> list[checks.CheckMessage]:
    if problem := default_storage.problem():
        return [
            checks.Error(
                f"Files cannot be stored in the bucket {settings.FILES[0]}: {problem}",
                hint="See to FILES, S3_ENDPOINT_URL, S3_REGION and the AWS_ keys.",
                id="parts.E001",
            )
        ]
    return []


@checks.register
def check_converter_installed(app_configs, **kwargs) -> list[checks.CheckMessage]:
    # Looked for, not imported: the web process never needs the CAD kernel.
    missing = [name for name in ("cascadio", "numpy", "PIL") if find_spec(name) is None]
    if missing:
        return [
            checks.Error(
                f"STEP files cannot be converted: {', '.join(missing)} missing.",
                hint="pip install -r requirements.txt",
                id="parts.E002",
            )
        ]
    return []


@checks.register
def check_sqlite_searches(app_configs, **kwargs) -> list[checks.CheckMessage]:
    if connection.vendor != "sqlite":
        return []
    try:
        with closing(sqlite3.connect(":memory:")) as trial:
            trial.execute("CREATE VIRTUAL TABLE t USING fts5(a, tokenize = 'trigram')")
            trial.execute(
                "WITH b (a) AS MATERIALIZED (SELECT a FROM t) SELECT a FROM b"
            )
    except sqlite3.Error as error:
        return [
            checks.Error(
                f"The SQLite {sqlite3.sqlite_version} of this Python is too old, or "
                f"has no search: {error}.",
                hint="Use a Python with SQLite 3.35 or newer and FTS5, or PostgreSQL.",
                id="parts.E005",
            )
        ]
    return []


@checks.register(checks.Tags.security)
def check_networks_readable(app_configs, **kwargs) -> list[checks.CheckMessage]:
    hint = "List addresses or networks, such as 10.0.0.0/8."
    found = []
    for setting in ("TRUSTED_PROXIES", "METRICS_ALLOW"):
        try:
            ratelimit.networks(setting)
        except ImproperlyConfigured as error:
            found.append(checks.Error(str(error), hint=hint, id="parts.E003"))
    return found


@checks.register(checks.Tags.files)
def check_front_end(app_configs, **kwargs) -> list[checks.CheckMessage]:
    folder = settings.FRONTEND_DIR
    if folder and (problem := _problem_of_front_end(folder)):
        hint = "Name the folder that its build makes, with index.html in it."
        words = f"FRONTEND_DIR is {folder}{problem}"
        return [checks.Error(words, hint, id="parts.E004")]
    return []


def _problem_of_front_end(folder: Path) -> str:
    if not folder.is_dir():
        return ", which is no folder."
    whole = folder.resolve()
    for own in (settings.BASE_DIR, Path(settings.DATA_DIR), Path(settings.MEDIA_ROOT)):
        if own.resolve().is_relative_to(whole):
            return f": all of it would be public, the site's own {own} too."
    try:
        (folder / "index.html").read_bytes()
    except OSError as error:
        return f", and index.html in it cannot be read: {error.strerror}."
    return ""
