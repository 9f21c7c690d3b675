"""Taking single files out of an archive, for a site that has lost them."""

import shutil
import tempfile
from pathlib import Path

from django.core.files import File

from parts import inventory

from . import archive


def bring_back(found: inventory.Inventory, path: Path) -> None:
    """Store lost files anew from the archive at ``path``, and note them as mended.

    Raises:
        ArchiveDamaged: the archive cannot be read to its end.
    """
    lost = {loss.name: loss for loss in found.losses}
    for member in archive.members(path):
        loss = lost.get(member.stored_name)
        if loss is None:
            continue
        with tempfile.SpooledTemporaryFile(archive.IN_MEMORY_BYTES) as copy:
            shutil.copyfileobj(member, copy)
            copy.seek(0)
            content = File(copy, name=loss.name)
            if inventory.replace(loss, content, member.digest.hexdigest()):
                found.mended.append(loss.name)
