"""Instances that are made quickly are those that Django makes."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from parts.models import Part, PartEvent, Season
from partsite.instances import Quick
from tests.factories import make_converted, make_draft, make_key, make_part

pytestmark = pytest.mark.django_db
QUICK = [model for model in apps.get_models() if issubclass(model, Quick)]


@pytest.fixture
def part(client, member) -> Part:
    """Have a row of each model."""
    client.force_login(member)
    season = Season.objects.create(name="Zoë’s 2026")
    part = make_part(season=season, extra={"a": [1, None]}, name="")
    make_converted(part)
    PartEvent.objects.create(part=part, actor=member, verb="created")
    make_key(owner=member)
    make_draft(member, part_uuid=part.uuid)
    return part


def _held(made: models.Model) -> dict:
    return {name: value for name, value in vars(made).items() if name != "_state"}


def _slow(model: type[models.Model], names: list[str], values: list) -> models.Model:
    return models.Model.from_db.__func__(model, "default", names, values)


# --- Of rows ----------------------------------------------------------------------


@pytest.mark.parametrize("model", QUICK)
def test_an_instance_of_a_row_is_as_django_makes_it(part, model):
    names = [field.attname for field in model._meta.concrete_fields]
    row = [*model.objects.values_list(*names).first()]
    quick, slow = model.from_db("default", names, row), _slow(model, names, row)
    assert _held(quick) == _held(slow)
    assert quick._state.fields_cache == slow._state.fields_cache == {}
    assert vars(quick._state) == vars(slow._state)
    assert quick == slow == model.objects.first()


def test_what_is_left_out_of_a_row_is_read_when_it_is_asked_for(part):
    names = ["id", "name"]
    quick = Part.from_db("default", names, [part.pk, ""])
    assert _held(quick) == _held(_slow(Part, names, [part.pk, ""]))
    assert quick.get_deferred_fields() == part.get_deferred_fields() | {
        field.attname for field in Part._meta.concrete_fields
    } - {*names}
    with CaptureQueriesContext(connection) as queries:
        assert (quick.subsystem, quick.season_id) == (part.subsystem, part.season_id)
    assert len(queries) == 2
    Part.objects.update(name="new")
    quick.refresh_from_db()
    assert quick.name == "new"


def test_what_is_changed_and_saved_is_as_ever(part):
    [found] = Part.objects.select_related("season")
    other = Season.objects.create(name="2027")
    found.season_id = other.pk
    assert found.season == other  # and not what was joined
    found.save()
    assert Part.objects.get().season == other
    file = part.files.get()
    assert file.content.name == file.content.field.value_from_object(file)
    with file.content.open() as content:
        assert content.read()


def test_a_row_of_too_many_columns_is_refused():
    with pytest.raises(ValueError, match="zip"):
        Part.from_db("default", ["id"], [1, "A"])


def test_whoever_wants_to_be_told_of_instances_is_told(part):
    told = []

    def note(instance: Part, **kwargs) -> None:
        told.append(instance)

    post_init.connect(note, sender=Part)
    try:
        [found] = Part.objects.all()
    finally:
        post_init.disconnect(note, sender=Part)
    assert told == [found]


# --- Anew -------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{}, {"name": "A", "amount": 3}])
def test_an_instance_that_is_begun_is_as_the_constructor_makes_it(given):
    at = dict.fromkeys(("created_at", "updated_at"), datetime(2026, 1, 1, tzinfo=UTC))
    known = {**at, **given, "uuid": UUID(int=1)}
    season = Season.objects.create(name="2026")
    begun, made = Part.begun(**known, season=season), Part(**known, season=season)
    assert _held(begun) == _held(made)
    assert begun._state.adding
    assert begun.extra is not Part.begun().extra
    assert begun.uuid != Part.begun().uuid != Part.begun().uuid
    with CaptureQueriesContext(connection) as queries:
        assert begun.season == season
    assert not queries
    by_number = Part.begun(**known, season_id=season.pk)
    assert by_number.season == season
    assert _held(Part.begun(**known, season=None)) == _held(Part(**known))


def test_an_instance_is_begun_with_fields_alone():
    with pytest.raises(TypeError, match=r"^Part has no colour, queue\.$"):
        Part.begun(name="A", colour="red", queue=1)
