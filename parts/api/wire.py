"""How a request's bytes become data, and what an answer is written in."""

import json
import math

from django.http import Http404
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import NotAcceptable, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BrowsableAPIRenderer

NOT_WITHOUT_ASKING = "private, no-cache"


class StrictJSONParser(JSONParser):
    """JSON as RFC 8259 has it: UTF-8, no NaN, no infinity, not even as ``1e999``."""

    def parse(self, stream, media_type=None, parser_context=None):
        try:
            text = stream.read().decode()
            return _DECODER.decode(text)
        except json.JSONDecodeError as error:
            raise ParseError(
                f"{error.msg} at line {error.lineno}, column {error.colno}."
            ) from error
        except UnicodeDecodeError as error:
            raise ParseError("It is not UTF-8.") from error
        except RecursionError:
            raise ParseError("It is nested too deeply.") from None
        except ValueError as error:
            raise ParseError("It holds a number that JSON cannot have.") from error


class Private:
    """A view whose answers are for who asked, and are asked for again each time.

    A cache on the way must neither keep them for others nor tell one key's
    answers to another.
    """

    def finalize_response(self, *args, **kwargs):
        answer = super().finalize_response(*args, **kwargs)
        answer.headers.setdefault("Cache-Control", NOT_WITHOUT_ASKING)
        patch_vary_headers(answer, ["X-API-Key"])
        return answer


class LenientNegotiation(DefaultContentNegotiation):
    """Answer in JSON whatever a client says it accepts.

    Files, models and pictures come from the same views, so ``Accept:
    model/gltf-binary`` is no reason to refuse.
    """

    def select_renderer(self, request, renderers, format_suffix=None):
        first, media_type = renderers[0], renderers[0].media_type
        accepts = request.META.get("HTTP_ACCEPT", "*/*")
        if (
            not format_suffix
            and accepts in {"*/*", media_type}
            and self.settings.URL_FORMAT_OVERRIDE not in request.query_params
        ):
            return first, media_type  # without weighing one against the other
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except (NotAcceptable, Http404):
            return first, media_type


class Pages(BrowsableAPIRenderer):
    """DRF's pages without styles in them, which our Content-Security-Policy forbids.

    ``static/css/api.css`` has them (DRF 3.18).
    """

    _STYLE = ' style="float: right; margin-right: 10px"'

    def get_context(self, *args, **kwargs) -> dict:
        return super().get_context(*args, **kwargs) | {"code_style": None}

    def render(self, *args, **kwargs) -> str:
        return super().render(*args, **kwargs).replace(self._STYLE, "")


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
