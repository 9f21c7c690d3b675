"""What everybody does: a ``ModelSerializer``, and Django's own project settings.

It answers what the site answers, for one part without its model, and has no keys, no
limits and no permissions. Its joins bring no column that is not shown. Where it
writes, it does so into tables as Django makes them of its models, with no history,
no sums and no index of words.
"""
