#!/usr/bin/env python
"""Django's command line, on development settings unless told otherwise."""

import gc
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    gc.disable()  # until partsite.apps.SiteConfig is ready

    from partsite.env import load_env_file

    # Before the settings: the file may name them.
    load_env_file(str(Path(__file__).resolve().parent / ".env"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partsite.settings.dev")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # The sentence names the variable; where it was raised helps nobody.
        sys.exit(f"{error}")
    except Exception as error:
        from partsite import outage

        away = outage.of(error)
        if away is None or "--traceback" in sys.argv:
            raise
        sys.exit(f"No {away.server}: {error}")
