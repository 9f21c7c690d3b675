"""What is refused on the way in, field by field: types are not guessed."""

import json

import pytest

from parts.api.serializers import (
    AssignSerializer,
    PartDetailSerializer,
    PartSerializer,
)
from parts.models import Part
from tests.factories import make_part

PARTS = "/api/parts/"
NEW = {"subsystem": "Intake", "material": "6061-T6"}
NO_TEXT = [5, 0, 1.5, True, False, [], ["x"], {}, {"a": 1}]
TEXTS = {
    "name": 200,
    "subsystem": 100,
    "material": 200,
    "materialThickness": 50,
    "assigned": 100,
    "notes": 20_000,
    "blockedReason": 500,
}


def _refused(answer, field, *messages):
    assert answer.status_code == 400
    body = answer.json()
    assert body["error"] == "Validation Error"
    assert body["field"] == field
    assert list(body["errors"]) == [field]
    assert body["details"] == body["errors"][field][0]
    if messages:
        assert body["errors"][field] == list(messages)
    assert Part.objects.count() == 0


@pytest.mark.parametrize("field", [*TEXTS, "type", "status", "category", "season"])
@pytest.mark.parametrize("value", NO_TEXT)
def test_a_text_is_no_other_type(api, field, value):
    answer = api.post(PARTS, {**NEW, field: value})
    _refused(answer, field, "Not a valid string.")


@pytest.mark.parametrize("field", ["onshapeUrl", "file", "priority"])
@pytest.mark.parametrize("value", NO_TEXT)
def test_an_address_a_file_and_a_priority_are_texts(api, field, value):
    _refused(api.post(PARTS, {**NEW, field: value}), field, "Not a valid string.")


@pytest.mark.parametrize(("field", "longest"), TEXTS.items())
def test_a_text_is_as_long_as_its_column(api, field, longest):
    assert api.post(PARTS, {**NEW, field: "ö" * longest}).status_code == 201
    Part.objects.all().delete()
    _refused(
        api.post(PARTS, {**NEW, field: "ö" * (longest + 1)}),
        field,
        f"Ensure this field has no more than {longest} characters.",
    )


@pytest.mark.parametrize("field", [*TEXTS, "onshapeUrl", "file", "season"])
@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "\udfff"])
def test_characters_that_no_database_takes_are_refused(api, field, text):
    answer = _raw(api, json.dumps({**NEW, field: text}))
    _refused(answer, field)
    assert "characters are not allowed" in str(answer.json()["errors"])


@pytest.mark.parametrize("field", ["type", "status", "category", "priority"])
@pytest.mark.parametrize("word", ["x", "cnc\ud800", "\x00", "完了", "x" * 10_000])
def test_a_word_is_one_of_some_and_is_not_repeated(api, field, word):
    answer = _raw(api, json.dumps({**NEW, field: word}))
    _refused(answer, field)
    assert answer.json()["details"].startswith("Use one of: ")
    assert len(answer.content) < 500


def test_a_refused_word_is_told_the_right_ones(api):
    answer = api.post(PARTS, {**NEW, "type": "lathe"})
    _refused(answer, "type", "Use one of: cnc, hand, misc.")
    answer = api.post(PARTS, {**NEW, "status": "pending"})
    message = (
        "Use one of: Pending, Reviewed, Approved, In Progress, Already Started, "
        "Completed, Cancelled."
    )
    _refused(answer, "status", message)


@pytest.mark.parametrize("word", ["CNC", "cnc", "Cnc", " cNC "])
def test_a_type_is_taken_in_any_case(api, word):
    assert api.post(PARTS, {**NEW, "type": word}).json()["type"] == "cnc"


@pytest.mark.parametrize("value", [None, "", "   "])
@pytest.mark.parametrize("field", ["subsystem", "material"])
def test_subsystem_and_material_may_not_be_blank_on_create(api, field, value):
    _refused(
        api.post(PARTS, {**NEW, field: value}), field, "This field may not be blank."
    )


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (1, 1),
        (2_147_483_647, 2_147_483_647),
        ("3", 3),
        (" 4 ", 4),
        (2.0, 2),
        ("", 1),
        ("  ", 1),
        (None, 1),
    ],
)
def test_an_amount_is_a_whole_number_or_a_string_of_one(api, value, amount):
    answer = api.post(PARTS, {**NEW, "amount": value})
    assert (answer.status_code, answer.json()["amount"]) == (201, amount)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "Ensure this value is greater than or equal to 1."),
        (-1, "Ensure this value is greater than or equal to 1."),
        ("-1", "Ensure this value is greater than or equal to 1."),
        (2_147_483_648, "Ensure this value is less than or equal to 2147483647."),
        (10**40, "Ensure this value is less than or equal to 2147483647."),
        (2.5, "A whole number is needed."),
        (True, "A whole number is needed."),
        (False, "A whole number is needed."),
        ("2.5", "A whole number is needed."),
        ("2.0", "A whole number is needed."),
        ("two", "A whole number is needed."),
        ("1e3", "A whole number is needed."),
        ("0x10", "A whole number is needed."),
        ("1_000", "A whole number is needed."),
        ("٣", "A whole number is needed."),
        ("9" * 5000, "A whole number is needed."),
        ([], "A whole number is needed."),
        ([2], "A whole number is needed."),
        ({}, "A whole number is needed."),
    ],
)
def test_an_amount_is_nothing_else(api, value, message):
    _refused(api.post(PARTS, {**NEW, "amount": value}), "amount", message)


@pytest.mark.parametrize("field", ["made", "scrapped"])
def test_pieces_are_counted_from_nought(api, field):
    assert api.post(PARTS, {**NEW, field: 0}).status_code == 201
    Part.objects.all().delete()
    message = "Ensure this value is greater than or equal to 0."
    _refused(api.post(PARTS, {**NEW, field: -1}), field, message)


@pytest.mark.parametrize(
    "value",
    [
        "https://cad.onshape.com/documents/a?b=c#d",
        "http://localhost:8000/x",
        "HTTPS://EXAMPLE.COM",
        " https://a.example ",
        "https://a.example/" + "x" * 482,
        "",
        None,
    ],
)
def test_an_address_is_http_or_blank(api, value):
    answer = api.post(PARTS, {**NEW, "onshapeUrl": value})
    assert answer.status_code == 201
    assert answer.json()["onshapeUrl"] == ((value or "").strip() or None)


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "ftp://a.example",
        "//a.example",
        "a.example",
        "http://",
        "http://[",
        "http://a b",
        "https://a.example/\nX: y",
        "https://a.example/" + "x" * 500,
        "data:text/html,x",
    ],
)
def test_an_address_is_nothing_else(api, value):
    _refused(api.post(PARTS, {**NEW, "onshapeUrl": value}), "onshapeUrl")


@pytest.mark.parametrize(
    "name", ["../x.step", "/etc/passwd", "a/b.step", "..", ".", "a\\b", "x" * 256]
)
def test_a_file_is_a_bare_name(api, name):
    _refused(api.post(PARTS, {**NEW, "file": name}), "file")


@pytest.mark.parametrize(
    "value", ["tomorrow", "2026-02-30", "01.03.2026", 5, True, [], "2026-03-01T00:00"]
)
def test_a_due_date_is_an_iso_date(api, value):
    _refused(api.post(PARTS, {**NEW, "dueDate": value}), "dueDate")


def test_a_season_is_one_that_there_is(api):
    answer = api.post(PARTS, {**NEW, "season": "2031"})
    _refused(answer, "season", "There is no season of this name.")


def test_all_failing_fields_are_told_at_once(api):
    answer = api.post(PARTS, {"name": 5, "amount": 2.5, "type": "x", "miscInfo": []})
    body = answer.json()
    assert answer.status_code == 400
    assert body == {
        "error": "Validation Error",
        "details": "Use one of: cnc, hand, misc.",
        "field": "type",
        "errors": {
            "type": ["Use one of: cnc, hand, misc."],
            "name": ["Not a valid string."],
            "subsystem": ["This field is required."],
            "material": ["This field is required."],
            "amount": ["A whole number is needed."],
            "miscInfo": ["An object is needed."],
        },
    }


def test_an_old_name_is_told_by_its_new_one(api):
    answer = api.post(PARTS, {**NEW, "material_thickness": 5})
    _refused(answer, "materialThickness", "Not a valid string.")


def test_a_refused_change_changes_nothing(api):
    part = make_part(name="Hub", amount=2)
    answer = api.put(f"{PARTS}{part.pk}", {"name": "New", "amount": 0})
    assert answer.status_code == 400
    part.refresh_from_db()
    assert (part.name, part.amount) == ("Hub", 2)


# --- The body as a whole ------------------------------------------------------


def _raw(api, body, method="POST", address=PARTS, content_type="application/json"):
    return api.generic(method, address, body, content_type=content_type)


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ("{", "Expecting property name enclosed in double quotes at line 1, column 2."),
        ("{'a': 1}", None),
        ("", None),
        ("nul", None),
        ('{"amount": NaN}', "It holds a number that JSON cannot have."),
        ('{"amount": Infinity}', "It holds a number that JSON cannot have."),
        ('{"x": -Infinity}', "It holds a number that JSON cannot have."),
        ('{"x": 1e999}', "It holds a number that JSON cannot have."),
        ('{"x": -1e999}', "It holds a number that JSON cannot have."),
        ('{"x": ' + "9" * 5000 + "}", "It holds a number that JSON cannot have."),
        ("[" * 100_000, "It is nested too deeply."),
        ('{"a":' * 100_000, "It is nested too deeply."),
        (b'{"name": "\xff"}', "It is not UTF-8."),
        (b"\xff\xfe{\x00}\x00", "It is not UTF-8."),
        ('{"a": "\x01"}', None),
        ('{"a": 1} x', None),
    ],
)
def test_a_body_that_is_no_json_is_400(api, body, details):
    answer = _raw(api, body)
    assert answer.status_code == 400
    if body != "":  # no body at all is an empty one
        assert answer.json()["error"] == "Malformed request"
    if details:
        assert answer.json()["details"] == details
    assert Part.objects.count() == 0


@pytest.mark.parametrize("body", ["[]", '["a"]', "5", '"text"', "true", "null"])
@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("POST", ""),
        ("PUT", "{pk}"),
        ("PATCH", "{pk}"),
        ("POST", "{pk}/approve"),
        ("POST", "{pk}/assign"),
        ("POST", "{pk}/unclaim"),
        ("POST", "{pk}/complete"),
        ("POST", "{pk}/revert"),
        ("POST", "{pk}/send-back"),
        ("POST", "{pk}/convert"),
    ],
)
def test_a_body_is_an_object(api, method, rest, body):
    part = make_part()
    answer = _raw(api, body, method, PARTS + rest.format(pk=part.pk))
    assert answer.status_code == 400
    told = answer.json()
    assert told["error"] == "Validation Error"
    assert list(told["errors"]) == ["non_field_errors"]
    assert "field" not in told


def test_deep_nesting_that_python_still_reads_is_no_500(api):
    deep = "[" * 900 + "]" * 900
    for field in ("name", "amount", "miscInfo", "unheard", "dueDate", "api_key"):
        body = f'{{"subsystem": "a", "material": "b", "{field}": {deep}}}'
        answer = _raw(api, body)
        assert answer.status_code in {201, 400}
    body = f'{{"miscInfo": {{"a": {deep}}}}}'
    answer = _raw(api, body, "PUT", f"{PARTS}{make_part().pk}")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data", "x"]
)
def test_a_part_is_sent_as_json_only(api, content_type):
    answer = _raw(api, '{"subsystem": "a"}', content_type=content_type)
    assert answer.status_code == 415
    assert answer.json() == {
        "error": "Unsupported media type",
        "details": "Send application/json, and a file as multipart/form-data.",
    }


def test_json_may_name_its_charset(api):
    body = '{"subsystem": "a", "material": "b", "name": "Größe"}'.encode()
    answer = _raw(api, body, content_type="application/json; charset=utf-8")
    assert answer.json()["name"] == "Größe"


def test_a_body_over_the_limit_is_413(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = api.post(PARTS, {**NEW, "notes": "x" * 2000})
    assert (answer.status_code, answer.json()) == (
        413,
        {"error": "Request too large", "details": "Only a file may be this large."},
    )


def test_fields_are_shared_by_all_serializers_that_are_as_partial():
    whole, partial = PartSerializer(data={}), PartSerializer(data={}, partial=True)
    assert PartSerializer(data={"name": "A"}).fields is whole.fields
    assert PartSerializer(data={}, partial=True).fields is partial.fields
    for _ in range(2):
        assert (whole.is_valid(), partial.is_valid()) == (False, True)
    assert set(whole.errors) == {"subsystem", "material"}
    assert set(AssignSerializer(data={}).fields) == {"assigned"}


def test_what_one_reads_another_does_not_know():
    good = {"name": "A", "subsystem": "Arm", "material": "6061", "type": "CNC"}
    first = PartDetailSerializer.of_new(good)
    second = PartDetailSerializer.of_new({"name": "B"})
    assert first.is_valid()
    assert not second.is_valid()
    assert {*second.errors} == {"subsystem", "material"}
    usual = PartDetailSerializer(data=good)
    assert usual.is_valid()
    assert first.validated_data == usual.validated_data
    assert first.initial_data == good
    assert first.errors == {}
