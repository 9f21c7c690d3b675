"""The API's views: request in, one call, answer out."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import conditional_page
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts import keys
from accounts.authentication import RateLimited
from parts import stats, workflow
from parts.errors import NotBackedUp
from parts.filters import PartFilter, sort
from parts.models import SORTABLE, Category, Part
from partsite import ratelimit

from . import answers, steps
from . import serializers as wire
from .exceptions import Missing
from .files import FileActions
from .pagination import EventList, PartList
from .permissions import MayRead, MayWrite, actor_of
from .steps import STEPS
from .wire import Private

_NOT_STORED = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "0",
}

_PART = {200: wire.PartDetailSerializer}
_SORTING = [
    OpenApiParameter("sort_by", enum=list(SORTABLE), description="or created_at"),
    OpenApiParameter("sort_order", enum=["asc", "desc"], description="or desc"),
]


def _step(word: str) -> Callable:
    """Make a method of the viewset the address of one of ``steps.STEPS``."""
    at = action(
        detail=True,
        methods=["post"],
        url_path=word,
        url_name=word,
        serializer_class=STEPS[word].serializer,
    )
    return lambda method: extend_schema(responses=_PART)(at(method))


class PartViewSet(Private, FileActions, GenericViewSet):
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
        """List parts, all of them unless a limit is asked for.

        Filters narrow, ``search`` looks into name, notes, subsystem, assigned,
        material and partId, in any case.
        """
        return self._listed(Part.objects.live())

    @extend_schema(
        parameters=[
            OpenApiParameter("category", location="path", enum=Category.values),
            *_SORTING,
        ],
        responses=wire.PartSerializer(many=True),
    )
    @action(detail=False, url_path="categories/<str:category>", url_name="category")
    def category(self, request: Request, category: str) -> Response:
        """List the parts of one category."""
        if category not in Category.values:
            words = ", ".join(Category.values)
            raise ValidationError({"category": [f"Use one of: {words}."]})
        return self._listed(Part.objects.on_board(category))

    @extend_schema(
        request=wire.PartSerializer, responses={201: wire.PartDetailSerializer}
    )
    def create(self, request: Request) -> Response:
        """Hand in a part.

        It starts in review unless category and status say otherwise. ``partId``
        is generated, whatever is sent.
        """
        part = steps.create(actor_of(request), request.data)
        address = wire.address_of(part.pk)
        return self._answer(part, status=201, headers={"Location": address})

    def retrieve(self, request: Request, pk: int) -> Response:
        """Read one part."""
        return self._answer(self.get_object())

    @extend_schema(
        request=wire.PartSerializer(partial=True), responses=wire.PartDetailSerializer
    )
    def update(self, request: Request, pk: int) -> Response:
        """Change what is sent and nothing else; as PATCH.

        ``status``, ``category`` and ``assigned`` are read as the step they stand
        for. ``miscInfo`` alone is the full new set, beside other fields it is
        added to what stands.
        """
        return self.partial_update(request, pk)

    @extend_schema(
        request=wire.PartSerializer(partial=True), responses=wire.PartDetailSerializer
    )
    def partial_update(self, request: Request, pk: int) -> Response:
        """Change what is sent and nothing else; as PUT.

        See PUT.
        """
        part = self.get_object()
        told = self._told(part, partial=True)
        return self._answer(workflow.update(part, actor=actor_of(request), **told))

    @extend_schema(responses={200: answers.MessageSerializer})
    def destroy(self, request: Request, pk: int) -> Response:
        """Delete a part and its files.

        It moves to the trash, from where a lead can restore it for 30 days.
        """
        with steps.unread(self.kwargs["pk"]) as part:
            workflow.trash(part, actor=actor_of(request))
        return Response({"message": "Part deleted successfully"})

    # --- Steps ----------------------------------------------------------------

    @_step("approve")
    def approve(self, request: Request, pk: int) -> Response:
        """Pass a part from review to the lane of its type."""
        return self._taken("approve")

    @_step("send-back")
    def send_back(self, request: Request, pk: int) -> Response:
        """Return a part in review to who handed it in, with the reason."""
        return self._taken("send-back")

    @_step("assign")
    def assign(self, request: Request, pk: int) -> Response:
        """Give a part in production to somebody and start the clock.

        Of many who ask at the same moment exactly one gets it.
        """
        return self._taken("assign")

    @_step("unclaim")
    def unclaim(self, request: Request, pk: int) -> Response:
        """Let a part go; what was in progress is then already started."""
        return self._taken("unclaim")

    @_step("complete")
    def complete(self, request: Request, pk: int) -> Response:
        """Finish a part; ``miscInfo.storage`` says where it lies."""
        return self._taken("complete")

    @_step("revert")
    def revert(self, request: Request, pk: int) -> Response:
        """Bring a completed part back to the lane of its type."""
        return self._taken("revert")

    # --- History --------------------------------------------------------------

    @extend_schema(responses=wire.EventSerializer(many=True))
    @action(detail=True, pagination_class=EventList, filter_backends=[])
    def events(self, request: Request, pk: int) -> Response:
        """Tell a part's history, newest first."""
        page = self.paginate_queryset(self.get_object().events.all())
        return self.get_paginated_response(wire.EventSerializer(page, many=True).data)

    # --- All parts ------------------------------------------------------------

    @extend_schema(responses=answers.CountsSerializer)
    @action(detail=False, pagination_class=None, filter_backends=[])
    def stats(self, request: Request) -> Response:
        """Count parts."""
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
        """Count pieces, and the hours from claim to completion."""
        return Response(stats.pieces())

    @extend_schema(responses=answers.LeaderboardSerializer)
    @action(detail=False, pagination_class=None, filter_backends=[])
    def leaderboard(self, request: Request) -> Response:
        """Rank people by the completed parts they worked on.

        1 point for who had a part at the end, or -1 if it was made wrong, and 0.5
        for everybody else who had worked on it.
        """
        return Response({"leaderboard": stats.scores()})

    @extend_schema(responses={200: answers.WipedSerializer})
    @action(detail=False, methods=["post"], serializer_class=wire.WipeSerializer)
    def wipe(self, request: Request) -> Response:
        """Delete every part and every file.

        ``password`` is that of the key's owner, or the key itself. A lead can
        restore everything for 30 days. A backup of the database is made first;
        the header ``X-Backup`` names it.
        """
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
        archive = _backed_up()
        count = workflow.wipe(actor=actor)
        return Response(
            {"message": "All parts deleted successfully", "count": count},
            headers={"X-Backup": archive},
        )

    # --- How it is done -------------------------------------------------------

    def dispatch(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        answer = super().dispatch
        # Only what is read can be unchanged.
        if request.method == "GET":
            answer = conditional_page(answer)
            # These are for writes, and Django refuses them in HTML.
            for name in ("HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE"):
                request.META.pop(name, None)
        return answer(request, *args, **kwargs)

    def get_object(self) -> Part:
        return get_object_or_404(Part.objects.live().with_files(), pk=self.kwargs["pk"])

    def _taken(self, word: str) -> Response:
        request, number = self.request, self.kwargs["pk"]
        actor = actor_of(request)
        part = steps.take(STEPS[word], number, actor, lambda: request.data)
        return self._answer(part)

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
        return Response(wire.PartDetailSerializer().to_representation(part), **kwargs)


def _backed_up() -> str:
    """Back the database up before everything goes; return the archive's name.

    The files stay where they are for 30 days, so they need not be copied now.

    Raises:
        NotBackedUp: it cannot be done, so nothing is to be deleted.
    """
    from backups import errors, making  # of many processes hardly one ever does

    try:
        made = making.make(reason=making.Reason.BEFORE_WIPE, with_files=False)
    except errors.BackupError as error:
        raise NotBackedUp(
            "Nothing was deleted, since no backup could be made before. "
            "Tell whoever runs the server."
        ) from error
    return made.path.name


class KeyCheck(Private, APIView):
    """Tell whether a key is good; asked often, by clients that guess.

    Once in two seconds for each pair of address and key.
    """

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


class NothingHere(Private, APIView):
    """Every other address under /api/, whoever asks and however."""

    schema = None

    def initial(self, *args, **kwargs) -> None:
        raise Missing("Not found", "There is nothing at this address.")
