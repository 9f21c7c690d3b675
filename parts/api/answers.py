"""The shapes of answers that are neither a part nor of a part."""

from collections.abc import Iterable

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from parts.models import Category, Type
from parts.stats import CLASSES

from .fields import Moment


def _count() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0)


def _count_each(name: str, words: Iterable[str]) -> serializers.Serializer:
    return inline_serializer(name, {word: _count() for word in words})


class CountsSerializer(serializers.Serializer):
    """How many parts there are."""

    by_category = _count_each("PartsByCategory", Category.values)
    by_status = _count_each("PartsByStatus", ["pending", "in_progress", "completed"])
    assignment = _count_each("PartsByAssignment", ["assigned", "unassigned"])
    total = _count()


class ContributorSerializer(serializers.Serializer):
    name = serializers.CharField()
    count = _count()


class PiecesSerializer(serializers.Serializer):
    """How many pieces there are, and how long completed ones took."""

    total_parts = _count()
    completed_parts = _count()
    in_progress_parts = _count()
    average_completion_time = serializers.FloatField(
        allow_null=True,
        min_value=0,
        help_text="Hours from claim to completion, weighted by pieces.",
    )
    completion_time_distribution = _count_each("PiecesByCompletionTime", CLASSES)
    by_type = _count_each("PiecesByType", Type.values)
    by_category = _count_each("PiecesByCategory", Category.values)
    top_contributors = ContributorSerializer(many=True)


class ScoreSerializer(serializers.Serializer):
    name = serializers.CharField()
    score = serializers.FloatField()


class LeaderboardSerializer(serializers.Serializer):
    """Who finished most, best first."""

    leaderboard = ScoreSerializer(many=True)


class MessageSerializer(serializers.Serializer):
    message = serializers.CharField()


class WipedSerializer(MessageSerializer):
    count = _count()


class AuthenticatedSerializer(serializers.Serializer):
    status = serializers.CharField()
    message = serializers.CharField()
    timestamp = Moment()
