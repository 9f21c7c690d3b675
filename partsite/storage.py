"""Where files lie: uploads under their hash, static files under hashed names."""

import os
import tempfile
from pathlib import Path

from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class ContentStorage(FileSystemStorage):
    """Files whose name is their content's hash: written once, whole or not at all.

    A name that exists already holds the same bytes, so saving it again keeps
    what is there. The bytes are written beside the target and moved into
    place, so that nobody ever reads half a file, not even after a crash.
    """

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content) -> str:
        target = Path(self.path(name))
        if target.exists():
            # Wanted again: no cleaning up of what is old may take it away now.
            target.touch()
            return name
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=".draft-")
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).chmod(0o644)
            Path(draft).replace(target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        return name


class HashedStaticStorage(CompressedManifestStaticFilesStorage):
    """Static files under hashed names, imports between JS modules included."""

    # Without it the imports inside modules keep their unhashed names, which
    # whitenoise serves without a long cache (Django 5.2).
    support_js_module_import_aggregation = True
