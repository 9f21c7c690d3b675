"""Files of a part, what is made of them, and its pictures."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from django.conf import settings
from django.db.models import F, Model
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from parts import delivery, drawings, tasks, uploads, workflow
from parts.errors import NotByHand, OnshapeFailed
from parts.models import (
    Category,
    Conversion,
    DrawingFetch,
    Kind,
    Part,
    PartFile,
    hash_tag,
)

from . import serializers as wire
from .exceptions import ConversionFailed, Missing, StillConverting, StillFetching
from .misc import manifest
from .permissions import actor_of
from .wire import NOT_WITHOUT_ASKING

logger = logging.getLogger(__name__)

_FOREVER = "private, max-age=31536000, immutable"
_POLL_SECONDS = 0.2
_waiting = threading.BoundedSemaphore(settings.API_MODEL_WAITERS)


def _bytes(*content_types: str) -> dict:
    return {(200, content_type): OpenApiTypes.BINARY for content_type in content_types}


_TAG = OpenApiParameter("v", description="The tag of the model meant.")
_ORIGINAL = _bytes(*delivery.CONTENT_TYPES.values())


class FileActions:
    """What the viewset of parts does with files; it finds the part."""

    @extend_schema(responses={201: wire.UploadedSerializer})
    @action(
        detail=True,
        methods=["post"],
        parser_classes=[MultiPartParser],
        serializer_class=wire.UploadSerializer,
    )
    def upload(self, request: Request, pk: int) -> Response:
        """Add a file as the newest revision of its kind.

        No upload replaces an older file. A STEP file is then converted in the
        background; ``model`` waits for it.
        """
        part = self.get_object()
        stored = uploads.store(uploads.received(request))
        file = workflow.attach(part, stored, actor=actor_of(request))
        tasks.adopt(file)
        return Response(wire.UploadedSerializer(file).data, status=201)

    @extend_schema(responses=_ORIGINAL)
    @action(detail=True)
    def download(self, request: Request, pk: int) -> HttpResponse:
        """Read the current file, as an attachment."""
        file = self.get_object().current_file
        return _original(request, file, as_attachment=True)

    @extend_schema(responses=_ORIGINAL)
    @action(detail=True)
    def file(self, request: Request, pk: int) -> HttpResponse:
        """Read the current file, to be shown."""
        file = self.get_object().current_file
        return _original(request, file, as_attachment=False)

    @extend_schema(responses=wire.FilesSerializer)
    @action(detail=True, pagination_class=None, filter_backends=[])
    def files(self, request: Request, pk: int) -> Response:
        """List every revision of every file."""
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
    def revision(self, request: Request, pk: int, revision: int) -> HttpResponse:
        """Read one revision, as an attachment.

        Each kind is numbered for itself; without ``kind`` the STEP file is meant.
        """
        kind = request.query_params.get("kind")
        if kind is not None and kind not in Kind.values:
            words = ", ".join(Kind.values)
            raise ValidationError({"kind": [f"Use one of: {words}."]})
        files = self.get_object().files.filter(revision=revision)
        if kind:
            files = files.filter(kind=kind)
        # Each kind is numbered for itself; of two, the STEP file is meant.
        file = files.order_by("-kind").first()
        return _original(request, file, as_attachment=True)

    @extend_schema(
        operation_id="api_parts_revision_model_retrieve",
        parameters=[_TAG],
        responses=_bytes("model/gltf-binary"),
    )
    @action(
        detail=True,
        url_path="files/<int:revision>/model",
        url_name="revision-model",
        filter_backends=[],
    )
    def revision_model(self, request: Request, pk: int, revision: int) -> HttpResponse:
        """Read the GLB of one revision of the STEP file, to compare two.

        Nothing is waited for. With ``v`` it may be kept for ever.
        """
        files = self.get_object().files
        file = files.filter(kind=Kind.STEP, revision=revision).first()
        if file is None:
            raise Missing("File not found", "There is no such STEP file of this part.")
        if not _is_pinned(request, file):
            _need_done(file)
        return _model(request, file)

    @extend_schema(parameters=[_TAG], responses=_bytes("model/gltf-binary"))
    @action(detail=True)
    def model(self, request: Request, pk: int) -> HttpResponse:
        """Read the GLB of the current STEP file.

        It waits for a conversion that is under way, for a bounded time. With
        ``v``, as in the address that a part tells, it may be kept for ever.
        """
        file = self.get_object().current_step
        if not _is_pinned(request, file):
            file = _converted(pk, file)
        return _model(request, file)

    @extend_schema(responses=_bytes("image/png"))
    @action(
        detail=True,
        url_path="thumbnail/<str:tag>.png",
        url_name="thumbnail",
        throttle_classes=[],  # a board shows a hundred at once
    )
    def thumbnail(self, request: Request, pk: int, tag: str) -> HttpResponse:
        """Read the picture of the current STEP file."""
        try:
            stored_name = Part.objects.picture_of(pk)
        except Part.DoesNotExist as error:
            raise Http404 from error
        if not stored_name or hash_tag(stored_name) != tag:
            raise Missing("Picture not found", "It is not that of the current file.")
        return _made(request, stored_name, "image/png", _FOREVER)

    @extend_schema(
        parameters=[
            OpenApiParameter("refresh", bool, description="Fetch it from Onshape.")
        ],
        responses=_bytes("application/pdf"),
    )
    @action(detail=True, filter_backends=[])
    def drawing(self, request: Request, pk: int) -> HttpResponse:
        """Read the drawing of a part made by hand.

        With ``refresh`` it is fetched from Onshape anew, if the part links there.
        """
        part = self.get_object()
        if Category.HAND not in {part.type, part.category}:
            raise NotByHand("Only a part of type “hand” has a drawing here.")
        file = part.current_drawing
        if _is_true(request, "refresh") and request.method != "HEAD":
            file = _fetched(drawings.ask(part, actor=actor_of(request)))
        if file is None:
            raise Missing("No drawing", "Upload a PDF, or fetch one: ?refresh=true.")
        stored_name = file.content.name
        return _made(request, stored_name, "application/pdf", NOT_WITHOUT_ASKING)

    @extend_schema(responses=wire.ViewsSerializer)
    @action(detail=True, filter_backends=[], parser_classes=[MultiPartParser])
    def views(self, request: Request, pk: int) -> Response:
        """Tell which pictures clients have made of the current model."""
        return Response({"views": manifest(self.get_object().extra)})

    @extend_schema(request=wire.PicturesSerializer, responses=wire.ViewsSavedSerializer)
    @views.mapping.post
    def add_views(self, request: Request, pk: int) -> Response:
        """Keep pictures of the current model, made from up to eight sides.

        Sides that are not sent keep theirs; a newer STEP file has none.
        """
        part = self.get_object()
        told = wire.PicturesSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        pictures = told.validated_data
        stored = {
            side: uploads.store_png(picture, f"view_{side}")
            for side, picture in pictures.items()
        }
        part = workflow.add_views(part, actor=actor_of(request), views=stored)
        return Response({"success": True, "views": manifest(part.extra)})

    @extend_schema(
        operation_id="api_parts_view_retrieve",
        parameters=[OpenApiParameter("side", int, "path", description="0 to 7")],
        responses=_bytes("image/png"),
    )
    @action(detail=True, url_path="views/<int:side>", url_name="view")
    def view(self, request: Request, pk: int, side: int) -> HttpResponse:
        """Read the picture from one side."""
        stored_name = self.get_object().pictures.get(side)
        if stored_name is None:
            raise Missing("View not found", "There is no picture from this side.")
        return _made(request, stored_name, "image/png", NOT_WITHOUT_ASKING)

    @extend_schema(responses={202: wire.PartDetailSerializer})
    @action(detail=True, methods=["post"], serializer_class=wire.StepSerializer)
    def convert(self, request: Request, pk: int) -> Response:
        """Convert the current STEP file again."""
        part, _ = self.get_object(), self._told()
        if part.current_step is None:
            raise _no_step_file()
        part = workflow.convert_again(part, actor=actor_of(request))
        return self._answer(part, status=202)


def _original(
    request: Request, file: PartFile | None, *, as_attachment: bool
) -> HttpResponse:
    if file is None:
        raise Missing("File not found", "There is no such file of this part.")
    with _lost_is_missing():
        return delivery.original(request._request, file, as_attachment=as_attachment)


def _converted(pk: int, file: PartFile | None) -> PartFile:
    """Wait for the current STEP file's conversion, and return the file that is current.

    No transaction is open meanwhile, and each look is a new one: a newer file
    may have come, or the part may be gone.
    """
    current = PartFile.objects.filter(
        part=pk, part__deleted_at=None, part__current_step=F("pk")
    )
    file = _awaited(file, current.first, "is_converting", StillConverting)
    if file is None:
        raise _no_step_file()
    _need_done(file)
    return file


def _need_done(file: PartFile) -> None:
    if file.is_converting:
        raise StillConverting
    if file.state != Conversion.DONE:
        raise ConversionFailed(file.error or "It was never converted.")


def _fetched(wish: DrawingFetch) -> PartFile:
    """Wait for a drawing from Onshape."""
    look = DrawingFetch.objects.select_related("drawing").filter(pk=wish.pk).first
    wish = _awaited(wish, look, "is_open", StillFetching)
    if wish is None or wish.drawing is None:
        raise OnshapeFailed(wish.error if wish else "This part is no longer there.")
    return wish.drawing


def _awaited(
    row: Model | None,
    look: Callable[[], Model | None],
    is_under_way: str,
    late: type[Exception],
) -> Model | None:
    """Look for the row again until it is no longer under way, for a bounded time."""
    deadline = time.monotonic() + settings.API_MODEL_WAIT_SECONDS
    if row is None or not getattr(row, is_under_way):
        return row
    # Whoever waits holds a thread; half of them must stay for the others.
    if not _waiting.acquire(blocking=False):
        raise late
    try:
        while row is not None and getattr(row, is_under_way):
            if time.monotonic() >= deadline:
                raise late
            time.sleep(_POLL_SECONDS)
            row = look()
    finally:
        _waiting.release()
    return row


def _is_true(request: Request, name: str) -> bool:
    value = request.query_params.get(name, "false").lower()
    if value not in {"true", "1", "false", "0", ""}:
        raise ValidationError({name: ["Use true or false."]})
    return value in {"true", "1"}


def _no_step_file() -> Missing:
    return Missing("No STEP file", "A model is made of a STEP file; upload one.")


def _is_pinned(request: Request, file: PartFile | None) -> bool:
    """Whether the address names the bytes of the model that is there."""
    tag = request.query_params.get("v")
    return bool(file and file.model) and tag == file.model_tag


def _model(request: Request, file: PartFile) -> HttpResponse:
    cached = _FOREVER if _is_pinned(request, file) else NOT_WITHOUT_ASKING
    return _made(request, file.model.name, "model/gltf-binary", cached)


def _made(
    request: Request, stored_name: str, content_type: str, cached: str
) -> HttpResponse:
    """Answer with what was made of a file, or 304 to who has it already."""
    with _lost_is_missing():
        answer = delivery.made(request._request, stored_name, content_type)
    answer["Cache-Control"] = cached
    return answer


@contextmanager
def _lost_is_missing() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        logger.error("stored_file_lost name=%s", PurePosixPath(error.filename).name)
        raise Missing("File not found", "Its bytes are gone.") from error
