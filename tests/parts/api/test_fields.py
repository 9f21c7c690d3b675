"""What a field takes as it is, it would otherwise take as well."""

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.fields import CharField

from parts.api.fields import Text

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
