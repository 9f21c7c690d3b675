"""Whether the site can work: for load balancers and whoever is on call."""

import logging
import tempfile
from pathlib import Path

from asgiref.sync import async_to_sync
from django.contrib.auth.decorators import login_not_required
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

logger = logging.getLogger(__name__)

_ANSWER = inline_serializer(
    "Health",
    {
        "status": serializers.ChoiceField(["healthy", "unhealthy"]),
        "database": serializers.CharField(help_text="ok or failed"),
        "storage": serializers.CharField(help_text="ok or failed"),
    },
)


class Health(APIView):
    """Ask database and storage; anybody may, so it tells nothing of the inside."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(responses={200: _ANSWER, 503: _ANSWER}, auth=[])
    def get(self, request: Request) -> Response:
        works = {"database": _database_answers(), "storage": storage_takes_files()}
        is_healthy = all(works.values())
        return Response(
            {
                "status": "healthy" if is_healthy else "unhealthy",
                **{name: "ok" if good else "failed" for name, good in works.items()},
            },
            status=200 if is_healthy else 503,
            headers={"Cache-Control": "no-store"},
        )


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except Error:
        logger.exception("health_failed what=database")
        return False
    return True


@login_not_required
def ready(request: HttpRequest) -> HttpResponse:
    """Ask all that the site needs, the worker too; anybody may."""
    # Not at the start: the library takes as long as a tenth of it (measured).
    from parts.watch.ready import Ready

    return async_to_sync(Ready.as_view())(request)


def storage_takes_files() -> bool:
    try:
        if isinstance(default_storage, FileSystemStorage):
            folder = Path(default_storage.location)
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"probe")
        else:
            problem = default_storage.problem()  # a write would cost money each time
            if problem:
                logger.error("health_failed what=storage why=%s", problem)
                return False
    except Exception:
        # Each kind of remote storage has errors of its own.
        logger.exception("health_failed what=storage")
        return False
    return True
