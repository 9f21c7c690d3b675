"""Django's SQLite backend, without what it does again for each statement."""
