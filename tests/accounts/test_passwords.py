"""Passwords that are the first to be guessed at a site like this."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.models import User


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("Robotics-2026!", "password_obvious_here"),
        ("1234parts_system", "password_obvious_here"),
        ("machineshop", "password_obvious_here"),
        ("short1!", "password_too_short"),
        ("password1", "password_too_common"),
        ("73927492749", "password_entirely_numeric"),
        ("samantha99", "password_too_similar"),
    ],
)
def test_a_password_that_is_soon_guessed_is_refused(password, code):
    sam = User(username="samantha", name="Sam")
    with pytest.raises(ValidationError) as refused:
        validate_password(password, sam)
    assert [error.code for error in refused.value.error_list] == [code]


@pytest.mark.parametrize(
    "password",
    [
        "robotics is great fun",
        "correct horse battery",
        "ünïcødé pässwörd ☂",
        "x y" * 30,
    ],
)
def test_any_other_is_taken_whatever_is_in_it(password):
    validate_password(password, User(username="samantha", name="Sam"))
