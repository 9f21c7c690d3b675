"""nginx, as its Debian package brings it, in front of a site on this machine."""

import os
import re
from pathlib import Path

from . import ports
from .server import Server

_OURS = Path(__file__).parents[1] / "deploy" / "nginx.conf"
# What deploy/nginx.conf leaves to the rest of nginx's settings.
_SETTINGS = """\
daemon off;
{user}
worker_processes 1;
pid {home}/pid;
error_log {home}/log;
events {{}}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    scgi_temp_path {home}/scgi;
    uwsgi_temp_path {home}/uwsgi;
{ours}
}}
"""


class Nginx(Server):
    """A proxy for a site, whose files it hands out itself where it is told to."""

    name = "nginx"
    package = "nginx"

    def __init__(
        self,
        home: Path,
        *,
        site_port: int,
        media: Path,
        certificate: Path | None = None,
        base: str = "/",
    ) -> None:
        """Be what deploy/nginx.conf says, for another place.

        Args:
            certificate: a folder with ``server.crt`` and ``server.key``; without it
                there is no TLS.
            base: what is passed on to the site, such as ``/parts-system/``.
        """
        super().__init__(home)
        self.site_port = site_port
        self.media = media
        self.certificate = certificate
        self.base = base

    @property
    def plain_port(self) -> int:
        """Where it listens without TLS, to send everybody to where there is."""
        return self._notes["plain_port"]

    @property
    def address(self) -> str:
        return f"http{'s' if self.certificate else ''}://127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        return {"TRUSTED_PROXIES": "127.0.0.1"}

    def prepare(self) -> None:
        self._note(plain_port=ports.free())
        (self.home / "nginx.conf").write_text(
            _SETTINGS.format(
                # A checkout of root's may be closed to everybody else.
                user="user root;" if os.geteuid() == 0 else "",
                home=self.home,
                ours=self._ours(),
            )
        )

    def command(self) -> list[str | Path]:
        program = self.find("nginx")
        settings = self.home / "nginx.conf"
        return [program, "-p", self.home, "-e", self.log, "-c", settings]

    def _ours(self) -> str:
        text = re.sub(r"\n *listen \[::\].*", "", _OURS.read_text())
        moved = {
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{self.site_port};",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            "location / {\n        proxy_pass": f"location {self.base} {{ proxy_pass",
            "alias /var/lib/parts/media/;": f"alias {self.media}/;",
        }
        live = "/etc/letsencrypt/live/parts.example.org"
        if self.certificate:
            moved[f"{live}/fullchain.pem"] = f"{self.certificate}/server.crt"
            moved[f"{live}/privkey.pem"] = f"{self.certificate}/server.key"
        else:
            moved[" ssl http2;"] = ";"
            text = re.sub(r"\n *ssl_.*", "", text)
        for place, here in moved.items():
            if place not in text:
                raise ValueError(f"{_OURS} says nothing of: {place}")
            text = text.replace(place, here)
        return text
