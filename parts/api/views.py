"""The API's views: request in, one call, answer out."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.db.models import F
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts import keys
from accounts.authentication import RateLimited
from parts import stats, tasks, uploads, workflow
from parts.filters import SORTABLE, PartFilter, sort
from parts.models import Category, Conversion, Kind, Part, PartFile, hash_tag
from partsite import ratelimit

from . import answers
from . import serializers as wire
from .exceptions import ConversionFailed, Missing, StillConverting
from .misc import manifest
from .pagination import EventList, PartList
from .permissions import MayRead, MayWrite, actor_of

logger = logging.getLogger(__name__)

_FOREVER = "private, max-age=31536000, immutable"
_NOT_WITHOUT_ASKING = "private, no-cache"
_NOT_STORED = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "0",
}
_POLL_SECONDS = 0.2
_waiting = threading.BoundedSemaphore(settings.API_MODEL_WAITERS)

_PART = {200: wire.PartDetailSerializer}
_SORTING = [
    OpenApiParameter("sort_by", enum=list(SORTABLE), description="or created_at"),
    OpenApiParameter("sort_order", enum=["asc", "desc"], description="or desc"),
]


def _bytes(*content_types: str) -> dict:
    return {(200, content_type): OpenApiTypes.BINARY for content_type in content_types}


_ORIGINAL = _bytes(*uploads.CONTENT_TYPES.values())


class PartViewSet(GenericViewSet):
    """Parts, the steps of their life, their files and their history."""

    queryset = Part.objects.none()  # the schema asks for the model
    permission_classes = [MayRead, MayWrite]
    serializer_class = wire.PartDetailSerializer
    filter_backends = [DjangoFilterBackend]
    filterset_class = PartFilter
    pagination_class = PartList
    lookup_value_converter = "int"

    # --- The part object ------------------------------------------------------

    @extend_schema(parameters=_SORTING, responses=wire.PartSerializer(many=True))
    def list(self, request: Request) -> Response:
        return self._listed(Part.objects.live())

    @extend_schema(parameters=_SORTING, responses=wire.PartSerializer(many=True))
    @action(detail=False, url_path="categories/<str:category>", url_name="category")
    def category(self, request: Request, category: str) -> Response:
        if category not in Category.values:
            words = ", ".join(Category.values)
            raise ValidationError({"category": [f"Use one of: {words}."]})
        return self._listed(Part.objects.on_board(category))

    @extend_schema(responses={201: wire.PartDetailSerializer})
    def create(self, request: Request) -> Response:
        part = workflow.create(actor=actor_of(request), **self._told())
        address = reverse("api:part-detail", args=[part.pk])
        return self._answer(part, status=201, headers={"Location": address})

    def retrieve(self, request: Request, pk: int) -> Response:
        return self._answer(self.get_object())

    def update(self, request: Request, pk: int) -> Response:
        return self.partial_update(request, pk)

    def partial_update(self, request: Request, pk: int) -> Response:
        part = self.get_object()
        told = self._told(part, partial=True)
        return self._answer(workflow.update(part, actor=actor_of(request), **told))

    @extend_schema(responses=answers.MessageSerializer)
    def destroy(self, request: Request, pk: int) -> Response:
        workflow.trash(self.get_object(), actor=actor_of(request))
        return Response({"message": "Part deleted successfully"})

    # --- Steps ----------------------------------------------------------------

    @extend_schema(responses=_PART)
    @action(detail=True, methods=["post"], serializer_class=wire.ApproveSerializer)
    def approve(self, request: Request, pk: int) -> Response:
        part, told = self.get_object(), self._told()
        fields = told.get("misc", {})
        reviewer = fields.pop("reviewer", "")
        part = workflow.approve(
            part,
            actor=actor_of(request),
            reviewer=told.get("reviewer") or reviewer,
            fields=fields,
        )
        return self._answer(part)

    @extend_schema(responses=_PART)
    @action(
        detail=True,
        methods=["post"],
        url_path="send-back",
        url_name="send-back",
        serializer_class=wire.SendBackSerializer,
    )
    def send_back(self, request: Request, pk: int) -> Response:
        part, told = self.get_object(), self._told()
        reason = told.get("reason", "")
        part = workflow.send_back(part, actor=actor_of(request), reason=reason)
        return self._answer(part)

    @extend_schema(responses=_PART)
    @action(detail=True, methods=["post"], serializer_class=wire.AssignSerializer)
    def assign(self, request: Request, pk: int) -> Response:
        part, told = self.get_object(), self._told()
        worker = told.get("assigned", "")
        part = workflow.assign(part, actor=actor_of(request), worker=worker)
        return self._answer(part)

    @extend_schema(responses=_PART)
    @action(detail=True, methods=["post"], serializer_class=wire.StepSerializer)
    def unclaim(self, request: Request, pk: int) -> Response:
        part, _ = self.get_object(), self._told()
        return self._answer(workflow.unclaim(part, actor=actor_of(request)))

    @extend_schema(responses=_PART)
    @action(detail=True, methods=["post"], serializer_class=wire.CompleteSerializer)
    def complete(self, request: Request, pk: int) -> Response:
        part, told = self.get_object(), self._told()
        fields = told.get("misc", {})
        storage = fields.pop("storage_location", "")
        part = workflow.complete(
            part, actor=actor_of(request), storage=storage, fields=fields
        )
        return self._answer(part)

    @extend_schema(responses=_PART)
    @action(detail=True, methods=["post"], serializer_class=wire.RevertSerializer)
    def revert(self, request: Request, pk: int) -> Response:
        part, told = self.get_object(), self._told()
        reason = told.get("reason", "")
        part = workflow.revert(part, actor=actor_of(request), reason=reason)
        return self._answer(part)

    @extend_schema(responses={202: wire.PartDetailSerializer})
    @action(detail=True, methods=["post"], serializer_class=wire.StepSerializer)
    def convert(self, request: Request, pk: int) -> Response:
        part, _ = self.get_object(), self._told()
        if part.current_step is None:
            raise _no_step_file()
        part = workflow.convert_again(part, actor=actor_of(request))
        return self._answer(part, status=202)

    # --- Files ----------------------------------------------------------------

    @extend_schema(responses={201: wire.UploadedSerializer})
    @action(
        detail=True,
        methods=["post"],
        parser_classes=[MultiPartParser],
        serializer_class=wire.UploadSerializer,
    )
    def upload(self, request: Request, pk: int) -> Response:
        part = self.get_object()
        stored = uploads.store(uploads.received(request))
        file = workflow.attach(part, stored, actor=actor_of(request))
        tasks.adopt(file)
        return Response(wire.UploadedSerializer(file).data, status=201)

    @extend_schema(responses=_ORIGINAL)
    @action(detail=True)
    def download(self, request: Request, pk: int) -> FileResponse:
        return _original(self.get_object().current_file, as_attachment=True)

    @extend_schema(responses=_ORIGINAL)
    @action(detail=True)
    def file(self, request: Request, pk: int) -> FileResponse:
        return _original(self.get_object().current_file, as_attachment=False)

    @extend_schema(responses=wire.FilesSerializer)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def files(self, request: Request, pk: int) -> Response:
        files = self.get_object().files.order_by("-pk")
        return Response(wire.FilesSerializer({"files": files}).data)

    @extend_schema(
        operation_id="api_parts_revision_retrieve",
        parameters=[OpenApiParameter("kind", enum=Kind.values)],
        responses=_ORIGINAL,
    )
    @action(
        detail=True,
        url_path="files/<int:revision>",
        url_name="revision",
        filter_backends=[],
    )
    def revision(self, request: Request, pk: int, revision: int) -> FileResponse:
        kind = request.query_params.get("kind")
        if kind is not None and kind not in Kind.values:
            words = ", ".join(Kind.values)
            raise ValidationError({"kind": [f"Use one of: {words}."]})
        files = self.get_object().files.filter(revision=revision)
        if kind:
            files = files.filter(kind=kind)
        # Each kind is numbered for itself; of two, the STEP file is meant.
        return _original(files.order_by("-kind").first(), as_attachment=True)

    @extend_schema(
        parameters=[OpenApiParameter("v", description="The tag of the model meant.")],
        responses=_bytes("model/gltf-binary"),
    )
    @action(detail=True)
    def model(self, request: Request, pk: int) -> HttpResponse:
        file = self.get_object().current_step
        is_pinned = bool(file and file.model) and (
            request.query_params.get("v") == file.model_tag
        )
        if not is_pinned:
            file = _converted(pk, file)
        return _made(
            request,
            file.model.name,
            "model/gltf-binary",
            _FOREVER if is_pinned else _NOT_WITHOUT_ASKING,
        )

    @extend_schema(responses=_bytes("image/png"))
    @action(detail=True, url_path="thumbnail/<str:tag>.png", url_name="thumbnail")
    def thumbnail(self, request: Request, pk: int, tag: str) -> HttpResponse:
        file = self.get_object().current_step
        if file is None or not file.thumbnail or file.thumbnail_tag != tag:
            raise Missing("Picture not found", "It is not that of the current file.")
        return _made(request, file.thumbnail.name, "image/png", _FOREVER)

    @extend_schema(responses=wire.ManifestSerializer)
    @action(detail=True, filter_backends=[], parser_classes=[MultiPartParser])
    def views(self, request: Request, pk: int) -> Response:
        return Response({"views": manifest(self.get_object())})

    @extend_schema(request=wire.PicturesSerializer, responses=wire.ViewsSavedSerializer)
    @views.mapping.post
    def add_views(self, request: Request, pk: int) -> Response:
        part = self.get_object()
        told = wire.PicturesSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        pictures = told.validated_data
        stored = {side: uploads.store_png(pictures[side]) for side in pictures}
        part = workflow.add_views(part, actor=actor_of(request), views=stored)
        return Response({"success": True, "views": manifest(part)})

    @extend_schema(
        operation_id="api_parts_view_retrieve",
        parameters=[OpenApiParameter("side", int, "path", description="0 to 7")],
        responses=_bytes("image/png"),
    )
    @action(detail=True, url_path="views/<int:side>", url_name="view")
    def view(self, request: Request, pk: int, side: int) -> HttpResponse:
        stored_name = self.get_object().pictures.get(side)
        if stored_name is None:
            raise Missing("View not found", "There is no picture from this side.")
        return _made(request, stored_name, "image/png", _NOT_WITHOUT_ASKING)

    # --- History --------------------------------------------------------------

    @extend_schema(responses=wire.EventSerializer(many=True))
    @action(detail=True, pagination_class=EventList, filter_backends=[])
    def events(self, request: Request, pk: int) -> Response:
        page = self.paginate_queryset(self.get_object().events.all())
        return self.get_paginated_response(wire.EventSerializer(page, many=True).data)

    # --- All parts ------------------------------------------------------------

    @extend_schema(responses=answers.CountsSerializer)
    @action(detail=False, pagination_class=None, filter_backends=[])
    def stats(self, request: Request) -> Response:
        return Response(stats.counts())

    @extend_schema(responses=answers.PiecesSerializer)
    @action(
        detail=False,
        url_path="stats/detailed",
        url_name="stats-detailed",
        pagination_class=None,
        filter_backends=[],
    )
    def stats_detailed(self, request: Request) -> Response:
        return Response(stats.pieces())

    @extend_schema(responses=answers.LeaderboardSerializer)
    @action(detail=False, pagination_class=None, filter_backends=[])
    def leaderboard(self, request: Request) -> Response:
        return Response({"leaderboard": stats.scores()})

    @extend_schema(responses=answers.WipedSerializer)
    @action(detail=False, methods=["post"], serializer_class=wire.WipeSerializer)
    def wipe(self, request: Request) -> Response:
        actor, password = actor_of(request), self._told().get("password", "")
        if not actor.can_wipe:
            raise PermissionDenied("Only a lead's key may delete everything.")
        # Counted before it is looked at, so that guessing gains nothing.
        wait_seconds = ratelimit.FAILED_AUTHENTICATION.wait_seconds(
            ratelimit.client_network(request)
        )
        if wait_seconds:
            raise RateLimited(wait_seconds)
        if not keys.is_confirmed(actor, password):
            raise PermissionDenied("Wrong password.")
        count = workflow.wipe(actor=actor)
        return Response({"message": "All parts deleted successfully", "count": count})

    # --- How it is done -------------------------------------------------------

    def get_object(self) -> Part:
        return get_object_or_404(Part.objects.live().with_files(), pk=self.kwargs["pk"])

    def _listed(self, parts) -> Response:
        asked = self.request.query_params
        parts = self.filter_queryset(parts.with_pictures())
        parts = sort(parts, asked.get("sort_by", ""), asked.get("sort_order", ""))
        page = self.paginate_queryset(parts)
        return self.get_paginated_response(wire.PartSerializer(page, many=True).data)

    def _told(self, part: Part | None = None, **kwargs) -> dict[str, Any]:
        serializer = self.get_serializer(part, data=self.request.data, **kwargs)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def _answer(self, part: Part, **kwargs) -> Response:
        return Response(wire.PartDetailSerializer(part).data, **kwargs)


class KeyCheck(APIView):
    """Whether a key is good; asked often, by clients that guess."""

    throttle_classes = []  # it has a limit of its own

    @extend_schema(responses=answers.AuthenticatedSerializer)
    def get(self, request: Request) -> Response:
        actor = actor_of(request)
        wait_seconds = ratelimit.KEY_CHECK.wait_seconds(
            ratelimit.client_address(request), actor._meta.label, str(actor.pk)
        )
        if wait_seconds:
            raise RateLimited(wait_seconds)
        said = {
            "status": "authenticated",
            "message": "API key is valid",
            "timestamp": timezone.now(),
        }
        return Response(answers.AuthenticatedSerializer(said).data)

    def finalize_response(self, *args, **kwargs) -> HttpResponse:
        answer = super().finalize_response(*args, **kwargs)
        for header, value in _NOT_STORED.items():
            answer[header] = value
        return answer


class NothingHere(APIView):
    """Every other address under /api/, whoever asks and however."""

    schema = None

    def initial(self, *args, **kwargs) -> None:
        raise Missing("Not found", "There is nothing at this address.")


def _original(file: PartFile | None, *, as_attachment: bool) -> FileResponse:
    if file is None:
        raise Missing("File not found", "There is no such file of this part.")
    return _opened(lambda: uploads.response(file, as_attachment=as_attachment))


def _converted(pk: int, file: PartFile | None) -> PartFile:
    """Wait for the current STEP file's conversion, and return the file that is current.

    No transaction is open meanwhile, and each look is a new one: a newer file
    may have come, or the part may be gone.
    """
    deadline = time.monotonic() + settings.API_MODEL_WAIT_SECONDS
    current = PartFile.objects.filter(
        part=pk, part__deleted_at=None, part__current_step=F("pk")
    )
    if file is not None and file.is_converting:
        # Whoever waits holds a thread; half of them must stay for the others.
        if not _waiting.acquire(blocking=False):
            raise StillConverting
        try:
            while file is not None and file.is_converting:
                if time.monotonic() >= deadline:
                    raise StillConverting
                time.sleep(_POLL_SECONDS)
                file = current.first()
        finally:
            _waiting.release()
    if file is None:
        raise _no_step_file()
    if file.state != Conversion.DONE:
        raise ConversionFailed(file.error or "It was never converted.")
    return file


def _no_step_file() -> Missing:
    return Missing("No STEP file", "A model is made of a STEP file; upload one.")


def _made(
    request: Request, stored_name: str, content_type: str, cached: str
) -> HttpResponse:
    """Answer with what was made of a file, or 304 to who has it already."""
    etag = f'"{hash_tag(stored_name)}"'
    answer = get_conditional_response(request._request, etag=etag)
    if answer is None:
        answer = _opened(lambda: uploads.made_response(stored_name, content_type))
    answer["ETag"] = etag
    answer["Cache-Control"] = cached
    return answer


def _opened(answer: Callable[[], FileResponse]) -> FileResponse:
    try:
        return answer()
    except FileNotFoundError as error:
        logger.error("stored_file_lost name=%s", PurePosixPath(error.filename).name)
        raise Missing("File not found", "Its bytes are gone.") from error
