"""What the site does around Django, for requests that would go wrong there."""

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from django.test import RequestFactory

from partsite.wsgi import application

pytestmark = pytest.mark.django_db


class Socket(BytesIO):
    """What comes after the body belongs to the next request."""

    def read(self, size=-1):
        assert size >= 0, "this would wait for ever"
        return super().read(size)

    readline = None


def _ask(**environ) -> tuple[str, bytes]:
    environ = RequestFactory()._base_environ(PATH_INFO="/api/parts/", **environ)
    said = []
    answer = application(environ, lambda status, headers: said.append(status))
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return said[0], body


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=zip",
        'application/json;CHARSET = "rot13"; a=b',
        "application/json; charset*=utf-8''zip",
        "application/json; title*=zip''%41",
        "text/plain; charset=utf-7",
    ],
)
def test_a_charset_that_is_none_breaks_nothing(content_type):
    environ = {"QUERY_STRING": "search=%41", "CONTENT_TYPE": content_type}
    status, body = _ask(**environ, **{"wsgi.input": Socket()})
    assert status == "401 Unauthorized"
    assert b"API key required" in body


def test_the_boundary_of_an_upload_is_left_alone():
    environ = {
        "CONTENT_TYPE": "multipart/form-data; charset=utf-16; boundary=x=y",
        "wsgi.input": Socket(),
    }
    with pytest.raises(KeyError):  # there is nothing else in it
        application(environ, None)
    assert environ["CONTENT_TYPE"] == "multipart/form-data; boundary=x=y"


@pytest.mark.parametrize("method", ["POST", "DELETE", "FOO"])
def test_the_body_of_a_refused_request_is_read_to_its_end_and_no_further(method):
    socket = Socket(b"x" * 200_000 + b"GET /next")
    status, _ = _ask(
        REQUEST_METHOD=method,
        CONTENT_TYPE="multipart/form-data; boundary=b",
        CONTENT_LENGTH="200000",
        **{"wsgi.input": socket},
    )
    assert status == "401 Unauthorized"
    assert socket.read(20) == b"GET /next"


@pytest.mark.parametrize("length", [str(600 * 1024 * 1024), "", "x", "-1"])
def test_a_body_beyond_all_measure_or_without_one_is_not_read(length):
    socket = Socket(b"x" * 100)
    status, _ = _ask(CONTENT_LENGTH=length, **{"wsgi.input": socket})
    assert status == "401 Unauthorized"
    assert socket.tell() == 0


def test_a_body_in_chunks_is_dropped_and_refused():
    socket = Socket(b"x" * 200_000)  # the server has taken the chunks apart
    status, body = _ask(
        REQUEST_METHOD="PATCH",
        HTTP_TRANSFER_ENCODING="chunked",
        **{"wsgi.input": socket},
    )
    assert status == "411 Length Required"
    assert json.loads(body) == {
        "error": "Length required",
        "details": "Send the header Content-Length; a body in chunks is not read.",
    }
    assert socket.tell() == 200_000


def test_a_client_that_hangs_up_breaks_nothing():
    class Broken(BytesIO):
        def read(self, size=-1):
            raise ConnectionResetError

    status, _ = _ask(
        REQUEST_METHOD="POST", CONTENT_LENGTH="10", **{"wsgi.input": Broken()}
    )
    assert status == "401 Unauthorized"


def test_an_answer_to_head_has_no_body_and_its_file_is_closed(monkeypatch):
    closed = []

    class Answer(list):
        def close(self):
            closed.append(True)

    def site(environ, start_response):
        start_response("200 OK", [("Content-Length", "4")])
        return Answer([b"body"])

    monkeypatch.setattr("partsite.wsgi._site", site)
    assert _ask(REQUEST_METHOD="HEAD") == ("200 OK", b"")
    assert closed == [True]
    assert _ask(REQUEST_METHOD="GET") == ("200 OK", b"body")


def test_a_web_process_imports_all_views_and_nothing_heavy(tmp_path):
    said = subprocess.run(  # noqa: S603 - our own words
        [
            sys.executable,
            "-c",
            "import gc, json, sys; gc.disable(); import partsite.wsgi; "
            "print(json.dumps([gc.isenabled(), gc.get_freeze_count(), *sys.modules]))",
        ],
        cwd=Path(__file__).parents[2],
        env={
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "partsite.settings.dev",
        },
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    is_collecting, frozen, *imported = json.loads(said.stdout)
    assert is_collecting
    assert frozen > 10_000
    imported = set(imported)
    assert {"parts.api.views", "parts.views.boards"} <= imported
    heavy = {"numpy", "cascadio", "PIL", "redis", "parts.conversion.child"}
    heavy |= {"boto3", "botocore", "storages.backends.s3"}
    heavy |= {"health_check", "dns", "django_prometheus", "sentry_sdk"}
    heavy |= {"psycopg", "requests", "yaml", "prometheus_client", "jinja2", "pygments"}
    assert not heavy & imported
