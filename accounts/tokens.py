"""Secrets that stand in a cookie or a link: long, random, kept only as a digest."""

import hashlib
import secrets

# Without 0 O 1 l I: these are read off a screen or a paper and typed on a phone.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # pragma: allowlist secret


def new() -> str:
    """Return a secret of 192 random bits that may stand in an address."""
    return secrets.token_urlsafe(24)


def typed(fours: int) -> str:
    """Return a secret to be typed, of so many times four letters: 19.8 bits each."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(fours))
    return "-".join(groups)


def digest(token: str) -> str:
    """Return what is stored of ``token``: enough to know it again, no more.

    A plain hash: nobody can try so many random bits, so neither salt nor
    slowness would add anything.
    """
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
