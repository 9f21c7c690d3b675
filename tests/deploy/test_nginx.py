"""deploy/nginx.conf, checked by nginx itself and run in front of a real site."""

import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.running import Site

from .conftest import DEPLOY, HOST, free_port, production_site, program

pytestmark = pytest.mark.xdist_group("nginx")  # they share a site

PATIENCE_SECONDS = 20
# What deploy/nginx.conf leaves to the rest of nginx's own settings.
SETTINGS = """
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    {included}
}}
"""
CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
    f"-days 2 -subj /CN={HOST} -addext subjectAltName=DNS:{HOST} "
    "-keyout privkey.pem -out fullchain.pem"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(  # noqa: S603 - fixed words
        CERTIFICATE.split(), cwd=folder, check=True, capture_output=True
    )
    return folder


@dataclass(frozen=True)
class Nginx:
    """A running nginx; ``connect`` is a connection to it, over TLS or not."""

    port: int
    plain_port: int
    context: ssl.SSLContext

    def connect(self, source: str = "127.0.0.5") -> http.client.HTTPConnection:
        line = http.client.HTTPConnection(HOST, timeout=PATIENCE_SECONDS)
        line.sock = self.socket(source)
        return line

    def socket(self, source: str = "127.0.0.5") -> ssl.SSLSocket:
        plain = socket.create_connection(
            ("127.0.0.1", self.port), PATIENCE_SECONDS, source_address=(source, 0)
        )
        return self.context.wrap_socket(plain, server_hostname=HOST)

    def ask(
        self, method: str, path: str, body=None, *, source: str = "127.0.0.5", **headers
    ) -> tuple[http.client.HTTPResponse, bytes]:
        line = self.connect(source)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        line.request(method, path, body, names)
        answer = line.getresponse()
        content = answer.read()
        line.close()
        return answer, content


@contextmanager
def _nginx(
    folder: Path, site: str, certificate: Path, *, base: str = ""
) -> Iterator[Nginx]:
    """Run nginx on what deploy/nginx.conf says, at free ports of this machine."""
    binary = program("nginx", "apt-get install nginx")
    port, plain_port = free_port(), free_port()
    text = (DEPLOY / "nginx.conf").read_text()
    for ours, theirs in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "listen 80;": f"listen 127.0.0.1:{plain_port};",
        "server 127.0.0.1:8000;": f"server {site.removeprefix('http://')};",
        f"/etc/letsencrypt/live/{HOST}": str(certificate),
    }.items():
        assert ours in text
        text = text.replace(ours, theirs)
    text = re.sub(r"\n *listen \[::\].*;", "", text)
    if base:
        text = text.replace("location / {\n        proxy", f"location {base} {{\nproxy")
        assert f"location {base}" in text
    settings = folder / "nginx.conf"
    settings.write_text(
        SETTINGS.format(
            # A folder of root's tests is closed to everybody else.
            user="user root;" if os.geteuid() == 0 else "",
            folder=folder,
            included=text,
        )
    )
    words = [binary, "-p", folder, "-c", settings, "-e", folder / "error.log"]
    checked = subprocess.run(  # noqa: S603 - our own words
        [*words, "-t"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)  # noqa: S603 - as above
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "error.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        context = ssl.create_default_context(cafile=certificate / "fullchain.pem")
        yield Nginx(port, plain_port, context)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def site(shop) -> Iterator[Site]:
    program("nginx", "apt-get install nginx")  # before the site is started
    note = f"--pid {shop / 'gunicorn.pid'}"
    with production_site(shop, GUNICORN_CMD_ARGS=note) as site:
        yield site


@pytest.fixture(scope="module")
def nginx(site, certificate, tmp_path_factory) -> Iterator[Nginx]:
    with _nginx(tmp_path_factory.mktemp("nginx"), site.address, certificate) as nginx:
        yield nginx


def test_what_comes_without_tls_is_sent_to_it(nginx):
    line = http.client.HTTPConnection("127.0.0.1", nginx.plain_port)
    line.request("GET", "/review/?search=a", headers={"Host": HOST})
    answer = line.getresponse()
    line.close()
    where = f"https://{HOST}/review/?search=a"
    assert (answer.status, answer.getheader("Location")) == (301, where)


def test_a_page_is_safe_and_compressed(nginx):
    answer, body = nginx.ask("GET", "/account/login/", Accept_Encoding="gzip")
    assert answer.status == 200
    assert answer.getheader("Strict-Transport-Security") == (
        "max-age=31536000; includeSubDomains; preload"
    )
    assert "; Secure" in answer.getheader("Set-Cookie")
    assert answer.getheader("Content-Encoding") == "gzip"
    assert body[:2] == b"\x1f\x8b"


def test_a_model_is_sent_compressed_and_once(nginx, site):
    asked = {"X_API_Key": site.key, "Accept_Encoding": "gzip"}
    answer, _ = nginx.ask("GET", "/api/parts/1/model", **asked)
    assert answer.getheader("Content-Encoding") == "gzip"
    # Marked as weak, since it was compressed on the way.
    tag = answer.getheader("ETag")
    assert tag.startswith('W/"')
    answer, body = nginx.ask("GET", "/api/parts/1/model", **asked, If_None_Match=tag)
    assert (answer.status, body) == (304, b"")


def test_limits_count_for_each_client_whatever_it_says_of_itself(nginx):
    wrong = "pk_0123456789ab_" + "x" * 43

    def knock(source: str, said: str) -> int:
        path = "/api/parts/auth/check"
        headers = {"X_API_Key": wrong, "X_Forwarded_For": said}
        return nginx.ask("GET", path, source=source, **headers)[0].status

    statuses = [knock("127.0.0.6", f"10.0.0.{number}") for number in range(6)]
    assert statuses == [401] * 5 + [429]
    assert knock("127.0.0.7", "127.0.0.6") == 401


def _memory_peak_mb(shop: Path) -> float:
    """Return the most that a web process has held since it began."""
    head = (shop / "gunicorn.pid").read_text().strip()
    children = Path(f"/proc/{head}/task/{head}/children").read_text().split()
    peaks = [
        int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])
        for pid in children
    ]
    return max(peaks) / 1024


def _upload_head(site: Site, length: int, base: str = "") -> bytes:
    return (
        f"POST {base}/api/parts/1/upload HTTP/1.1\r\nHost: {HOST}\r\n"
        f"X-API-Key: {site.key}\r\nContent-Length: {length}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    ).encode()


FORM = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="large.step"\r\n\r\n'
)
END = b"\r\n--x--\r\n"


def _told(line: socket.socket) -> tuple[int, dict]:
    answer = http.client.HTTPResponse(line)
    answer.begin()
    return answer.status, json.loads(answer.read())


def test_the_largest_upload_passes_through_and_a_larger_one_is_refused(
    nginx, site, shop
):
    before = _memory_peak_mb(shop)
    filler = b" " * 1024 * 1024
    start, end = b"ISO-10303-21;\n", b"\nEND-ISO-10303-21;\n"
    large = len(start) + 99 * len(filler) + len(end)
    with nginx.socket() as line:
        line.sendall(_upload_head(site, len(FORM) + large + len(END)) + FORM + start)
        for _ in range(99):
            line.sendall(filler)
        line.sendall(end + END)
        status, told = _told(line)
        assert (status, told["filename"]) == (201, "large.step"), told
    assert _memory_peak_mb(shop) - before < 20
    # Somewhat too large: the site says so itself.
    with nginx.socket() as line:
        line.sendall(_upload_head(site, 105 * 1024 * 1024) + FORM)
        for _ in range(105):
            line.sendall(filler)
        status, told = _told(line)
        assert (status, told["error"]) == (413, "The file is larger than 100 MB.")


def test_clients_that_stop_half_way_hold_nobody_up(nginx, site):
    half_head = b"GET /api/parts/1 HTTP/1.1\r\nHost: " + HOST.encode()
    half_body = _upload_head(site, 1_000_000) + FORM + b"ISO-10303-21;" * 1000
    with ExitStack() as stack:
        for half in [half_head, half_body] * 50:
            stack.enter_context(nginx.socket()).sendall(half)
        time.sleep(0.5)  # for nginx to pass on what it would
        statuses = [
            nginx.ask("GET", "/api/parts/1", X_API_Key=site.key)[0].status
            for _ in range(20)
        ]
    assert statuses == [200] * 20


def test_a_site_below_a_path_of_the_host(shop, certificate, tmp_path):
    program("nginx", "apt-get install nginx")
    base = "/parts-system"
    with (
        production_site(shop, BASE_PATH=base) as site,
        _nginx(tmp_path, site.address, certificate, base=f"{base}/") as nginx,
    ):
        answer, _ = nginx.ask("GET", f"{base}/review/")
        where = f"{base}/account/login/?next={base}/review/"
        assert (answer.status, answer.getheader("Location")) == (302, where)
        answer, _ = nginx.ask("GET", f"{base}/account/login/")
        assert f"Path={base};" in answer.getheader("Set-Cookie")
        answer, _ = nginx.ask("GET", f"{base}/api/parts/1", X_API_Key=site.key)
        assert answer.status == 200
        answer, _ = nginx.ask("GET", "/api/parts/1", X_API_Key=site.key)
        assert answer.status == 404
