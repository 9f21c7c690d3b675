import pytest
from django.core.exceptions import ImproperlyConfigured

from partsite import env


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (env.env_str, "x y", "x y"),
        (env.env_bool, "1", True),
        (env.env_bool, "false", False),
        (env.env_int, "42", 42),
        (env.env_list, "a, b,,c", ["a", "b", "c"]),
    ],
)
def test_a_variable_is_read_as_its_type(monkeypatch, read, text, value):
    monkeypatch.setenv("X_TEST", text)
    assert read("X_TEST") == value


@pytest.mark.parametrize(
    ("read", "text"), [(env.env_bool, "perhaps"), (env.env_int, "4.5")]
)
def test_nonsense_is_refused_with_the_variables_name(monkeypatch, read, text):
    monkeypatch.setenv("X_TEST", text)
    with pytest.raises(ImproperlyConfigured, match="^X_TEST cannot be read"):
        read("X_TEST")


@pytest.mark.parametrize("text", [None, "", "  "])
def test_an_unset_or_empty_variable_is_its_default_or_an_error(monkeypatch, text):
    monkeypatch.delenv("X_TEST", raising=False)
    if text is not None:
        monkeypatch.setenv("X_TEST", text)
    assert env.env_int("X_TEST", 7) == 7
    with pytest.raises(ImproperlyConfigured, match="^X_TEST is not set"):
        env.env_int("X_TEST")
