"""What everybody does: a ``ModelSerializer``, and Django's own project settings.

It answers what the site answers, for one part without its model, and has no keys, no
limits and no permissions. Its joins bring no column that is not shown.
"""
