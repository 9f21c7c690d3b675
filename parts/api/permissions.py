"""Who may use the API: one question a class."""

from django.contrib.auth.models import AnonymousUser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.models import ApiKey, User


def actor_of(request: Request) -> User | ApiKey | AnonymousUser:
    """Return who asks: the key, or else the person of the session."""
    return request.auth or request.user


class MayRead(BasePermission):
    """Anybody with a key or a session."""

    def has_permission(self, request: Request, view) -> bool:
        return actor_of(request).is_authenticated


class MayWrite(BasePermission):
    """For anything but reading: whoever may work. The step asks for the rest."""

    message = "This key or account may only read."

    def has_permission(self, request: Request, view) -> bool:
        return request.method in SAFE_METHODS or actor_of(request).can_work
