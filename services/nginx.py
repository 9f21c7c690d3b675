"""nginx, as its Debian package brings it, in front of a site on this machine."""

import os
from pathlib import Path

from .server import Server

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
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 100m;
        location / {{
            proxy_pass http://127.0.0.1:{site_port};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
        # What the site hands over with FILE_DELIVERY=accel.
        location /_files/ {{
            internal;
            alias {media}/;
            etag off;
            add_header ETag $upstream_http_etag;
            add_header Content-Security-Policy $upstream_http_content_security_policy;
            add_header X-Content-Type-Options $upstream_http_x_content_type_options;
        }}
    }}
}}
"""


class Nginx(Server):
    """A proxy for a site, whose files it hands out itself where it is told to."""

    name = "nginx"
    package = "nginx"

    def __init__(self, home: Path, *, site_port: int, media: Path) -> None:
        super().__init__(home)
        self.site_port = site_port
        self.media = media

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        return {"TRUSTED_PROXIES": "127.0.0.1"}

    def prepare(self) -> None:
        (self.home / "nginx.conf").write_text(
            _SETTINGS.format(
                # A checkout of root's may be closed to everybody else.
                user="user root;" if os.geteuid() == 0 else "",
                home=self.home,
                port=self.port,
                site_port=self.site_port,
                media=self.media,
            )
        )

    def command(self) -> list[str | Path]:
        program = self.find("nginx")
        settings = self.home / "nginx.conf"
        return [program, "-p", self.home, "-e", self.log, "-c", settings]
