"""A serializer, generic views and their routes."""

from django.urls import path
from django.utils import timezone
from rest_framework import generics, serializers
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response

from .models import Part, Season

SHOP = ("cnc", "hand", "misc")


class MiscInfo(serializers.JSONField):
    def to_representation(self, part: Part) -> dict:
        columns = {
            "storage": part.storage_location,
            "reviewer": part.reviewer,
            "serviceMethod": part.service_method,
            "completedIncorrectly": part.completed_incorrectly,
            "completed_at": part.completed_at and part.completed_at.isoformat(),
        }
        return part.extra | {name: value for name, value in columns.items() if value}

    def to_internal_value(self, data: dict) -> dict:
        return {"extra": super().to_internal_value(data)}


class PartSerializer(serializers.ModelSerializer):
    partId = serializers.CharField(source="code", read_only=True)
    materialThickness = serializers.CharField(
        source="material_thickness", max_length=50, required=False, allow_blank=True
    )
    onshapeUrl = serializers.URLField(
        source="onshape_url", max_length=500, required=False, allow_blank=True
    )
    miscInfo = MiscInfo(source="*", required=False)
    claimedDate = serializers.DateTimeField(source="claimed_date", read_only=True)
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)
    thumbnail = serializers.SerializerMethodField()
    priority = serializers.CharField(source="get_priority_display", read_only=True)
    dueDate = serializers.DateField(source="due_date", read_only=True)
    storage = serializers.CharField(source="storage_location", read_only=True)
    blockedReason = serializers.CharField(source="blocked_reason", read_only=True)
    season = serializers.StringRelatedField()

    class Meta:
        model = Part
        fields = [
            *("id", "uuid", "partId", "type", "name", "subsystem", "material"),
            *("materialThickness", "amount", "assigned", "status", "category"),
            *("notes", "file", "onshapeUrl", "miscInfo", "claimedDate", "createdAt"),
            *("updatedAt", "thumbnail", "priority", "dueDate", "made", "scrapped"),
            *("storage", "blockedReason", "season"),
        ]
        read_only_fields = ["assigned", "status", "file", "made", "scrapped"]

    def to_representation(self, part: Part) -> dict:
        told = super().to_representation(part)
        return {name: None if value == "" else value for name, value in told.items()}

    def get_thumbnail(self, part: Part) -> str | None:
        if part.current_step is None or not part.current_step.thumbnail:
            return None
        tag = part.current_step.thumbnail.rpartition("/")[2][:16]
        return f"/api/parts/{part.pk}/thumbnail/{tag}.png"


class Page(LimitOffsetPagination):
    def get_paginated_response(self, data: list) -> Response:
        told = {"parts": data, "total": self.count}
        return Response(told | {"limit": self.limit, "offset": self.offset})


class PartList(generics.ListCreateAPIView):
    serializer_class = PartSerializer
    pagination_class = Page
    filterset_fields = ["status", "assigned"]
    search_fields = ["name", "notes", "subsystem", "assigned", "material", "code"]

    def get_queryset(self):
        parts = Part.objects.filter(deleted_at=None, **self.kwargs)
        return parts.select_related("season", "current_step").order_by(
            "-created_at", "-id"
        )

    def perform_create(self, serializer: PartSerializer) -> None:
        is_ready = serializer.validated_data.get("category") in SHOP
        serializer.save(
            status="Reviewed" if is_ready else "Pending",
            season=Season.objects.filter(archived=False).latest("created_at"),
        )


class PartDetail(generics.RetrieveAPIView):
    queryset = Part.objects.filter(deleted_at=None).select_related(
        "season", "current_step"
    )
    serializer_class = PartSerializer


class Step(generics.GenericAPIView):
    queryset = PartDetail.queryset
    serializer_class = PartSerializer

    def post(self, request: Request, pk: int) -> Response:
        part = self.get_object()
        if not self.may_take(part):
            return Response({"detail": "Not from where it stands."}, status=409)
        self.take(part, request.data)
        part.save()
        return Response(self.get_serializer(part).data)


class Assign(Step):
    def may_take(self, part: Part) -> bool:
        return part.category in SHOP and not part.assigned

    def take(self, part: Part, told: dict) -> None:
        part.assigned = told["assigned"]
        part.claimed_date = timezone.now()
        part.status = "In Progress"
        if part.type == "hand":
            worker = {
                "name": part.assigned,
                "timestamp": part.claimed_date.isoformat(),
            }
            part.extra.setdefault("handWorkers", []).append(worker)


class Complete(Step):
    def may_take(self, part: Part) -> bool:
        return part.category in SHOP

    def take(self, part: Part, told: dict) -> None:
        extra = dict(told["miscInfo"])
        part.storage_location = extra.pop("storage", "")
        part.extra |= extra
        part.category = "completed"
        part.status = "Completed"
        part.completed_at = timezone.now()
        part.made = max(part.made, part.amount)
        part.blocked_reason = ""


urlpatterns = [
    path("api/parts/", PartList.as_view()),
    path("api/parts/categories/<category>", PartList.as_view()),
    path("api/parts/<int:pk>", PartDetail.as_view()),
    path("api/parts/<int:pk>/assign", Assign.as_view()),
    path("api/parts/<int:pk>/complete", Complete.as_view()),
]
