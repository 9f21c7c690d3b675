from django.apps import AppConfig


class PartsConfig(AppConfig):
    name = "parts"
    verbose_name = "Parts"

    def ready(self) -> None:
        from partsite import faults, slowqueries

        from . import checks, kept, lettercase, signals  # noqa: F401 - registered by import

        kept.register(self)
        lettercase.register()
        slowqueries.register()
        faults.register()
