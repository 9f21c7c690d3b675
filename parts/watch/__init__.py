"""Watching the site: whether it is ready, its figures, what is wrong with it."""
