"""A serializer, two generic views and their routes."""

from django.urls import path
from rest_framework import generics, serializers
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.response import Response

from .models import Part


class PartSerializer(serializers.ModelSerializer):
    partId = serializers.CharField(source="code")
    materialThickness = serializers.CharField(source="material_thickness")
    onshapeUrl = serializers.CharField(source="onshape_url")
    miscInfo = serializers.SerializerMethodField()
    claimedDate = serializers.DateTimeField(source="claimed_date")
    createdAt = serializers.DateTimeField(source="created_at")
    updatedAt = serializers.DateTimeField(source="updated_at")
    thumbnail = serializers.SerializerMethodField()
    priority = serializers.CharField(source="get_priority_display")
    dueDate = serializers.DateField(source="due_date")
    storage = serializers.CharField(source="storage_location")
    blockedReason = serializers.CharField(source="blocked_reason")
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

    def to_representation(self, part: Part) -> dict:
        told = super().to_representation(part)
        return {name: None if value == "" else value for name, value in told.items()}

    def get_miscInfo(self, part: Part) -> dict:
        columns = {
            "storage": part.storage_location,
            "reviewer": part.reviewer,
            "serviceMethod": part.service_method,
            "completedIncorrectly": part.completed_incorrectly,
            "completed_at": part.completed_at and part.completed_at.isoformat(),
        }
        return part.extra | {name: value for name, value in columns.items() if value}

    def get_thumbnail(self, part: Part) -> str | None:
        if part.current_step is None or not part.current_step.thumbnail:
            return None
        tag = part.current_step.thumbnail.rpartition("/")[2][:16]
        return f"/api/parts/{part.pk}/thumbnail/{tag}.png"


class Page(LimitOffsetPagination):
    def get_paginated_response(self, data: list) -> Response:
        told = {"parts": data, "total": self.count}
        return Response(told | {"limit": self.limit, "offset": self.offset})


class PartList(generics.ListAPIView):
    serializer_class = PartSerializer
    pagination_class = Page
    filterset_fields = ["status", "assigned"]
    search_fields = ["name", "notes", "subsystem", "assigned", "material", "code"]

    def get_queryset(self):
        parts = Part.objects.filter(deleted_at=None, **self.kwargs)
        return parts.select_related("season", "current_step").order_by(
            "-created_at", "-id"
        )


class PartDetail(generics.RetrieveAPIView):
    queryset = Part.objects.filter(deleted_at=None).select_related(
        "season", "current_step"
    )
    serializer_class = PartSerializer


urlpatterns = [
    path("api/parts/", PartList.as_view()),
    path("api/parts/categories/<category>", PartList.as_view()),
    path("api/parts/<int:pk>", PartDetail.as_view()),
]
