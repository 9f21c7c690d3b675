"""What is wrong with an installation: ``manage.py doctor``.

It knows all other packages, and none of them knows it.
"""
