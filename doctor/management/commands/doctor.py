"""``manage.py doctor``: say what is wrong with this installation, and what to do."""

import sys
import textwrap

from django.core.management.base import BaseCommand

from doctor.examination import examine
from doctor.findings import Level

_WIDTH = 78


class Command(BaseCommand):
    help = (
        "Say what is wrong with this installation, and what to do. "
        "Exit status: 0 all is well, 1 warnings, 2 problems."
    )
    requires_system_checks = ()  # it makes them itself, and goes on

    def handle(self, **options) -> None:
        counts = dict.fromkeys(Level, 0)
        for subject, found in examine():
            if not found:
                self._tell("ok" if found is not None else "skipped", subject)
            for finding in found or []:
                counts[finding.level] += 1
                self._tell(finding.level.name, f"{subject}: {finding.what}")
                self._tell("", finding.do)
        problems, warnings = counts[Level.PROBLEM], counts[Level.WARNING]
        self.stdout.write(f"\n{problems} problems, {warnings} warnings")
        if status := max((level for level in Level if counts[level]), default=0):
            sys.exit(status)

    def _tell(self, mark: str, text: str) -> None:
        self.stdout.write(
            textwrap.fill(
                text,
                _WIDTH,
                initial_indent=f"{mark:<8} ",
                subsequent_indent=" " * 9,
                break_long_words=False,  # paths and names are to be copied
                break_on_hyphens=False,
            )
        )
