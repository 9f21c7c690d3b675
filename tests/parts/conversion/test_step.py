"""The box around the kernel: what it refuses, survives, cleans up and explains."""

import json
import os
import random
import re
import select
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from parts.conversion import step
from parts.conversion.job import Exit
from parts.conversion.step import ConversionError, Mesh, convert, inspect_step

from .blocks import block_step
from .conftest import STEP_FOLDER

WHOLE = block_step().encode()
SAMPLES = sorted(path.name for path in STEP_FOLDER.glob("*.[sS][tT]*"))


def inspect(content: bytes) -> None:
    inspect_step(content[:1024], content[-1024:], len(content))


@pytest.fixture
def fake_child(monkeypatch):
    """Run a script instead of the child, which may ``leave`` a whole result."""

    def replace(script: str, *, is_ready: bool = True) -> None:
        result = (
            "import json, os, signal, sys\n"
            "from pathlib import Path\n"
            "def leave(**facts):\n"
            "    Path('model.glb').write_bytes(b'glTF')\n"
            "    result = json.dumps({'facts': facts, 'warnings': []})\n"
            "    Path('result.json').write_text(result)\n"
        )
        start = (
            "from parts.conversion import child\n"
            "job = json.loads(sys.stdin.readline())\n"
            "child._move_to(job['folder'])\n"
        )
        script = result + (start if is_ready else "") + script
        monkeypatch.setattr(step, "_CHILD", [sys.executable, "-c", script])

    yield replace
    _end_who_waits()


def _end_who_waits() -> None:
    if waiting := step._waiting.pop(step._whose(), None):
        waiting.end()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "part.step"
    path.write_bytes(WHOLE)
    return path


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return path


# What is no STEP file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "This file is empty. Export it again."),
        (
            b"PK\x03\x04" + WHOLE,
            "This is a ZIP archive, not a STEP file. Export the part as STEP.",
        ),
        (
            b"\n<!doctype html>ISO-10303-21;",
            "This is a web page or XML, not a STEP file. Export the part as STEP.",
        ),
        (
            b"Dear all, see ISO-10303-21; END-ISO-10303-21;",
            "This is not a STEP file: it does not start with ISO-10303-21. "
            "Export the part as STEP.",
        ),
        (
            b" " * 1100 + WHOLE,
            "This is not a STEP file: it does not start with ISO-10303-21. "
            "Export the part as STEP.",
        ),
        (
            b"/**/" * 250 + b"/*",  # slow only for a careless pattern
            "This is not a STEP file: it does not start with ISO-10303-21. "
            "Export the part as STEP.",
        ),
    ],
    ids=["empty", "zip", "html", "text", "late", "comments"],
)
def test_other_files_are_refused_by_name(content, message):
    with pytest.raises(ConversionError, match=f"^{re.escape(message)}$") as refused:
        inspect(content)
    assert refused.value.code == "not_step"


@pytest.mark.parametrize(
    ("length", "words"), [(20, "20 bytes"), (700, "700 bytes"), (5000, "5 KB")]
)
def test_cut_off_files_are_refused_with_their_length(length, words):
    with pytest.raises(ConversionError) as refused:
        inspect(WHOLE[:length])
    assert refused.value.code == "cut_off"
    assert str(refused.value) == (
        f"This file is cut off: it ends after {words} without END-ISO-10303-21. "
        "Export it again."
    )


@pytest.mark.parametrize(
    "content",
    [
        WHOLE,
        b"\xef\xbb\xbf" + WHOLE,
        b"\r\n\t " + WHOLE,
        b"/* by us */ /* and\nyou */\n" + WHOLE,
        WHOLE + b"\0" * 900,
        WHOLE.replace(b"\n", b"\r\n"),
    ],
    ids=["plain", "mark", "blanks", "comments", "junk", "crlf"],
)
def test_step_files_pass_whatever_stands_around_them(content):
    inspect(content)


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("parts.conversion.step", {"numpy", "cascadio", "PIL"}),
        # Django's words alone would cost each file a tenth of a second (measured).
        ("parts.conversion.child, parts.conversion.thumbnail", {"django", "asyncio"}),
    ],
    ids=["parent", "child"],
)
def test_neither_side_imports_what_only_the_other_needs(modules, heavy):
    script = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run(  # noqa: S603 - a script of ours
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"


# Conversions


@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("mm", (50.8, 25.4, 6.35)),
        ("inch", (2, 1, 0.25)),
        ("m", (0.0508, 0.0254, 0.00635)),
    ],
)
def test_block_is_converted_in_any_unit(make_step, folder, unit, size):
    conversion = convert(make_step(unit=unit, size=size), folder)

    assert sorted(path.name for path in folder.iterdir()) == [
        "model.glb",
        "thumbnail.png",
    ]
    assert conversion.glb == folder / "model.glb"
    assert conversion.glb.read_bytes().startswith(b"glTF")
    assert conversion.thumbnail == folder / "thumbnail.png"
    assert conversion.thumbnail.read_bytes().startswith(b"\x89PNG")
    assert conversion.warnings == []
    assert conversion.facts == {
        "box_mm": [50.8, 25.4, 6.35],
        "box_in": [2.0, 1.0, 0.25],
        "volume_mm3": 8193.5,
        "area_mm2": 3548.4,
        "closed": True,
        "solids": 1,
        "thickness_mm": 6.35,
        "holes": [],
        "items": [{"name": "block", "count": 1}],
        "triangles": 12,
        "faces": 6,
        "warnings": [],
    }


def test_faces_of_another_colour_stay_part_of_the_block(make_step, folder):
    facts = convert(make_step(red_faces=2), folder).facts

    assert facts["closed"] is True
    assert facts["faces"] == 6
    assert facts["solids"] == 1


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_odd_names_and_byte_order_marks_are_no_matter(
    tmp_path, folder, monkeypatch, mark
):
    monkeypatch.chdir(tmp_path)
    source = Path("-ü part.STP;x")
    source.write_bytes(mark + WHOLE)

    conversion = convert(source, Path(folder.name))
    assert conversion.facts["volume_mm3"] == 24000
    assert conversion.warnings == []


def test_coarser_mesh_has_fewer_triangles(convert_sample, folder):
    fine = convert_sample("shaft_half_inch.step").facts
    coarse = convert(
        STEP_FOLDER / "shaft_half_inch.step",
        folder,
        mesh=Mesh(chord_mm=0.5, angle_rad=0.6),
    ).facts

    assert coarse["triangles"] < fine["triangles"] / 1.5
    assert coarse["box_mm"] == pytest.approx(fine["box_mm"], abs=0.02)


@pytest.mark.parametrize("name", SAMPLES or ["any.step"])
def test_every_real_file_is_converted(convert_sample, name):
    conversion = convert_sample(name)

    assert conversion.glb.exists()
    assert conversion.thumbnail.exists()
    assert conversion.warnings == []
    assert conversion.facts["closed"] is True
    json.dumps(conversion.facts, allow_nan=False)


# Broken files


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        (
            b"CLOSED_SHELL",
            b"CLOSED_SHOLL",
            "unreadable",
            "The CAD kernel could not read this file. "
            "Export it again, as STEP AP214 or AP242.",
        ),
        (
            b"ADVANCED_FACE",
            b"ADVENCED_FACE",
            "empty",
            "This STEP file holds no solid or surface that can be shown.",
        ),
        (
            b"DATA;",
            b"DATA;\n#9999=X(" + b"(" * 200_000 + b")" * 200_000 + b");",
            "crashed",
            "The CAD kernel crashed on this file; "
            "it may be damaged or need more than 4 GB.",
        ),
        (
            b"40.0",
            b"NAN",
            "timeout",
            "The conversion took longer than 1.5 seconds and was stopped.",
        ),
    ],
    ids=["shell", "faces", "parentheses", "nan"],
)
def test_broken_files_leave_nothing_but_a_sentence(
    source, folder, old, new, code, message
):
    source.write_bytes(WHOLE.replace(old, new))
    (folder / "model.glb").write_bytes(b"an older one")

    with pytest.raises(ConversionError, match=f"^{re.escape(message)}$") as failed:
        convert(source, folder, timeout_s=1.5 if code == "timeout" else 60)

    assert failed.value.code == code
    assert [path.name for path in folder.iterdir()] == ["model.glb"]
    assert (folder / "model.glb").read_bytes() == b"an older one"


@pytest.mark.parametrize("seed", range(6))
def test_damaged_files_are_converted_or_refused(source, folder, seed):
    chance = random.Random(seed)  # noqa: S311 - the same damage every time
    content = bytearray(WHOLE)
    for _ in range(3):
        content[chance.randrange(200, len(content) - 100)] = chance.randrange(32, 127)
    source.write_bytes(content)

    try:
        json.dumps(convert(source, folder, timeout_s=3).facts, allow_nan=False)
    except ConversionError:
        assert list(folder.iterdir()) == []
    else:
        assert (folder / "model.glb").exists()


def test_file_read_in_part_is_converted_with_warnings(source, folder):
    faces = re.findall(rb"#\d+=ADVANCED_FACE.*;\n", WHOLE)
    source.write_bytes(WHOLE.replace(faces[0], b""))
    conversion = convert(source, folder)

    assert conversion.warnings == conversion.facts["warnings"]
    assert conversion.warnings == [
        "This file has errors, so something may be missing from the model. "
        "Export it again."
    ]
    assert conversion.facts["faces"] == 5
    assert conversion.facts["closed"] is False
    assert conversion.facts["volume_mm3"] is None


def test_folder_is_no_step_file(folder):
    with pytest.raises(ConversionError, match="This is a folder, not a STEP file"):
        convert(folder, folder)


def test_missing_file_is_the_callers_mistake(tmp_path, folder):
    with pytest.raises(FileNotFoundError):
        convert(tmp_path / "none.step", folder)


def test_zip_is_refused_without_a_child(tmp_path, folder, fake_child):
    fake_child("leave()")
    source = tmp_path / "part.step"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("part.step", WHOLE)

    with pytest.raises(ConversionError, match="This is a ZIP archive"):
        convert(source, folder)


# Ends of the child


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crashed"),
        ("os.kill(os.getpid(), signal.SIGABRT)", "crashed"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "memory"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "timeout"),
        ("sys.exit(3)", "unreadable"),
        ("sys.exit(4)", "empty"),
        ("sys.exit(5)", "memory"),
        ("signal.pause()", "timeout"),
    ],
)
def test_end_of_the_child_is_explained(source, folder, fake_child, script, code):
    fake_child(script)
    with pytest.raises(ConversionError) as failed:
        convert(source, folder, timeout_s=0.5)
    assert failed.value.code == code
    assert list(folder.iterdir()) == []


def test_who_failed_on_a_full_disk_failed_for_want_of_room(
    source, folder, fake_child, monkeypatch
):
    fake_child("sys.exit(3)")
    left = SimpleNamespace(free=4096)
    monkeypatch.setattr(step.shutil, "disk_usage", lambda folder: left)
    with pytest.raises(ConversionError) as failed:
        convert(source, folder)
    assert failed.value.code == "no_room"


def test_bug_in_the_child_is_no_fault_of_the_file(source, folder, fake_child, caplog):
    fake_child("raise LookupError('a bug')")
    with pytest.raises(RuntimeError, match=r"exited with 1: LookupError: a bug$"):
        convert(source, folder)
    assert "conversion_child_failed status=1" in caplog.text


@pytest.mark.parametrize("script", ["leave(); sys.exit(1)", "leave(); signal.pause()"])
def test_picture_that_fails_does_not_cost_the_model(source, folder, fake_child, script):
    (folder / "thumbnail.png").write_bytes(b"of an older file")
    fake_child(script)
    conversion = convert(source, folder, timeout_s=1)

    assert conversion.thumbnail is None
    assert conversion.warnings == ["The picture of this part could not be drawn."]
    assert [path.name for path in folder.iterdir()] == ["model.glb"]


def test_child_knows_nothing_of_its_surroundings(
    source, folder, fake_child, monkeypatch
):
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    fake_child(
        "leave(names=sorted(os.environ), cwd=os.getcwd(), input=sys.stdin.read(),"
        " files=sorted(os.listdir()), home=[os.environ[n] for n in ('HOME', 'TMPDIR')])"
    )
    facts = convert(source, folder).facts

    assert "SECRET_KEY" not in facts["names"]
    assert "DJANGO_SETTINGS_MODULE" not in facts["names"]
    assert Path(facts["cwd"]).parent == folder.resolve()
    assert facts["input"] == ""
    assert facts["home"] == [facts["cwd"]] * 2
    assert "source.step" in facts["files"]


def test_child_has_no_more_memory_than_its_limit(source, folder, fake_child):
    fake_child(
        "from parts.conversion import child\n"
        "child._convert = lambda job: bytearray(5 * 1024**3)\n"
        "sys.exit(child.main(int(sys.argv[1])))",
        is_ready=False,
    )
    with pytest.raises(ConversionError) as failed:
        convert(source, folder)
    assert failed.value.code == "memory"
    assert "may need 4 GB at most" in str(failed.value)


def test_child_yields_to_others_and_bounds_itself(source, folder, fake_child):
    fake_child(
        "import resource\n"
        "from parts.conversion import child\n"
        "def convert(job):\n"
        "    kinds = 'AS', 'CPU', 'FSIZE', 'CORE'\n"
        "    threads = [os.environ[name + '_NUM_THREADS']\n"
        "        for name in ('OMP', 'OPENBLAS', 'MKL')]\n"
        "    leave(nice=os.nice(0), alarm=signal.alarm(0), threads=threads,\n"
        "        session=os.getsid(0), is_own_group=os.getpgid(0) == os.getpid(),\n"
        "        limits={\n"
        "        kind: resource.getrlimit(getattr(resource, 'RLIMIT_' + kind))[0]\n"
        "        for kind in kinds})\n"
        "child._convert = convert\n"
        "child.main(int(sys.argv[1]))",
        is_ready=False,
    )
    facts = convert(source, folder, timeout_s=30).facts

    assert facts["nice"] == min(os.nice(0) + 10, 19)
    # A session of its own would be a group to the scheduler, as good as any other.
    assert facts["session"] == os.getsid(0)
    assert facts["is_own_group"]
    assert facts["threads"] == ["1", "1", "1"]
    assert facts["alarm"] == 35
    assert facts["limits"]["CPU"] == 60
    assert facts["limits"]["CORE"] == 0
    if sys.platform == "linux":
        assert facts["limits"]["AS"] == 4 * 1024**3


# The child that is ready for the next file


@pytest.fixture
def nobody_waits():
    _end_who_waits()
    yield
    _end_who_waits()


def _pid_of(child) -> int:
    return child._process.pid


@pytest.mark.usefixtures("nobody_waits")
def test_the_next_file_finds_a_child_that_is_ready(source, folder, fake_child):
    fake_child("leave(pid=os.getpid())")
    first = convert(source, folder).facts["pid"]
    waiting = step._waiting[step._whose()]
    second = convert(source, folder).facts["pid"]
    assert first != second == _pid_of(waiting)
    assert not waiting.is_there
    assert step._waiting[step._whose()].is_there


@pytest.mark.usefixtures("nobody_waits")
def test_a_real_one_is_used_once_and_ready_with_all_that_it_needs(source, folder):
    convert(source, folder)
    waiting = step._waiting[step._whose()]
    assert convert(source, folder).facts["box_mm"]
    assert not waiting.is_there


@pytest.mark.parametrize("script", ["", "sys.exit(6)"])
def test_one_that_has_gone_is_not_asked(source, folder, fake_child, tmp_path, script):
    """Neither one that is known to have gone, nor one that just goes."""
    mark = tmp_path / "first"
    goes = f"mark = Path({str(mark)!r})\nif not mark.exists(): mark.touch(); "
    fake_child(
        f"{goes}{script or 'sys.exit(1)'}\n"
        "job = json.loads(sys.stdin.readline())\n"
        "from parts.conversion import child\n"
        "child._move_to(job['folder'])\n"
        "leave()",
        is_ready=False,
    )
    if not script:
        first = step._waiting[step._whose()] = step._Child()
        first._process.wait()
    assert convert(source, folder).glb.exists()
    assert mark.exists()


def test_one_that_cannot_be_started_costs_no_model(
    source, folder, fake_child, monkeypatch
):
    fake_child("leave()")
    start = step.subprocess.Popen

    def once(*args, **kwargs):
        monkeypatch.setattr(step.subprocess, "Popen", refuse)
        return start(*args, **kwargs)

    def refuse(*args, **kwargs):
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(step.subprocess, "Popen", once)
    assert convert(source, folder).glb.exists()


def test_a_child_of_another_process_is_nobody_elses(source, folder, fake_child):
    fake_child("leave(pid=os.getpid())")
    other = step._Child()
    key = (-1, *step._CHILD)
    step._waiting[key] = other
    try:
        assert convert(source, folder).facts["pid"] != _pid_of(other)
        step._end_waiting()
        assert other.is_there
    finally:
        del step._waiting[key]
        other.end()


@pytest.mark.parametrize("is_forked", [False, True])
def test_the_one_that_waits_ends_with_its_worker(source, folder, is_forked):
    child = (
        "import sys\nfrom parts.conversion import child\n"
        "child._convert = lambda job: 3\n"
        "sys.exit(child.main(int(sys.argv[1])))"
    )
    worker = (
        "import contextlib, multiprocessing, sys\n"
        "from pathlib import Path\n"
        "from parts.conversion import step\n"
        f"step._CHILD = [sys.executable, '-c', {child!r}]\n"
        "def work():\n"
        "    with contextlib.suppress(Exception):\n"
        f"        step.convert(Path({str(source)!r}), Path({str(folder)!r}))\n"
        "    waiting = step._waiting[step._whose()]\n"
        "    end = waiting.end\n"
        "    waiting.end = lambda: (end(), print(waiting.is_there, flush=True))\n"
        f"if {is_forked}:\n"
        "    process = multiprocessing.get_context('fork').Process(target=work)\n"
        "    process.start()\n"
        "    process.join()\n"
        "else:\n"
        "    work()\n"
    )
    run = subprocess.run(  # noqa: S603 - a script of ours
        [sys.executable, "-c", worker],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stdout == "False\n"


def _child(*, patience: str = "600") -> subprocess.Popen:
    script = (
        "import sys\nfrom parts.conversion import child\n"
        "child._import = lambda: None\n"
        f"child._PATIENCE_SECONDS = {patience}\n"
        "sys.exit(child.main(int(sys.argv[1])))"
    )
    return subprocess.Popen(  # noqa: S603 - a script of ours
        [sys.executable, "-c", script, str(os.getpid())],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
    )


def test_nobody_waits_for_what_never_comes():
    with _child(patience="0.1") as child:
        assert child.wait(20) == Exit.UNASKED


def test_nobody_waits_for_who_is_gone():
    with _child() as child:
        child.stdin.close()
        assert child.wait(20) == Exit.UNASKED


def test_a_broken_installation_is_told_in_the_log(source, folder, fake_child):
    fake_child(
        "from parts.conversion import child\n"
        "sys.modules['cascadio'] = None\n"
        "sys.exit(child.main(int(sys.argv[1])))",
        is_ready=False,
    )
    with pytest.raises(RuntimeError, match="exited with 1: .*cascadio"):
        convert(source, folder)


def test_waiting_is_told_and_may_end_the_child(source, folder, fake_child):
    fake_child("signal.pause()")

    def stop():
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        convert(source, folder, on_wait=stop)
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is of Linux")
def test_child_dies_with_a_parent_that_is_killed(tmp_path, source, folder):
    pipe = tmp_path / "pid"
    os.mkfifo(pipe)
    child = (
        "import json, os, signal, sys\n"
        "from parts.conversion import child\n"
        "def convert(job):\n"
        f"    open({str(pipe)!r}, 'w').write(str(os.getpid()))\n"
        "    signal.pause()\n"
        "child._convert = convert\n"
        "child.main(int(sys.argv[1]))"
    )
    worker = (
        "import sys\n"
        "from pathlib import Path\n"
        "from parts.conversion import step\n"
        f"step._CHILD = [sys.executable, '-c', {child!r}]\n"
        f"step.convert(Path({str(source)!r}), Path({str(folder)!r}))"
    )
    parent = subprocess.Popen(  # noqa: S603 - a script of ours
        [sys.executable, "-c", worker], cwd=Path(__file__).parents[3]
    )
    orphan = os.pidfd_open(int(pipe.read_text()))
    try:
        parent.kill()
        parent.wait()
        ended, _, _ = select.select([orphan], [], [], 10)
        assert ended == [orphan]
    finally:
        os.close(orphan)
