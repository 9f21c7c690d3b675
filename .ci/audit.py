"""Look for known holes in what the site is built on, and for holes in what it is.

``python audit.py`` of a virtual environment with audit-requirements.txt in it; the
site's own is asked for what it has installed. Anything found is a failure. Where a
database of known holes cannot be reached, that is said and no failure.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
# Ruff's rules S are bandit's own, and the site's lines that break one say why
# beside it; these are what they find here. Whatever is not named is looked for.
LEFT_TO_RUFF = "B101 B104 B105 B108 B301 B308 B310 B311 B403 B404 B603 B606 B607 B608"
# By their look alone, these took hashes and the passwords of tests for secrets.
NOT_LOOKED_FOR = ["HexHighEntropyString", "KeywordDetector"]
NOT_LOOKED_AT = r"\.(step|stp|png)$|^(package-lock\.json|docs/openapi\.yaml)$"
EXAMPLES = "^(password|secret)$"
OWN_KEY = "pk_[0-9a-f]{12}_[[:alnum:]_-]{43}"  # a whole key of the site's API


def main() -> None:
    troubles = []
    for name, look in (
        ("Python packages", python_packages),
        ("npm packages", npm_packages),
        ("Code", code),
        ("Secrets", secrets),
    ):
        found = list(look())
        say(f"{name}: {len(found) or 'nothing'} found")
        troubles += found
    if troubles:
        raise SystemExit("\n".join(troubles))


def python_packages() -> Iterator[str]:
    [packages] = ROOT.glob(".venv/lib/python3*/site-packages")
    words = ["--path", str(packages), "--progress-spinner=off", "--format=json"]
    told = _json(str(BIN / "pip-audit"), *words)
    if told is None:
        say("Not asked: the database of holes in Python packages is out of reach.")
        return
    asked = [package for package in told["dependencies"] if "vulns" in package]
    if not asked:
        say("Not asked: the registry tells nothing of holes in Python packages.")
    for package in asked:
        for hole in package["vulns"]:
            mended = ", ".join(hole["fix_versions"]) or "nowhere yet"
            yield f"{package['name']} {package['version']}: {hole['id']} ({mended})"


def npm_packages() -> Iterator[str]:
    told = _json("npm", "audit", "--json")
    if told is None or "vulnerabilities" not in told:
        say("Not asked: the registry tells nothing of holes in npm packages.")
        return
    for name, hole in told["vulnerabilities"].items():
        yield f"{name}: {hole['severity']}, {hole.get('range', '')}"


def code() -> Iterator[str]:
    left_out = ["--skip", LEFT_TO_RUFF.replace(" ", ",")]
    ours = _run("git", "ls-files", "*.py", ":!tests").stdout.split()
    told = _json(str(BIN / "bandit"), "--quiet", "--format=json", *left_out, *ours)
    if told is None or told["errors"]:
        raise SystemExit(f"bandit did not read the code: {told and told['errors']}")
    for fault in told["results"]:
        where = f"{fault['filename']}:{fault['line_number']}"
        yield f"{where}: {fault['test_id']} {fault['issue_text']}"


def secrets() -> Iterator[str]:
    words = [w for name in NOT_LOOKED_FOR for w in ("--disable-plugin", name)]
    words += ["--exclude-files", NOT_LOOKED_AT, "--exclude-secrets", EXAMPLES]
    told = _json(str(BIN / "detect-secrets"), "scan", *words)
    if told is None:
        raise SystemExit("detect-secrets did not read the files.")
    for name, found in told["results"].items():
        for secret in found:
            yield f"{name}:{secret['line_number']}: {secret['type']}"
    for name in _run("git", "grep", "-IlE", OWN_KEY).stdout.split():
        yield f"{name}: an API key of this site"


def _run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(  # noqa: S603 - our own command
        command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )


def _json(*command: str) -> dict | None:
    """Return what a tool tells; None if it fails before it can tell anything."""
    run = _run(*command)
    try:
        return json.loads(run.stdout)
    except ValueError:
        sys.stderr.write(run.stderr[-2000:])
        return None


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
