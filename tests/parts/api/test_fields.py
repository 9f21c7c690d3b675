"""What a field takes as it is, it would otherwise take as well."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.core.validators import RegexValidator
from rest_framework.exceptions import ValidationError
from rest_framework.fields import CharField

from parts.api.fields import Text, Word, written

TEXTS = [
    "",
    " ",
    "a",
    " a\t",
    "abc",
    "abc ",
    "abcd",
    "a\0",
    "\ud800",
    "Zoë",
    1,
    True,
    [],
]


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"max_length": 3},
        {"min_length": 2},
        {"trim_whitespace": False, "max_length": 3},
        {"allow_blank": False},
    ],
)
def test_a_text_is_what_rest_framework_takes_it_for(rules):
    def taken(field: CharField, data) -> object:
        try:
            return field.run_validation(data)
        except ValidationError as error:
            return error.detail

    plain = {"required": False, "allow_null": True, "allow_blank": True, **rules}
    for data in TEXTS:
        if isinstance(data, str):
            expected = taken(CharField(**plain), data)
        else:
            expected = ["Not a valid string."]
        assert taken(Text(**rules), data) == expected, data


def test_a_time_is_written_in_utc_whatever_its_zone():
    in_utc = datetime(2026, 1, 15, 4, 45, tzinfo=UTC)
    in_nepal = in_utc.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert written(in_utc) == written(in_nepal) == "2026-01-15T04:45:00+00:00"


@pytest.mark.parametrize(
    ("data", "taken"), [("cnc", "cnc"), (" CNC ", "cnc"), ("", ""), (None, "")]
)
def test_a_word_is_taken_as_it_is_or_as_it_is_meant(data, taken):
    assert Word(["cnc", "hand"], any_case=True).run_validation(data) == taken


@pytest.mark.parametrize("data", ["CNC", "cn", "cnc hand", ["cnc"], 1])
def test_what_is_no_word_is_refused(data):
    with pytest.raises(ValidationError):
        Word(["cnc", "hand"]).run_validation(data)


def test_a_word_keeps_the_rules_of_its_field():
    field = Word(["cnc", "hand"], validators=[RegexValidator("^h", "No.")])
    assert field.run_validation("hand") == "hand"
    with pytest.raises(ValidationError, match="No"):
        field.run_validation("cnc")
