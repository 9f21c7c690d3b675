"""How much room there is for files, where they lie on a disk of ours."""

import shutil
from pathlib import Path

from django.core.files.storage import FileSystemStorage, default_storage


def free_bytes() -> int | None:
    """Return what is left for files; None where they lie elsewhere."""
    if not isinstance(default_storage, FileSystemStorage):
        return None
    folder = Path(default_storage.location)
    while not folder.is_dir():  # nobody has sent a file yet
        folder = folder.parent
    return shutil.disk_usage(folder).free
