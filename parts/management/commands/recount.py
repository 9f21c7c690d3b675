"""``manage.py recount``: count anew what the database keeps of the parts."""

from django.core.management.base import BaseCommand

from parts import kept


class Command(BaseCommand):
    help = (
        "Count everything anew that the database keeps of the parts: the sums behind "
        "statistics, boards and leaderboard, and the index of the search. They are "
        "kept right by themselves; this is for a database that somebody has mended "
        "by hand."
    )

    def handle(self, **options) -> None:
        wrong = kept.recount()
        were = "sum was" if wrong == 1 else "sums were"
        self.stdout.write(f"Counted anew; {wrong or 'no'} {were} wrong.")
