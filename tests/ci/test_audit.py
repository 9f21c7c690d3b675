"""What the audit of CI calls a failure, and what only a missing network."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "audit.py"


@pytest.fixture
def audit(monkeypatch):
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    answers = {"bandit": {"errors": [], "results": []}}
    answers |= {"detect-secrets": {"results": {}}}
    monkeypatch.setattr(
        module, "_json", lambda *words: answers.get(Path(words[0]).name)
    )
    module.answers = answers
    return module


HOLE = {"id": "PYSEC-1", "fix_versions": ["2.1"]}
PACKAGE = {"name": "pkg", "version": "2.0", "vulns": [HOLE]}
RESULT = {"filename": "a.py", "line_number": 3, "test_id": "B102", "issue_text": "exec"}


@pytest.mark.parametrize(
    ("tool", "told", "said"),
    [
        ("pip-audit", {"dependencies": [PACKAGE]}, "pkg 2.0: PYSEC-1 (2.1)"),
        (
            "npm",
            {"vulnerabilities": {"three": {"severity": "high", "range": "<1"}}},
            "three: high, <1",
        ),
        ("bandit", {"errors": [], "results": [RESULT]}, "a.py:3: B102 exec"),
        (
            "detect-secrets",
            {"results": {"x.py": [{"line_number": 2, "type": "Private Key"}]}},
            "x.py:2: Private Key",
        ),
    ],
)
def test_what_is_found_is_a_failure(audit, tool, told, said):
    audit.answers[tool] = told
    with pytest.raises(SystemExit) as end:
        audit.main()
    assert end.value.code == said


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"pip-audit": {"dependencies": [{"name": "pkg", "skip_reason": "unknown"}]}},
        {"npm": {"statusCode": 405, "error": {}}},
    ],
)
def test_a_database_that_cannot_be_reached_is_said_and_no_failure(
    audit, answers, capsys
):
    audit.answers |= answers
    audit.main()
    assert capsys.readouterr().out.count("Not asked: ") == 2


def test_a_key_of_the_site_is_a_secret(audit, tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "ROOT", tmp_path)
    audit._run("git", "init", "-q")
    key = f"pk_{'0a' * 6}_{'x-_9' * 10}abc"
    (tmp_path / "notes.txt").write_text(f"my key {key}\n")
    audit._run("git", "add", "notes.txt")
    assert list(audit.secrets()) == ["notes.txt: an API key of this site"]


@pytest.mark.parametrize("told", [None, {"errors": ["a.py"], "results": []}])
def test_code_that_was_not_read_is_a_failure(audit, told):
    audit.answers["bandit"] = told
    with pytest.raises(SystemExit):
        audit.main()
