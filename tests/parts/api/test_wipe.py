"""Deleting everything: a lead's key and a proof that it is meant."""

import pytest

from accounts.models import Role, Scope
from backups import checking
from parts import workflow
from parts.models import Part, PartEvent
from tests.factories import make_file, make_key, make_part, make_user

from .conftest import Script, closing

WIPE = "/api/parts/wipe"
PASSWORD = "a long password of a lead"  # noqa: S105


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    """Have backups lie in a folder of this test's own."""
    settings.BACKUP_DIR = tmp_path / "backups"
    return settings.BACKUP_DIR


@pytest.fixture
def owner():
    return make_user("chief", name="Chief", role=Role.LEAD, password=PASSWORD)


@pytest.fixture
def lead_api(owner):
    """A script with a lead's own lead key."""
    _, text = make_key(scope=Scope.LEAD, owner=owner, name="Wiper")
    yield from closing(Script(text))


@pytest.fixture
def parts():
    first, second = make_part(), make_part(category="completed")
    make_file(first)
    return [first, second]


def test_the_owners_password_deletes_every_part_and_file(lead_api, parts):
    answer = lead_api.post(WIPE, {"password": PASSWORD})
    assert (answer.status_code, answer.json()) == (
        200,
        {"message": "All parts deleted successfully", "count": 2},
    )
    assert lead_api.get("/api/parts/").json()["total"] == 0
    assert lead_api.get("/api/parts/stats").json()["total"] == 0
    for part in parts:
        for rest in ("", "/file", "/download", "/files", "/events"):
            assert lead_api.get(f"/api/parts/{part.pk}{rest}").status_code == 404


def test_the_same_key_in_the_password_does_it_too(lead_api, parts):
    answer = lead_api.post(WIPE, {"password": lead_api.key})
    assert answer.json()["count"] == 2


def test_a_lead_key_of_nobody_proves_itself_by_itself_alone(parts):
    script = Script(make_key(scope=Scope.LEAD)[1])
    assert script.post(WIPE, {"password": PASSWORD}).status_code == 403
    assert script.post(WIPE, {"password": script.key}).json()["count"] == 2


@pytest.mark.parametrize(
    "body",
    [{}, {"password": ""}, {"password": None}, {"password": "guess"}]
    + [{"password": f" {PASSWORD} "}, {"password": "pässwörd"}],
)
def test_a_wrong_password_deletes_nothing(lead_api, parts, body):
    answer = lead_api.post(WIPE, body)
    assert answer.status_code == 403
    assert answer.json() == {"error": "Wrong password.", "details": "Wrong password."}
    assert Part.objects.live().count() == 2


@pytest.mark.parametrize("password", [5, True, ["x"], {"a": 1}])
def test_a_password_that_is_no_text_is_400(lead_api, parts, password):
    answer = lead_api.post(WIPE, {"password": password})
    assert (answer.status_code, answer.json()["field"]) == (400, "password")
    assert Part.objects.live().count() == 2


def test_another_key_of_the_same_lead_is_no_proof(lead_api, owner, parts):
    other = make_key(scope=Scope.LEAD, owner=owner)[1]
    assert lead_api.post(WIPE, {"password": other}).status_code == 403


def test_no_other_key_deletes_everything(api, reader, member_api, owner, parts):
    write_key_of_a_lead = Script(make_key(scope=Scope.WRITE, owner=owner)[1])
    for script in (api, reader, member_api, write_key_of_a_lead):
        for password in (script.key, PASSWORD):
            assert script.post(WIPE, {"password": password}).status_code == 403
    assert Part.objects.live().count() == 2


def test_a_lead_key_of_somebody_who_is_no_lead_any_more_is_refused(
    lead_api, owner, parts
):
    owner.role = Role.MEMBER
    owner.save()
    assert lead_api.post(WIPE, {"password": PASSWORD}).status_code == 403


def test_a_signed_in_lead_needs_the_password_too(client, owner, member, parts):
    client.force_login(owner)
    wrong = client.post(WIPE, {"password": "x"}, content_type="application/json")
    assert wrong.status_code == 403
    right = {"password": PASSWORD}
    answer = client.post(WIPE, right, content_type="application/json")
    assert answer.json()["count"] == 2
    client.force_login(member)
    answer = client.post(WIPE, right, content_type="application/json")
    assert answer.status_code == 403


def test_a_stranger_is_asked_for_a_key(anonymous, parts):
    assert anonymous.post(WIPE, {"password": PASSWORD}).status_code == 401


def test_guessing_is_slowed_down_before_a_guess_is_looked_at(lead_api, parts, clock):
    for _ in range(5):
        assert lead_api.post(WIPE, {"password": "guess"}).status_code == 403
    answer = lead_api.post(WIPE, {"password": PASSWORD})
    assert (answer.status_code, answer.json()["error"]) == (429, "Rate limited")
    assert answer["Retry-After"] == "2"
    assert Part.objects.live().count() == 2
    clock.sleep(2)
    assert lead_api.post(WIPE, {"password": PASSWORD}).status_code == 200


def test_each_part_tells_who_deleted_it_and_can_be_restored(lead_api, lead, parts):
    lead_api.post(WIPE, {"password": PASSWORD})
    for part in parts:
        event = PartEvent.objects.filter(part=part).first()
        assert (event.actor_name, event.verb) == ("Wiper", "trashed")
        workflow.restore(part, actor=lead)
    assert lead_api.get("/api/parts/").json()["total"] == 2
    assert lead_api.get(f"/api/parts/{parts[0].pk}/file").status_code == 200


def test_ids_are_not_given_again(lead_api, parts):
    lead_api.post(WIPE, {"password": PASSWORD})
    body = {"subsystem": "a", "material": "b"}
    assert lead_api.post("/api/parts/", body).json()["id"] > parts[1].pk


@pytest.mark.parametrize("rows", [1, 30])
def test_it_costs_the_same_for_any_number_of_parts(
    lead_api, rows, django_assert_max_num_queries
):
    for _ in range(rows):
        make_part()
    lead_api.get("/api/parts/stats")
    with django_assert_max_num_queries(10):
        answer = lead_api.post(WIPE, {"password": lead_api.key})
    assert answer.json()["count"] == rows


@pytest.mark.django_db(transaction=True)
def test_the_database_is_backed_up_first(lead_api, parts, folder):
    answer = lead_api.post(WIPE, {"password": PASSWORD})
    (path,) = folder.iterdir()
    assert answer["X-Backup"] == path.name
    assert path.name.endswith("-before-wipe.tar.gz")
    contents = checking.check(path)
    assert (contents.tables["parts.part"], contents.with_files) == (2, False)


def test_without_its_backup_nothing_is_deleted(lead_api, parts, folder):
    folder.touch()  # no folder
    answer = lead_api.post(WIPE, {"password": PASSWORD})
    assert answer.status_code == 503
    assert answer.json()["code"] == "not_backed_up"
    assert "Nothing was deleted" in answer.json()["error"]
    assert Part.objects.live().count() == 2
