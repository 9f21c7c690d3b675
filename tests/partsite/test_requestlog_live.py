"""The log of a real server."""

import json

import requests

from tests.running import serving_site

PARTS = "/api/parts/"


def test_the_real_server_writes_json_only(shop):
    with serving_site(shop, LOG_FORMAT="json", LOG_LEVEL="INFO") as site:
        headers = {"X-API-Key": site.key, "X-Request-ID": "n-3"}
        requests.get(f"{site.address}{PARTS}?limit=1", headers=headers, timeout=10)
        requests.get(f"{site.address}/?api_key={site.key}", timeout=10)
    text = (shop / "log.txt").read_text()
    told = [json.loads(line) for line in text.splitlines()]
    assert site.key[16:] not in text
    assert "gunicorn.error" in {line["logger"] for line in told}
    [line] = [line for line in told if line.get("request_id") == "n-3"]
    assert (line["path"], line["key"]) == (PARTS, site.key[3:15])
