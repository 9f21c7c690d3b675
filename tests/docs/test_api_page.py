"""What docs/api.md shows is run as it stands, against a real site."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests import databases
from tests.running import ROOT, Site, running_site

PAGE = (ROOT / "docs" / "api.md").read_text()
# One site for all of them, and one process: starting it takes seconds.
pytestmark = pytest.mark.xdist_group("docs")


@pytest.fixture(scope="module")
def site(shop):
    with running_site(shop, MODEL_WAIT_SECONDS="100") as site:
        yield site


def snippet(heading: str, language: str) -> str:
    """Return the first block of code under ``heading``."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.search(rf"^```{language}\n(.*?)^```$", section, re.M | re.S)
    assert found, f"no {language} under “{heading}”"
    return found[1]


def run(command: list[str], site: Site, **variables: str) -> str:
    done = subprocess.run(  # noqa: S603 - what the page says
        command,
        cwd=ROOT,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DATA_DIR": str(site.folder),
            "SITE": site.address,
            **databases.variables_of(site.folder),
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read(site: Site, path: str) -> dict:
    request = urllib.request.Request(  # noqa: S310 - our own site
        f"{site.address}{path}", headers={"X-API-Key": site.key}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)


def made(site: Site, name: str) -> dict:
    """Return the newest part of this name."""
    return read(site, f"/api/parts/?search={name}&limit=1")["parts"][0]


def test_the_lines_of_curl_take_a_part_from_file_to_shelf(site, tmp_path):
    if shutil.which("curl") is None:
        reason = "needs curl: apt-get install curl"
        assert not os.environ.get("BROWSER_REQUIRED"), reason
        pytest.skip(reason)
    script = snippet("Ten lines of curl", "sh")
    assert len(re.findall(r"curl -sSf", script)) == 10
    script = (
        script.replace("http://127.0.0.1:8000", site.address)
        .replace(".venv/bin/python", sys.executable)
        .replace("-o gusset.glb", f"-o {tmp_path}/gusset.glb")
    )
    run(["bash", "-euo", "pipefail", "-c", script], site)
    assert (tmp_path / "gusset.glb").read_bytes()[:4] == b"glTF"
    part = made(site, "Gusset")
    assert (part["category"], part["assigned"]) == ("completed", "Sam")
    assert part["miscInfo"]["storage"] == "Shelf A3"
    events = read(site, f"/api/parts/{part['id']}/events")["events"]
    verbs = [event["verb"] for event in events]
    assert verbs == [
        *("completed", "edited", "assigned", "approved", "uploaded", "created"),
    ]
    assert {event["actor"] for event in events} == {"My script"}


def test_the_python_tells_what_was_measured(site):
    code = snippet("From Python", "python")
    assert run([sys.executable, "-c", code], site, KEY=site.key).splitlines() == [
        "box in mm: [101.6, 101.6, 3.175]",
        "7 holes of 5.1054 mm",
    ]


def test_the_javascript_takes_a_part_and_shows_an_error(site):
    code = snippet("From JavaScript", "js")
    ready = read(site, "/api/parts/?category=cnc&status=Reviewed&unassigned=true")
    node = ["node", "--input-type=module", "-e", code]
    lines = run(node, site, KEY=site.key).splitlines()
    first = ready["parts"][0]
    assert lines == [
        f"{ready['total']} ready",
        f"{first['name']} is In Progress by Sam",
        "Part not found",
    ]
    assert read(site, f"/api/parts/{first['id']}")["assigned"] == "Sam"


def test_the_part_on_the_page_has_the_fields_of_a_part(site):
    shown = snippet("Parts", "json")
    misc = re.search(r'"miscInfo": (\{.*?\})', shown)[1]
    names = re.findall(r'"(\w+)":', shown.replace(misc, "{}"))
    assert names == list(made(site, ""))
