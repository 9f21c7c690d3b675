"""Cookies that keep to the base path and away from those of other sites there."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpResponse


class MessageCookie(CookieStorage):
    """Django's own goes to the whole host under a name all Django sites share."""

    @property
    def cookie_name(self) -> str:
        return settings.MESSAGE_COOKIE_NAME

    def _update_cookie(self, encoded_data: str, response: HttpResponse) -> None:
        super()._update_cookie(encoded_data, response)
        response.cookies[self.cookie_name]["path"] = settings.SESSION_COOKIE_PATH


class MessageStorage(FallbackStorage):
    storage_classes = (MessageCookie, SessionStorage)
