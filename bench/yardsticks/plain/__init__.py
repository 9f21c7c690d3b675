"""What everybody does: a ``ModelSerializer``, and Django's own project settings.

It has no keys, no limits and no permissions, and joins nothing, so it has less to do
than the site.
"""
