"""Rows say what the serializer says of the same parts, however odd."""

import json
from datetime import UTC, datetime

import pytest
from django.urls import set_script_prefix
from hypothesis import example, given
from hypothesis import strategies as st
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from parts.api.rows import Rows
from parts.api.serializers import (
    ModelInfoSerializer,
    PartDetailSerializer,
    PartSerializer,
)
from parts.models import Part, PartFile, Season
from tests.factories import FACTS, make_converted, make_file, make_part

pytestmark = pytest.mark.django_db

# What every database can keep.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
TIME = st.datetimes(
    datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC)
) | st.just(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
WHOLE = st.integers(0, 2**31 - 1)
SCALAR = TEXT | st.booleans() | st.integers() | st.floats(-1e300, 1e300)
EXTRA = st.dictionaries(
    TEXT | st.sampled_from(["storage", "reviewer", "completed_at"]),
    SCALAR | st.lists(SCALAR, max_size=3) | st.dictionaries(TEXT, SCALAR, max_size=3),
    max_size=3,
)
COLUMNS = st.fixed_dictionaries(
    {
        "name": TEXT.map(lambda text: text[:200]),
        "subsystem": TEXT.map(lambda text: text[:100]),
        "material": st.sampled_from(
            ["", '6061 "T6"', "Stahl\\ü", "\u2028\u2029</script>"]
        ),
        "assigned": st.sampled_from(["", "Zoë", "🔩"]),
        "notes": TEXT | TEXT.map(lambda text: (text * 20_000)[:20_000]),
        "file": st.sampled_from(["", "plate.step"]),
        "storage_location": TEXT.map(lambda text: text[:200]),
        "reviewer": st.sampled_from(["", "Kim"]),
        "service_method": st.sampled_from(["", "Laser"]),
        "blocked_reason": st.sampled_from(["", 'Too "thin"\n\t']),
        "completed_incorrectly": st.booleans(),
        "amount": st.integers(1, 2**31 - 1),
        "made": WHOLE,
        "scrapped": WHOLE,
        "priority": st.integers(0, 3),
        "due_date": st.none() | st.dates(),
        "created_at": TIME,
        "updated_at": TIME,
        "claimed_date": st.none() | TIME,
        "completed_at": st.none() | TIME,
        "extra": EXTRA,
    }
)


def _by_serializer(serializer) -> list:
    return json.loads(JSONRenderer().render(serializer.data))


def _by_rest_framework(serializer: serializers.Serializer, instance) -> dict:
    told = serializers.Serializer.to_representation(serializer, instance)
    return json.loads(JSONRenderer().render(told))


def _by_rows(serializer_class, parts=None) -> list:
    rows = Rows(serializer_class(), Part)
    parts = Part.objects.order_by("pk") if parts is None else parts
    return [json.loads(text) for text in rows.read(rows.statement(parts))]


@given(COLUMNS)
@example({"extra": {"big": 2**70, "views": {"files": {}, "updated_at": "x"}}})
def test_a_row_says_what_the_serializer_says(columns):
    part = Part.objects.first() or make_part()
    Part.objects.filter(pk=part.pk).update(**columns)
    part.refresh_from_db()
    (told,) = _by_rows(PartDetailSerializer)
    assert told == _by_serializer(PartDetailSerializer(part))
    assert told == _by_rest_framework(PartDetailSerializer(), part)
    assert list(told) == list(PartDetailSerializer().fields)


def test_a_list_says_what_the_serializer_says():
    season = Season.objects.create(name='Öhm "26"')
    make_converted(make_part(type="hand", season=season))
    make_file(make_part(category="cnc"))
    make_part(category="completed")
    parts = Part.objects.with_pictures().order_by("pk")
    assert _by_rows(PartSerializer) == _by_serializer(PartSerializer(parts, many=True))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"facts": FACTS | {"volume_mm3": None, "warnings": ['ä "b"']}},
        {"state": "running"},
        {"state": "failed", "error": "It is\nbroken.", "model": "", "thumbnail": ""},
        {"thumbnail": "bare", "model": "models/00/short.glb"},
        {"state": "done", "facts": None},
    ],
)
def test_a_model_is_told_as_the_serializer_tells_it(fields):
    part = make_part()
    make_converted(part)
    PartFile.objects.filter(part=part).update(**fields)
    part = Part.objects.get()
    (told,) = _by_rows(PartDetailSerializer)
    assert told == _by_serializer(PartDetailSerializer(part))
    of_file = _by_rest_framework(ModelInfoSerializer(), part.current_step)
    assert told["model"] == of_file
    assert told["model"]["revision"] == 1


def test_addresses_begin_with_the_path_the_site_has():
    make_converted(make_part())
    set_script_prefix("/stage/parts/0/")
    try:
        (told,) = _by_rows(PartDetailSerializer)
        assert told == _by_serializer(PartDetailSerializer(Part.objects.get()))
    finally:
        set_script_prefix("/")
    assert told["thumbnail"].startswith("/stage/parts/0/api/parts/")
    assert _by_rows(PartDetailSerializer)[0]["thumbnail"].startswith("/api/parts/")


def test_no_rows_are_no_statement():
    rows = Rows(PartSerializer(), Part)
    assert rows.statement(Part.objects.all()[:0]) is None
    assert rows.read(None) == []


def test_a_field_that_nobody_can_read_out_of_a_row_is_an_error_at_the_start():
    class Unknown(serializers.Serializer):
        name = serializers.SlugRelatedField("name", read_only=True)

    with pytest.raises(TypeError, match="How a column becomes SlugRelatedField"):
        Rows(Unknown(), Part)
