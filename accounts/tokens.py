"""Secrets that stand in a cookie or a link: long, random, kept only as a digest."""

import hashlib
import secrets


def new() -> str:
    """Return a secret of 192 random bits that may stand in an address."""
    return secrets.token_urlsafe(24)


def digest(token: str) -> str:
    """Return what is stored of ``token``: enough to know it again, no more.

    A plain hash: nobody can try so many random bits, so neither salt nor
    slowness would add anything.
    """
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
