"""The OpenAPI document and the page that shows it."""

from functools import cache

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Document(APIView):
    """The OpenAPI document; the code is open, so everybody may read it.

    Not drf-spectacular's own view, which makes it anew for every request and
    copies a query parameter into a header (0.30).
    """

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    renderer_classes = [OpenApiJsonRenderer2]
    schema = None

    def get(self, request: Request) -> Response:
        return Response(_document())


class Reader(SpectacularSwaggerSplitView):
    """The page that shows it, from our own server and without inline scripts."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []
    renderer_classes = [TemplateHTMLRenderer, JSONRenderer]
    http_method_names = ["get", "head"]
    url_name = "api:openapi"


@cache
def _document() -> dict:
    return SchemaGenerator().get_schema(public=True)
