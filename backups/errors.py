"""What can be wrong with a backup: sentences for whoever runs the site."""


class BackupError(Exception):
    """No backup could be made, or none be restored; the text says why."""


class ArchiveDamaged(BackupError):
    """An archive that is not what it was when it was made."""
