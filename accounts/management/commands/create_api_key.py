"""``manage.py create_api_key NAME --scope read|write|lead [--owner USER]``"""

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError

from accounts import keys
from accounts.models import Scope, User


class Command(BaseCommand):
    help = "Make an API key and print it, alone on its line. It is shown only now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what will use the key")
        parser.add_argument("--scope", choices=Scope.values, default=Scope.READ)
        parser.add_argument("--owner", help="user name; the key never may more")

    def handle(self, *, name: str, scope: str, owner: str | None, **options) -> None:
        name = name.strip()
        longest = 100
        if not 0 < len(name) <= longest:
            raise CommandError(f"NAME must have 1 to {longest} characters.")
        try:
            user = User.objects.get_by_natural_key(owner) if owner else None
            _, text = keys.issue(name, scope=scope, owner=user)
        except User.DoesNotExist:
            raise CommandError(f"There is no user “{owner}”.") from None
        except (OperationalError, ProgrammingError) as error:
            raise CommandError(
                f"This database cannot be used: {error}. Start the site once "
                "(make run), and give this command the same DATA_DIR."
            ) from error
        self.stdout.write(text)
