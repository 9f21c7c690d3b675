"""deploy/nginx.conf, checked by nginx itself and run in front of a real site."""

import http.client
import json
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

from services import Nginx
from tests.running import Site

from .conftest import HOST, production_site, program

pytestmark = pytest.mark.xdist_group("nginx")  # they share a site

BASE = "/parts-system"
PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Proxy:
    """A running nginx; ``socket`` is a connection to it, ``ask`` a whole request."""

    nginx: Nginx
    context: ssl.SSLContext

    def socket(self, source: str = "127.0.0.5") -> ssl.SSLSocket:
        plain = socket.create_connection(
            ("127.0.0.1", self.nginx.port), PATIENCE_SECONDS, source_address=(source, 0)
        )
        return self.context.wrap_socket(plain, server_hostname="127.0.0.1")

    def ask(
        self, method: str, path: str, body=None, *, source: str = "127.0.0.5", **headers
    ) -> tuple[http.client.HTTPResponse, bytes]:
        line = http.client.HTTPConnection(HOST)
        line.sock = self.socket(source)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        line.request(method, path, body, names)
        answer = line.getresponse()
        content = answer.read()
        line.close()
        return answer, content


@contextmanager
def _proxy(site: Site, certificate: Path, **options: str) -> Iterator[Proxy]:
    """Run nginx on what deploy/nginx.conf says, in front of ``site``."""
    port = int(site.address.rpartition(":")[2])
    context = ssl.create_default_context(cafile=certificate / "server.crt")
    with Nginx.running(
        site_port=port, media=site.folder / "media", certificate=certificate, **options
    ) as nginx:
        yield Proxy(nginx, context)


@pytest.fixture(scope="module")
def site(shop) -> Iterator[Site]:
    program("nginx", "apt-get install nginx")  # before the site is started
    note = f"--pid {shop / 'gunicorn.pid'}"
    with production_site(shop, GUNICORN_CMD_ARGS=note) as site:
        yield site


@pytest.fixture(scope="module")
def nginx(site, certificate) -> Iterator[Proxy]:
    with _proxy(site, certificate) as proxy:
        yield proxy


def test_nginx_finds_nothing_wrong_with_its_settings(nginx):
    checked = subprocess.run(  # noqa: S603 - our own words
        [*nginx.nginx.command(), "-t"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr


def test_what_comes_without_tls_is_sent_to_it(nginx):
    line = http.client.HTTPConnection("127.0.0.1", nginx.nginx.plain_port)
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


@pytest.fixture(scope="module")
def below(shop, certificate) -> Iterator[Proxy]:
    """A site below a path, whose files nginx hands out itself."""
    program("nginx", "apt-get install nginx")
    told = {"BASE_PATH": BASE, "FILE_DELIVERY": "accel"}
    with (
        production_site(shop, **told) as site,
        _proxy(site, certificate, base=f"{BASE}/") as proxy,
    ):
        yield proxy


def test_a_site_below_a_path_of_the_host(below, site):
    answer, _ = below.ask("GET", f"{BASE}/review/")
    where = f"{BASE}/account/login/?next={BASE}/review/"
    assert (answer.status, answer.getheader("Location")) == (302, where)
    answer, _ = below.ask("GET", f"{BASE}/account/login/")
    assert f"Path={BASE};" in answer.getheader("Set-Cookie")
    # Of the host's other names it does not decide.
    assert answer.getheader("Strict-Transport-Security") == "max-age=31536000"
    answer, _ = below.ask("GET", f"{BASE}/api/parts/1", X_API_Key=site.key)
    assert answer.status == 200
    answer, _ = below.ask("GET", "/api/parts/1", X_API_Key=site.key)
    assert answer.status == 404


def test_nginx_hands_out_files_to_who_may_have_them(below, site):
    address = f"{BASE}/api/parts/1/download"
    line = http.client.HTTPConnection("127.0.0.1", below.nginx.site_port)
    tls = {"Host": HOST, "X-Forwarded-Proto": "https", "X-API-Key": site.key}
    line.request("GET", address, headers=tls)
    from_site = line.getresponse()
    assert from_site.read() == b""
    line.close()
    inside = from_site.getheader("X-Accel-Redirect")
    assert inside.startswith("/_files/")
    answer, whole = below.ask("GET", address, X_API_Key=site.key)
    assert (answer.status, whole[:13]) == (200, b"ISO-10303-21;")
    assert answer.getheader("X-Accel-Redirect") is None
    assert answer.getheader("Content-Disposition").startswith("attachment")
    assert answer.getheader("Content-Security-Policy") == "sandbox; default-src 'none'"
    answer, end = below.ask("GET", address, X_API_Key=site.key, Range="bytes=-20")
    assert (answer.status, end) == (206, whole[-20:])
    # Nobody gets at them without the site, nor without a key.
    assert below.ask("GET", inside)[0].status == 404
    assert below.ask("GET", address)[0].status == 401
