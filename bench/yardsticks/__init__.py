"""What the site is measured against, on the same gunicorn and the same SQLite file."""
