"""Databases as every earlier release left them, with rows in them, become today's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .machines import ROOT

_PATIENCE_SECONDS = 300
# Stops at each state there has ever been and leaves a part, as that state has them,
# with a file and a line of its history; then looks for all of them in today's.
_WALK = """
import json, uuid
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import NOT_PROVIDED

loader = MigrationLoader(connection)
ours = [
    node for node in loader.graph._generate_plan(loader.graph.leaf_nodes(), True)
    if node[0] in {"accounts", "parts", "backups"}
]
names = {}
for node in ours:
    call_command("migrate", *node, verbosity=0, interactive=False)
    apps = MigrationLoader(connection).project_state(
        list(MigrationLoader(connection).applied_migrations)
    ).apps
    if "part" not in apps.all_models["parts"]:
        continue
    name = f"of {node[0]} {node[1]} ü"
    part = apps.get_model("parts", "Part").objects.create(
        name=name, subsystem="Arm", material="6061", uuid=uuid.uuid4(),
        code=node[1][:8], type="cnc", category="cnc", status="Reviewed",
    )
    file = apps.get_model("parts", "PartFile").objects.create(
        part=part, kind="step", revision=1, name="a.step", size_bytes=1,
        sha256=uuid.uuid4().hex * 2, content="files/aa/a.step", state="queued",
    )
    part.current_step = file
    part.save()
    apps.get_model("parts", "PartEvent").objects.create(part=part, verb="created")
    names[part.pk] = name

call_command("migrate", verbosity=0, interactive=False)
from parts import kept, tallies
from parts.filters import PartFilter
from parts.models import Part, PartEvent, PartFile
found = {part.pk: part.name for part in Part.objects.all()}
print(json.dumps({
    "states": len(ours),
    "left": {str(pk): name for pk, name in names.items()},
    "found": {str(pk): name for pk, name in found.items()},
    "files": PartFile.objects.filter(part__current_step__isnull=False).count(),
    "events": PartEvent.objects.count(),
    "counted": tallies.live_parts("cnc"),
    "searched": PartFilter({"search": "Ü"}, Part.objects.live()).qs.count(),
    "is_whole": kept.is_whole(connection),
    "wrong": kept.recount(),
}))
"""


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_what_every_earlier_state_held_is_there_today(engine, request, tmp_path: Path):
    variables = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "partsite.settings.dev",
    }
    if engine == "postgresql":
        postgres = request.getfixturevalue("postgres")
        variables["DATABASE_URL"] = postgres.database("earlier_states")
    walked = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", _WALK],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    assert walked.returncode == 0, walked.stderr
    told = json.loads(walked.stdout.splitlines()[-1])
    assert told["found"] == told["left"]
    count = len(told["left"])
    assert count >= 10
    assert (told["files"], told["events"]) == (count, count)
    assert (told["counted"], told["searched"]) == (count, count)
    assert (told["is_whole"], told["wrong"]) == (True, 0)
