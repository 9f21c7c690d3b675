import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from partsite import env


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (env.env_str, "x y", "x y"),
        (env.env_bool, "1", True),
        (env.env_bool, " Yes ", True),
        (env.env_bool, "false", False),
        (env.env_bool, "OFF", False),
        (env.env_int, "42", 42),
        (env.env_int, " -7 ", -7),
        (env.env_list, "a, b,,c", ["a", "b", "c"]),
    ],
)
def test_a_variable_is_read_as_its_type(monkeypatch, read, text, value):
    monkeypatch.setenv("X_TEST", text)
    assert read("X_TEST") == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (env.env_bool, "perhaps"),
        (env.env_bool, "2"),
        (env.env_int, "4.5"),
        (env.env_int, "1_000"),
        (env.env_int, "ten"),
        (env.env_int, "9" * 5000),
    ],
)
def test_nonsense_is_refused_with_the_variables_name(monkeypatch, read, text):
    monkeypatch.setenv("X_TEST", text)
    with pytest.raises(ImproperlyConfigured, match="^X_TEST cannot be read"):
        read("X_TEST")


def test_a_number_below_the_least_is_refused(monkeypatch):
    monkeypatch.setenv("X_TEST", "0")
    assert env.env_int("X_TEST", 7, least=0) == 0
    monkeypatch.setenv("X_TEST", "-1")
    with pytest.raises(ImproperlyConfigured, match="^X_TEST is -1; use 0 or more.$"):
        env.env_int("X_TEST", 7, least=0)


@pytest.mark.parametrize("text", [None, "", "  "])
def test_an_unset_or_empty_variable_is_its_default_or_an_error(monkeypatch, text):
    monkeypatch.delenv("X_TEST", raising=False)
    if text is not None:
        monkeypatch.setenv("X_TEST", text)
    assert env.env_int("X_TEST", 7) == 7
    with pytest.raises(ImproperlyConfigured, match="^X_TEST is not set"):
        env.env_int("X_TEST")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", "https://cad.onshape.com"),
        ("https://Team.onshape.com/", "https://team.onshape.com"),
        ("https://team.example:8443", "https://team.example:8443"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_an_origin_is_scheme_and_host(monkeypatch, text, value):
    monkeypatch.setenv("X_TEST", text)
    assert env.env_origin("X_TEST", "https://cad.onshape.com") == value


@pytest.mark.parametrize(
    "text",
    [
        "cad.onshape.com",
        "http://cad.onshape.com",
        "ftp://127.0.0.1",
        "https://",
        "https://cad.onshape.com/documents",
        "https://cad.onshape.com?a=b",
        "https://cad.onshape.com#a",
        "https://user:password@cad.onshape.com",
        "https://cad.onshape.com:99999",
        "https://cad.onshape.com:0",
        "https://[::1",
        "https://cad onshape.com",
        "https:\\\\cad.onshape.com",
        "https://cad.onshapé.com",
    ],
)
def test_an_origin_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv("X_TEST", text)
    with pytest.raises(ImproperlyConfigured) as refused:
        env.env_origin("X_TEST", "https://cad.onshape.com")
    assert str(refused.value) == (
        "X_TEST cannot be read: give https:// and the host alone, "
        "such as https://cad.onshape.com."
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", "/parts-system/static/"),
        ("https://CDN.example.org/static/", "https://cdn.example.org/static/"),
        ("https://cdn.example.org/a/b_c", "https://cdn.example.org/a/b_c/"),
        ("https://cdn.example.org:8443", "https://cdn.example.org:8443/"),
        ("http://127.0.0.1:9000/static/", "http://127.0.0.1:9000/static/"),
    ],
)
def test_a_place_of_static_files_ends_in_a_slash(monkeypatch, text, value):
    monkeypatch.setenv("X_TEST", text)
    assert env.env_static_url("X_TEST", "/parts-system/static/") == value


@pytest.mark.parametrize(
    "text",
    [
        "/static/",
        "cdn.example.org/static/",
        "http://cdn.example.org/static/",
        "https:///static/",
        "https://cdn.example.org//static/",
        "https://cdn.example.org/static/?v=1",
        "https://cdn.example.org/static/#a",
        "https://user:password@cdn.example.org/static/",
        "https://cdn.example.org/'none'/",
    ],
)
def test_a_place_of_static_files_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv("X_TEST", text)
    with pytest.raises(ImproperlyConfigured) as refused:
        env.env_static_url("X_TEST", "/static/")
    assert str(refused.value) == (
        "X_TEST cannot be read: give https://, the host and the path, "
        "such as https://cdn.example.org/static/."
    )


@pytest.mark.parametrize("text", ["", "  ", "on_Key123+/=", " on_Key123+/=\n"])
def test_a_secret_is_read_without_blanks_around_it(monkeypatch, text):
    monkeypatch.setenv("X_TEST", text)
    assert env.env_secret("X_TEST") == text.strip()


@pytest.mark.parametrize("text", ["top secret", "a\nb", "a:b", "kéy", "a\x7fb"])
def test_a_secret_that_is_none_is_refused_and_not_shown(monkeypatch, text):
    monkeypatch.setenv("X_TEST", text)
    with pytest.raises(ImproperlyConfigured, match="^X_TEST cannot be read") as refused:
        env.env_secret("X_TEST")
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/parts-system", "/parts-system"),
        ("parts-system/", "/parts-system"),
        (" /tools/parts/ ", "/tools/parts"),
        ("/v1.0/~me/a_b", "/v1.0/~me/a_b"),
        ("/", ""),
        ("", ""),
    ],
)
def test_a_base_path_begins_with_a_slash_and_ends_with_none(monkeypatch, text, path):
    monkeypatch.setenv("X_TEST", text)
    assert env.env_base_path("X_TEST") == path


@pytest.mark.parametrize(
    "text",
    ["http://example.org/parts", "//example.org", "/a//b", "/a b", "..", "/a/../b"]
    + ["/./a", "/a?b", "/a#b", "/ä", "/a%20b", "/a;b", "/a\\b", "/*"],
)
def test_what_is_no_base_path_is_refused(monkeypatch, text):
    monkeypatch.setenv("X_TEST", text)
    with pytest.raises(ImproperlyConfigured, match="^X_TEST is '.*'; give the path"):
        env.env_base_path("X_TEST")


def test_a_file_fills_in_what_the_environment_lacks(monkeypatch, tmp_path):
    for name in ("X_KEPT", "X_NEW", "X_BLANK"):
        monkeypatch.delenv(name, raising=False)
        # Noted, so that what the file brings is gone after the test.
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)
    monkeypatch.setenv("X_KEPT", "environment")
    file = tmp_path / ".env"
    file.write_text("X_KEPT=file\n# a comment\nX_NEW=a ${HOME} b\nX_BLANK=\n")
    env.load_env_file(str(file))
    assert env.env_str("X_KEPT") == "environment"
    assert env.env_str("X_NEW") == os.environ["X_NEW"] == "a ${HOME} b"
    assert env.env_str("X_BLANK", "default") == "default"


def test_without_a_file_nothing_happens(tmp_path):
    before = dict(os.environ)
    env.load_env_file(str(tmp_path / ".env"))
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("s3://parts-files", ("parts-files", "")),
        (" s3://parts-files/ ", ("parts-files", "")),
        ("s3://parts.example/shop/files/", ("parts.example", "shop/files")),
    ],
)
def test_a_bucket_is_read_with_its_folder(monkeypatch, text, value):
    monkeypatch.setenv("X_TEST", text)
    assert env.env_bucket("X_TEST") == value


@pytest.mark.parametrize(
    "text",
    ["parts", "s3://", "s3://AB", "s3://ab/../cd", "s3://a b", "s3://bucket?x=1"],
)
def test_what_is_no_bucket_is_refused(monkeypatch, text):
    monkeypatch.setenv("X_TEST", text)
    with pytest.raises(ImproperlyConfigured, match="X_TEST is .* give a bucket"):
        env.env_bucket("X_TEST")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("unix:/run/clamav/clamd.ctl", "/run/clamav/clamd.ctl"),
        ("127.0.0.1:3310", ("127.0.0.1", 3310)),
        (" scanner.example:3310 ", ("scanner.example", 3310)),
        ("[::1]:3310", ("::1", 3310)),
    ],
)
def test_a_socket_is_read(monkeypatch, text, value):
    monkeypatch.setenv("X_TEST", text)
    assert env.env_socket("X_TEST") == value


@pytest.mark.parametrize(
    "text",
    [
        "/run/clamav/clamd.ctl",
        "unix:run/clamd.ctl",
        "unix:",
        "scanner",
        "scanner:",
        "scanner:0",
        "scanner:port",
        "scanner:99999",
        ":3310",
        "tcp://scanner:3310",
        "scanner:3310/x",
        "me@scanner:3310",
        "[::1",
    ],
)
def test_what_is_no_socket_is_refused(monkeypatch, text):
    monkeypatch.setenv("X_TEST", text)
    with pytest.raises(ImproperlyConfigured, match="X_TEST is .* give host:port, or"):
        env.env_socket("X_TEST")


@pytest.mark.parametrize(
    ("text", "value"), [("", "one"), ("one", "one"), (" Two ", "two")]
)
def test_a_choice_is_one_of_few_words(monkeypatch, text, value):
    monkeypatch.setenv("X_TEST", text)
    assert env.env_choice("X_TEST", "one", "two") == value
    monkeypatch.setenv("X_TEST", "three")
    with pytest.raises(ImproperlyConfigured, match="X_TEST is 'three'; use one or two"):
        env.env_choice("X_TEST", "one", "two")


def test_a_choice_may_be_none_of_them(monkeypatch):
    monkeypatch.setenv("X_TEST", "")
    assert env.env_choice("X_TEST", "", "one", "two") == ""
    monkeypatch.setenv("X_TEST", "three")
    said = "X_TEST is 'three'; use one or two, or leave it empty."
    with pytest.raises(ImproperlyConfigured, match=said):
        env.env_choice("X_TEST", "", "one", "two")
