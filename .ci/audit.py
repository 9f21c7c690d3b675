"""Look for known holes in packages, careless code, and secrets in the repository.

python .ci/audit.py FOLDER, with the programs of audit.txt in FOLDER. The exit status
is 1 if something was found. A service that cannot be asked is told, and no fault.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

ROOT = Path(__file__).parents[1]
SITE_PACKAGES = next(ROOT.glob(".venv/lib/python3.*/site-packages"))
CODE = "accounts backups doctor parts partsite services gunicorn.conf.py manage.py"
PATIENCE_SECONDS = 300

# bandit looks at imports too, of which the uses are looked at anyway.
NO_MATTER = {"B403", "B404"}
# Where bandit sees more than ruff, which knows the same rules as S instead of B and
# for which reasons stand in the code and in pyproject.toml.
HARMLESS = {
    ("B105", "parts/api/examples.py"): "words in the API's document",
    ("B105", "services/s3.py"): "opens a stand-in on this machine",
    ("B703", "parts/templatetags/cards.py"): "Django's own token",
    ("B703", "parts/views/notes.py"): "each piece is escaped where it is made",
    ("B703", "parts/views/sheet.py"): "a drawing of digits alone",
}
# Words like password are everywhere in tests; what looks like a key counts.
NOT_ASKED = ("KeywordDetector",)
NO_SECRET = {
    ".env.example": "an address as it is written",
    "accounts/demo.py": "the letters that passwords are made of",
    "docs/openapi.yaml": "hashes of examples",
    "package-lock.json": "hashes of packages",
    "parts/api/examples.py": "the hash of an example",
    "tests/bench/test_seed.py": "the hash of what is seeded",
    "tests/parts/test_onshape.py": "an address that is refused",
    "tests/partsite/test_env.py": "an address that is refused",
}

Findings = Iterator[str]


def main() -> int:
    folder = Path(sys.argv[1])
    looks: dict[str, Callable[[Path], Findings]] = {
        "Python packages": python_packages,
        "npm packages": npm_packages,
        "code": code,
        "secrets": secrets,
    }
    count = 0
    for name, look in looks.items():
        found = list(look(folder))
        count += len(found)
        say(f"{name}: {len(found)} found")
        for line in found:
            say(f"  {line}")
    return 1 if count else 0


def python_packages(folder: Path) -> Findings:
    told = run(
        folder / "pip-audit",
        *("--path", SITE_PACKAGES, "--format", "json", "--progress-spinner", "off"),
    )
    if told is None:
        say("pip-audit could not ask its service: nothing is known of these packages.")
        return
    packages = told["dependencies"]
    if skipped := [package["name"] for package in packages if "skip_reason" in package]:
        say(f"Of {len(skipped)} of {len(packages)} packages the service knows nothing.")
    for package in packages:
        for hole in package.get("vulns", ()):
            mended = ", ".join(hole["fix_versions"]) or "no release yet"
            yield f"{package['name']} {package['version']}: {hole['id']} ({mended})"


def npm_packages(folder: Path) -> Findings:
    told = run("npm", "audit", "--omit=dev", "--json")
    if told is None or "vulnerabilities" not in told:
        say("npm audit could not ask its service: nothing is known of these packages.")
        return
    for name, hole in told["vulnerabilities"].items():
        yield f"{name} {hole['range']}: {hole['severity']}"


def code(folder: Path) -> Findings:
    told = run(folder / "bandit", "-q", "-f", "json", "-r", *CODE.split())
    if told is None or told["errors"]:
        yield f"bandit failed: {told and told['errors']}"
        return
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    elsewhere = settings["tool"]["ruff"]["lint"]["per-file-ignores"]
    for result in told["results"]:
        rule, path = result["test_id"], result["filename"].removeprefix("./")
        ruffs = f"S{rule[1:]}"
        span = result["line_range"]
        lines = (ROOT / path).read_text().splitlines()[min(span) - 1 : max(span)]
        is_known = (
            rule in NO_MATTER
            or (rule, path) in HARMLESS
            or any(re.search(rf"# noqa:.*\b{ruffs}\b", line) for line in lines)
            or any(
                PurePath(path).match(pattern) and ruffs in rules
                for pattern, rules in elsewhere.items()
            )
        )
        if not is_known:
            yield f"{path}:{result['line_number']} {rule} {result['issue_text']}"


def secrets(folder: Path) -> Findings:
    options = [word for name in NOT_ASKED for word in ("--disable-plugin", name)]
    told = run(folder / "detect-secrets", "scan", *options)
    if told is None:
        yield "detect-secrets failed"
        return
    for path, results in told["results"].items():
        if path not in NO_SECRET:
            for result in results:
                yield f"{path}:{result['line_number']} {result['type']}"


def run(*words: object) -> dict | None:
    """Return what a program told as JSON; None if it told none."""
    try:
        ended = subprocess.run(  # noqa: S603 - our own words
            [str(word) for word in words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return json.loads(ended.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
