"""A front end of one's own at the root, the boards below /boards/."""

import gzip
import os
import shutil
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import make_part

from .prefixed import BASE, Proxied, below

INDEX = b"<!doctype html><title>Our front end</title>"
SECRET = b"nobody may read this"
FOREVER = "max-age=31536000, public, immutable"


@pytest.fixture
def folder(settings, tmp_path) -> Path:
    """Make a built front end, and secrets in and around it."""
    folder = tmp_path / "dist"
    for name, content in {
        "index.html": INDEX,
        "assets/app.3f2a9c01.js": b"app()",
        "static/js/main.0a1b2c3d.js": b"main()",
        "assets/app.3f2a9c01.js.map": SECRET,
        "assets/only-packed.js.map.gz": SECRET,
        ".git/config": SECRET,
        "assets/.env": SECRET,
        ".well-known/x": SECRET,
        "../outside/secret.txt": SECRET,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    settings.FRONTEND_DIR = folder
    settings.ROOT_URLCONF = "tests.partsite.frontend_urls"
    return folder


def _read(answer) -> tuple[int, bytes]:
    return answer.status_code, answer.getvalue()


@pytest.mark.parametrize(
    "address",
    ["/", "/queue", "/parts/7/", "/a/b/c?d=1", "/boardsx", "/apis/", "/index.html"]
    + ["/assets/gone.3f2a9c01.js", "/assets/", "/assets", "/robots.txt", "/a%0Ab"],
)
def test_every_other_address_answers_the_app(client, folder, address):
    answer = client.get(address)
    assert _read(answer) == (200, INDEX)
    assert answer["Content-Type"] == 'text/html; charset="utf-8"'
    assert answer["Cache-Control"] == "no-cache"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in answer
    assert "Vary" not in answer
    head = client.head(address)
    assert (head.status_code, head["Content-Length"]) == (200, str(len(INDEX)))
    assert head.getvalue() == b""


def test_who_is_signed_in_is_not_asked(lead_page, folder, django_assert_num_queries):
    with django_assert_num_queries(0):
        for address in ("/", "/assets/app.3f2a9c01.js"):
            answer = lead_page.get(address)
            assert answer.status_code == 200
            assert "Vary" not in answer
            answer.getvalue()


def test_a_new_build_is_seen_at_once_even_of_the_same_length_and_time(client, folder):
    index = folder / "index.html"
    os.utime(index, (1, 1))
    first = client.get("/")
    first.getvalue()
    asked = {"If-None-Match": first["ETag"]}
    assert _read(client.get("/", headers=asked)) == (304, b"")
    index.write_bytes(INDEX.replace(b"Our", b"One"))
    os.utime(index, (1, 1))
    assert _read(client.get("/", headers=asked)) == (200, index.read_bytes())


@pytest.mark.parametrize(
    "name",
    [
        "main.3f2a9c01.js",
        "787.cda612ba.chunk.js",
        "static/css/main.e6c13ad2.css",
        "3f2a9c01be77d210.woff2",
        "app.abc123.js",
        "app.deadbeef.css",
        "chunk-5INURTSO.js",
        "assets/index-BhD3x9aQ.js",
        "assets/index-Bh-_x9aQ.css",
        "_app/immutable/entry/start.js",
        "_next/static/chunks/main.js",
    ],
)
def test_what_is_named_after_its_content_is_kept_for_a_year(client, folder, name):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"x")
    answer = client.get(f"/{name}")
    assert _read(answer) == (200, b"x")
    assert answer["Cache-Control"] == FOREVER


@pytest.mark.parametrize(
    "name",
    [
        "app.js",
        "service-worker.js",
        "my-calendar.js",
        "jquery-3.7.1.min.js",
        "photo-20240131.jpg",
        "team-photo-2024.jpg",
        "DSC00012.JPG",
        "shop-Overview.pdf",
        "assets/shop-Overview.pdf",
        "lib-dataGrid.js",
        "inter-latin-400-normal.woff2",
    ],
)
def test_what_may_change_under_its_name_is_asked_for_again(client, folder, name):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"x")
    answer = client.get(f"/{name}")
    assert _read(answer) == (200, b"x")
    assert answer["Cache-Control"] == "no-cache"


def test_what_the_build_packed_is_sent_packed(client, folder):
    packed = gzip.compress(b"app()" * 100)
    script = folder / "assets" / "app.3f2a9c01.js"
    script.write_bytes(b"app()" * 100)
    script.with_name(f"{script.name}.gz").write_bytes(packed)
    answer = client.get(f"/assets/{script.name}", headers={"Accept-Encoding": "gzip"})
    assert (answer["Content-Encoding"], answer["Vary"]) == ("gzip", "Accept-Encoding")
    assert answer["Content-Type"] == 'text/javascript; charset="utf-8"'
    assert answer.getvalue() == packed
    assert client.get(f"/assets/{script.name}").getvalue() == script.read_bytes()


@pytest.mark.parametrize(
    "address",
    [
        "/.git/config",
        "/%2egit/config",
        "/.git",
        "/.git/",
        "/assets/.env",
        "/assets%2F.env",
        "/.well-known/x",
        "/.nothing",
        "/assets/app.3f2a9c01.js.map",
        "/assets/app.3f2a9c01.js.MAP",
        "/assets/app.3f2a9c01.js.map/",
        "/assets/app.3f2a9c01.js%2Emap",
        "/assets/only-packed.js.map",
        "/assets/only-packed.js.map.gz",
        "/../outside/secret.txt",
        "/..%2foutside/secret.txt",
        "/%2e%2e/outside/secret.txt",
        "/assets/../../outside/secret.txt",
        "/assets/%2e%2e%2f%2e%2e%2foutside%2fsecret.txt",
        "/index.html%00.png",
    ],
)
def test_what_is_hidden_or_outside_is_not_found(client, folder, address):
    status, content = _read(client.get(address))
    assert status == 404
    assert SECRET not in content


@pytest.mark.parametrize(
    "address",
    [
        "/%252e%252e/outside/secret.txt",
        "/a\\..\\..\\outside\\secret.txt",
        "//outside/secret.txt",
        "/%2foutside/secret.txt",
        "/%c0%ae%c0%ae/outside/secret.txt",
        "/" + "a" * 3000,
    ],
)
def test_an_odd_address_answers_the_app_and_nothing_else(client, folder, address):
    assert _read(client.get(address)) == (200, INDEX)


def test_an_absolute_path_finds_nothing_outside(client, folder, tmp_path):
    secret = tmp_path / "outside" / "secret.txt"
    assert _read(client.get(f"/{secret}")) == (200, INDEX)
    assert _read(client.get(f"//{secret}")) == (200, INDEX)


@pytest.mark.parametrize(
    ("link", "target", "address"),
    [
        ("a.txt", "../outside/secret.txt", "/a.txt"),
        ("out", "../outside", "/out/secret.txt"),
        ("env.txt", "assets/.env", "/env.txt"),
        ("map.txt", "assets/app.3f2a9c01.js.map", "/map.txt"),
        ("assets/app.3f2a9c01.js.gz", "../../outside/secret.txt", None),
        ("assets/app.3f2a9c01.js.br", "../../outside/secret.txt", None),
    ],
)
def test_no_link_leads_out(client, folder, link, target, address):
    (folder / link).symlink_to(target)
    address = address or "/assets/app.3f2a9c01.js"
    answer = client.get(address, headers={"Accept-Encoding": "gzip, br"})
    status, content = _read(answer)
    assert status == 404
    assert SECRET not in content


def test_links_inside_are_followed_and_so_is_the_folder_itself(
    client, folder, settings, tmp_path
):
    (folder / "app.js").symlink_to("assets/app.3f2a9c01.js")
    assert _read(client.get("/app.js")) == (200, b"app()")
    # A deployment that turns a link to the new build.
    new = tmp_path / "new"
    shutil.copytree(folder, new)
    (new / "index.html").write_bytes(b"new")
    settings.FRONTEND_DIR = tmp_path / "current"
    settings.FRONTEND_DIR.symlink_to(folder)
    assert _read(client.get("/")) == (200, INDEX)
    settings.FRONTEND_DIR.unlink()
    settings.FRONTEND_DIR.symlink_to(new)
    assert _read(client.get("/")) == (200, b"new")


def test_a_pipe_or_a_loop_in_the_folder_stops_nothing(client, folder):
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    assert _read(client.get("/pipe")) == (200, INDEX)
    assert _read(client.get("/loop")) == (200, INDEX)


def test_missing_static_and_media_files_are_not_found(client, folder):
    assert client.get("/static/js/gone.js").status_code == 404
    assert client.get("/media/gone.png").status_code == 404
    # Some build tools put what they make into a folder of this name.
    assert _read(client.get("/static/js/main.0a1b2c3d.js")) == (200, b"main()")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_only_reading_is_answered(folder, method):
    client = Client(enforce_csrf_checks=True)
    answer = getattr(client, method)("/queue")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert b"the API stands below api/" in answer.content


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/admin", 301),
        ("/admin/", 302),
        ("/boards", 301),
        ("/boards/review", 301),
        ("/account/login", 301),
        ("/account/login/", 200),
        ("/account/nothing", 404),
        ("/boards/nothing", 404),
        ("/health", 200),
        ("/health/nothing", 404),
    ],
)
def test_the_sites_own_addresses_stay_its_own(client, folder, lead, address, status):
    answer = client.get(address)
    assert answer.status_code == status
    assert INDEX not in answer.content
    if status == 301:
        assert answer["Location"] == f"{address}/"


def test_the_api_answers_by_itself(client, folder, db):
    assert client.get("/api/parts/").json()["error"] == "API key required"
    assert client.get("/api/nothing").status_code == 404
    assert client.get("/api/nothing").json()["error"]


def test_the_boards_move_and_everything_follows(client, folder, lead):
    lead.set_password("correct horse")
    lead.save()
    assert reverse("parts:home") == "/boards/"
    stranger = client.get("/boards/review/")
    assert stranger["Location"] == "/account/login/?next=/boards/review/"
    person = {"username": "lead", "password": "correct horse"}
    answer = client.post("/account/login/", person, follow=True)
    assert answer.redirect_chain == [("/boards/", 302)]
    assert b'href="/boards/review/"' in answer.content
    part = make_part()
    assert client.get(f"/boards/parts/{part.pk}/").status_code == 200
    assert b'href="/boards/"' in client.get("/admin/").content
    left = client.post("/account/logout/")
    assert left["Location"] == "/account/login/"


def test_below_a_path_both_stand_below_it(folder, settings):
    client = Proxied()
    for base in below(BASE, settings):
        assert reverse("parts:home") == f"{base}/boards/"
        for sent in (f"{base}/", f"{base}/queue", "/queue"):
            assert _read(client.get(sent)) == (200, INDEX)
        for sent in (f"{base}/assets/app.3f2a9c01.js", "/assets/app.3f2a9c01.js"):
            assert _read(client.get(sent)) == (200, b"app()")
        assert client.get(f"{base}/.git/config").status_code == 404
        for own in ("/admin", "/boards/review", "/account/login"):
            assert client.get(f"{base}{own}")["Location"] == f"{base}{own}/"
        assert client.get("/boards/")["Location"].startswith(f"{base}/account/login/")


def test_the_icon_is_the_front_ends_if_it_has_one(client, folder):
    assert client.get("/favicon.ico")["Location"] == "/static/img/logo.svg"
    (folder / "favicon.ico").write_bytes(b"icon")
    assert _read(client.get("/favicon.ico")) == (200, b"icon")


def test_while_the_folder_is_gone_the_site_says_so(client, folder, caplog):
    shutil.rmtree(folder)
    answer = client.get("/queue")
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert answer["Cache-Control"] == "no-store"
    assert str(folder).encode() not in answer.content
    assert "frontend_failed path='/queue'" in caplog.text
