"""Which language a page speaks: the reader's, where there is a catalogue for it."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from django.conf.locale import LANG_INFO
from django.http import HttpRequest, HttpResponse
from django.middleware import locale
from django.utils import translation

ENGLISH = "en"  # what the code is written in, and the API's only language


def english() -> AbstractContextManager:
    """Have all that is said in a block said in English.

    Where that is so already nothing is done: to change it and back takes five times as
    long as to see that (measured).
    """
    if translation.get_language() == ENGLISH:
        return _NOTHING
    return translation.override(ENGLISH)


_NOTHING = nullcontext()


def languages(folder: Path) -> list[tuple[str, str]]:
    """List the languages that can be chosen: English, and what is in ``folder``.

    Without our own catalogue a page would mix Django's words in that language
    with ours in English, so the languages that Django knows do not count.
    """
    catalogues = folder.glob("*/LC_MESSAGES/django.mo")
    found = {translation.to_language(path.parents[1].name) for path in catalogues}
    return [
        (code, LANG_INFO.get(code, {}).get("name_local", code))
        for code in [ENGLISH, *sorted(found - {ENGLISH})]
    ]


class LocaleMiddleware(locale.LocaleMiddleware):
    """Django's own, but for the API: scripts compare its words."""

    def process_request(self, request: HttpRequest) -> None:
        if not _is_api(request):
            super().process_request(request)
            return
        translation.activate(ENGLISH)
        request.LANGUAGE_CODE = ENGLISH

    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        if _is_api(request) or _is_foreign(request):
            return response
        return super().process_response(request, response)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def _is_foreign(request: HttpRequest) -> bool:
    """Whether a front end of one's own answers, in its own language for everybody."""
    return getattr(request.resolver_match, "url_name", None) == "frontend"
