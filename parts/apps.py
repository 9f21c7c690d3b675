from django.apps import AppConfig


class PartsConfig(AppConfig):
    name = "parts"
    verbose_name = "Parts"

    def ready(self) -> None:
        from . import checks, lettercase, signals  # noqa: F401 - registered by import

        lettercase.register()
