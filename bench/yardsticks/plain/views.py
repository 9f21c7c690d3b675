"""A serializer, two generic views and their routes."""

from django.urls import path
from rest_framework import generics, serializers

from .models import Part


class PartSerializer(serializers.ModelSerializer):
    class Meta:
        model = Part
        exclude = ["deleted_at"]


class PartList(generics.ListAPIView):
    serializer_class = PartSerializer
    filterset_fields = ["status", "assigned"]
    search_fields = ["name", "notes", "subsystem", "assigned", "material", "code"]

    def get_queryset(self):
        parts = Part.objects.filter(deleted_at=None).order_by("-created_at", "-id")
        return parts.filter(**self.kwargs)


class PartDetail(generics.RetrieveAPIView):
    queryset = Part.objects.filter(deleted_at=None)
    serializer_class = PartSerializer


urlpatterns = [
    path("api/parts/", PartList.as_view()),
    path("api/parts/categories/<category>", PartList.as_view()),
    path("api/parts/<int:pk>", PartDetail.as_view()),
]
