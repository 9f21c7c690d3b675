"""Take one STEP file through the API of a running site, from upload to model.

``python smoke.py http://127.0.0.1:8000 path/to/demo-signin.txt``
"""

import json
import re
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

SAMPLE = Path(__file__).parents[1] / "fixtures" / "step" / "gusset_plate.step"
PATIENCE_SECONDS = 300


def main(site: str, sign_in: Path) -> None:
    wait_until_it_answers(site, sign_in)
    key = re.search(r"pk_\S+", sign_in.read_text()).group()

    part = call(
        f"{site}/api/parts/",
        key,
        json.dumps({"subsystem": "Smoke", "material": "6061-T6", "name": "Gusset"}),
    )
    address = f"{site}/api/parts/{part['id']}"
    upload(f"{address}/upload", key, SAMPLE)
    started = time.monotonic()
    model = read(f"{address}/model", key)
    assert model[:4] == b"glTF", model[:100]
    facts = call(address, key)["model"]["facts"]
    assert facts["holes"] == [{"diameter_mm": 5.1054, "count": 7}], facts
    say(f"model of {len(model)} bytes after {time.monotonic() - started:.1f} s")


def wait_until_it_answers(site: str, sign_in: Path) -> None:
    started = time.monotonic()
    while time.monotonic() - started < PATIENCE_SECONDS:
        try:
            urllib.request.urlopen(f"{site}/health", timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            assert sign_in.stat().st_mode & 0o077 == 0, "others can read the sign-in"
            say(f"answers after {time.monotonic() - started:.1f} s")
            return
    raise SystemExit("The site does not answer.")


def call(address: str, key: str, body: str | None = None) -> dict:
    return json.loads(read(address, key, body and body.encode(), "application/json"))


def upload(address: str, key: str, path: Path) -> None:
    edge = uuid.uuid4().hex
    head = (
        f'--{edge}\r\nContent-Disposition: form-data; name="file"; '
        f'filename="{path.name}"\r\nContent-Type: application/step\r\n\r\n'
    )
    body = head.encode() + path.read_bytes() + f"\r\n--{edge}--\r\n".encode()
    read(address, key, body, f"multipart/form-data; boundary={edge}")


def read(
    address: str, key: str, body: bytes | None = None, content_type: str = ""
) -> bytes:
    request = urllib.request.Request(  # noqa: S310 - our own site
        address, body, {"X-API-Key": key, "Content-Type": content_type}
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return answer.read()
        except urllib.error.HTTPError as error:
            # 503 says when to ask again: the demo's own files are converted first.
            if error.code != 503 or time.monotonic() > deadline:
                raise SystemExit(
                    f"{address}: {error.code} {error.read()[:500]}"
                ) from error
            time.sleep(int(error.headers["Retry-After"]))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
