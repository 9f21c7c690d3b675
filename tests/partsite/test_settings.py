"""Settings are read by real processes, each with an environment of its own."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "partsite.settings.prod",
    "SECRET_KEY": "k3y-" + "0123456789abcdefghij" * 4,
    "ALLOWED_HOSTS": "parts.example.org",
}


def _manage(*words: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL"])
def test_production_refuses_to_start_without(missing, tmp_path):
    given = {**PRODUCTION, "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    del given[missing]
    run = _manage("check", DATA_DIR=str(tmp_path), **given)
    assert run.returncode == 1
    assert f"{missing} is not set." in run.stderr


def test_a_command_says_what_is_away_and_not_where_it_was_missed(tmp_path):
    nobody = "postgres://parts@127.0.0.1:1/parts"
    run = _manage("showmigrations", DATA_DIR=str(tmp_path), DATABASE_URL=nobody)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("No database: connection failed: ")
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("base", ["", "/parts-system"])
def test_check_deploy_is_silent_in_production(tmp_path, base):
    run = _manage(
        "check",
        "--deploy",
        "--fail-level",
        "INFO",
        DATA_DIR=str(tmp_path),
        DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite3",
        BASE_PATH=base,
        **PRODUCTION,
    )
    assert (run.returncode, run.stderr) == (0, "")
    silenced = 2 if base else 0
    assert run.stdout == f"System check identified no issues ({silenced} silenced).\n"


def test_check_tells_of_a_media_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "media").write_text("a file where the folder should be")
    run = _manage(
        "check",
        "--deploy",
        DATA_DIR=str(tmp_path),
        DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite3",
        **PRODUCTION,
    )
    assert run.returncode == 1
    assert "(parts.E001) Files cannot be stored in" in run.stderr


def test_a_laptop_keeps_its_secret_key_private_and_for_good(tmp_path):
    show = ("shell", "--no-imports", "-c")
    code = "from django.conf import settings; print(settings.SECRET_KEY)"
    first = _manage(*show, code, DATA_DIR=str(tmp_path))
    second = _manage(*show, code, DATA_DIR=str(tmp_path))
    assert first.stdout == second.stdout
    assert len(first.stdout.strip()) >= 50
    path = tmp_path / "secret-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["secret-key"]


@pytest.mark.parametrize("name", ["ONSHAPE_ACCESS_KEY", "ONSHAPE_SECRET_KEY"])
def test_one_key_of_onshape_without_the_other_is_refused(tmp_path, name):
    run = _manage("check", DATA_DIR=str(tmp_path), **{name: "x"})
    assert run.returncode == 1
    assert run.stderr.endswith(
        "Set ONSHAPE_ACCESS_KEY and ONSHAPE_SECRET_KEY both, or neither.\n"
    )


SHOW = ("shell", "--no-imports", "-c")


def _told(code: str, **variables: str) -> list:
    """Run ``code``, whose last line is a list, on settings of ``variables``."""
    *lines, last = code.strip().splitlines()
    code = "\n".join(["import json", *lines, f"print(json.dumps({last}))"])
    run = _manage(*SHOW, code, **variables)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_below_a_path_addresses_and_cookies_are_the_paths_own(tmp_path):
    code = """
from django.conf import settings as s
from django.test import Client
from django.urls import reverse
from django.templatetags.static import static
document = Client(SERVER_NAME="localhost").get("/api/openapi.json").json()
names = [s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.MESSAGE_COOKIE_NAME]
paths = [reverse("parts:home"), s.SESSION_COOKIE_PATH, s.CSRF_COOKIE_PATH]
[static("x.css"), document.get("servers"), *names, *paths]
"""
    given = {"DATA_DIR": str(tmp_path), "STATIC_ROOT": str(tmp_path), "DEBUG": "1"}
    assert _told(code, **given, BASE_PATH="tools/parts-system/") == [
        "/tools/parts-system/static/x.css",
        [{"url": "/tools/parts-system"}],
        "sessionid.tools.parts-system",
        "csrftoken.tools.parts-system",
        "messages.tools.parts-system",
        "/tools/parts-system/",
        "/tools/parts-system",
        "/tools/parts-system",
    ]
    assert _told(code, **given) == [
        *("/static/x.css", None),
        *("sessionid", "csrftoken", "messages"),
        *("/", "/", "/"),
    ]


@pytest.mark.parametrize(
    ("base", "cdn", "place"),
    [
        ("", "", "/static/"),
        ("/parts-system", "", "/parts-system/static/"),
        ("", "https://cdn.example.org/shop/", "https://cdn.example.org/shop/"),
        ("/parts-system", "https://cdn.example.org", "https://cdn.example.org/"),
    ],
)
def test_static_files_are_compressed_and_kept_and_may_come_from_a_cdn(
    tmp_path, base, cdn, place
):
    code = """
import re
from io import BytesIO
from django.templatetags.static import static
from django.test import RequestFactory
from parts.templatetags.parts import icon
from partsite.wsgi import application
said = []
def ask(path, **environ):
    told = {"SERVER_NAME": "parts.example.org", "wsgi.input": BytesIO()}
    told |= {"wsgi.url_scheme": "https", "HTTP_X_FORWARDED_PROTO": "https"}
    environ = RequestFactory()._base_environ(PATH_INFO=path, **told, **environ)
    answer = application(environ, lambda status, headers: said.append(dict(headers)))
    body = b"".join(answer)
    answer.close()
    return body
script = static("js/bundle.js")
sprite = re.search('use href="([^#]+)#', icon("take"))[1]
bundle = script.rpartition("/")[2]
def told(encoding):
    body = ask("BASE/static/js/" + bundle, HTTP_ACCEPT_ENCODING=encoding)
    names = ("Content-Encoding", "Cache-Control", "Access-Control-Allow-Origin")
    return [len(body), *(said[-1].get(name) for name in names)]
[script, sprite, told("gzip, br"), told("gzip"), told("identity")]
"""
    given = {**PRODUCTION, "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    given |= {"DATA_DIR": str(tmp_path), "BASE_PATH": base, "STATIC_URL": cdn}
    script, sprite, *sent = _told(code.replace("BASE", base), **given)
    assert re.fullmatch(rf"{place}js/bundle\.[0-9a-f]{{12}}\.js", script)
    assert re.fullmatch(rf"{base}/static/img/icons\.[0-9a-f]{{12}}\.svg", sprite)
    assert [encoding for _, encoding, _, _ in sent] == ["br", "gzip", None]
    sizes = [size for size, _, _, _ in sent]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2
    for_good = ("max-age=315360000, public, immutable", "*")
    assert {tuple(kept) for _, _, *kept in sent} == {for_good}


@pytest.mark.parametrize(
    ("base", "prefix", "rest"),
    [("", "__Host-", ""), ("/parts", "__Secure-", ".parts")],
)
def test_cookies_in_production_are_for_tls_and_this_host(tmp_path, base, prefix, rest):
    given = {**PRODUCTION, "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    code = """
from django.conf import settings as s
names = "SESSION_COOKIE_NAME CSRF_COOKIE_NAME SESSION_COOKIE_PATH \
SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SESSION_COOKIE_HTTPONLY \
SESSION_COOKIE_SAMESITE CSRF_COOKIE_SAMESITE SECURE_HSTS_SECONDS \
SECURE_HSTS_INCLUDE_SUBDOMAINS SECURE_SSL_REDIRECT DEBUG"
[getattr(s, name) for name in names.split()]
"""
    told = _told(code, DATA_DIR=str(tmp_path), BASE_PATH=base, **given)
    assert told == [
        *(f"{prefix}sessionid{rest}", f"{prefix}csrftoken{rest}", base or "/"),
        *(True, True, True, "Lax", "Lax", 31_536_000, not base, True, False),
    ]


@pytest.mark.parametrize("base", ["", "/parts-system"])
def test_a_load_balancer_asks_for_health_without_tls(tmp_path, base):
    given = {**PRODUCTION, "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    code = """
from io import BytesIO
from django.test import RequestFactory
from partsite.wsgi import application
said = []
def ask(path):
    host = {"SERVER_NAME": "parts.example.org", "wsgi.input": BytesIO()}
    environ = RequestFactory()._base_environ(PATH_INFO=path, **host)
    application(environ, lambda status, headers: said.append(status[:3])).close()
    return said[-1]
[ask(path) for path in ("/health", "/health/", "/health/ready", "/review/")] + \
[ask("BASE" + path) for path in ("/health", "/health/", "/health/ready", "/review/")]
"""
    given |= {"DATA_DIR": str(tmp_path), "STATIC_ROOT": str(tmp_path)}
    told = _told(code.replace("BASE", base), BASE_PATH=base, **given)
    # Nothing is migrated, and no worker lives.
    assert told == ["200", "200", "503", "301"] * 2


def test_a_path_of_the_sites_own_is_refused(tmp_path):
    run = _manage("check", DATA_DIR=str(tmp_path), BASE_PATH="/api/v2")
    assert run.returncode == 1
    assert "BASE_PATH is '/api/v2', but /api is the site's own;" in run.stderr


def test_a_front_end_that_is_not_there_stops_the_start(tmp_path):
    given = {"DATA_DIR": str(tmp_path), "FRONTEND_DIR": str(tmp_path / "dist")}
    run = _manage("up", **given)
    assert run.returncode == 1
    words = f"(parts.E004) FRONTEND_DIR is {tmp_path}/dist, which is no folder."
    assert words in run.stderr


def test_env_example_lists_every_variable_that_is_read():
    sources = [*ROOT.glob("partsite/**/*.py"), *ROOT.glob("parts/**/*.py")]
    sources += [*ROOT.glob("accounts/**/*.py"), *ROOT.glob("backups/**/*.py")]
    sources += ROOT.glob("doctor/**/*.py")
    sources += [ROOT / "gunicorn.conf.py"]
    read = set()
    for source in sources:
        read |= set(re.findall(r"env_\w+\(\s*[\"']([A-Z0-9_]+)", source.read_text()))
    # Docker reads the same file.
    read |= set(re.findall(r"\$\{([A-Z0-9_]+)", (ROOT / "compose.yaml").read_text()))
    listed = set(
        re.findall(r"^([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M)
    )
    assert listed - {"DJANGO_SETTINGS_MODULE"} == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASE_PATH", "http://x"),
        ("API_READS_PER_MINUTE", "-1"),
        ("API_READS_PER_MINUTE", "many"),
        ("ONSHAPE_URL", "nonsense"),
        ("LOG_LEVEL", "LOUD"),
        ("FILES", "https://bucket"),
        ("FILE_DELIVERY", "carrier pigeon"),
        ("FILE_DELIVERY", "redirect"),
        ("SECOND_FACTOR", "managers"),
    ],
)
def test_a_wrong_variable_is_one_sentence_that_names_it(tmp_path, name, value):
    done = _manage("check", DATA_DIR=str(tmp_path), **{name: value})
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert name in line
