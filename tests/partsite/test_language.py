"""Pages speak the reader's language where there is a catalogue for it."""

import pytest
from django.urls import reverse
from django.utils import translation
from django.utils.translation import trans_real

from partsite.language import english, languages


@pytest.fixture
def german(settings, monkeypatch):
    """Offer German, with one word of ours in it."""
    monkeypatch.setattr(trans_real, "_translations", {})
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch")]
    catalogue = trans_real.translation("de")
    catalogue._catalog._catalogs[0].update({"Skip to the content": "Zum Inhalt"})
    yield
    translation.activate("en")


def test_a_page_comes_in_the_browsers_language(client, lead, german):
    page = client.get(reverse("accounts:login"), headers={"accept-language": "de-AT"})
    assert '<html lang="de"' in page.text
    assert "Zum Inhalt" in page.text
    assert f'<script src="{reverse("words")}"></script>' in page.text
    assert page["Content-Language"] == "de"


def test_in_english_no_catalogue_is_fetched(client, lead, german):
    page = client.get(reverse("accounts:login"), headers={"accept-language": "fr"})
    assert '<html lang="en"' in page.text
    assert reverse("words") not in page.text


def test_the_api_speaks_english_whatever_is_asked_for(client, lead, german):
    answer = client.get("/api/parts/", headers={"accept-language": "de"})
    assert answer.json()["error"] == "API key required"
    assert "Accept-Language" not in answer.get("Vary", "")


def test_the_catalogue_of_the_scripts_needs_no_sign_in(client, lead, german):
    answer = client.get(reverse("words"), headers={"accept-language": "de"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/javascript")
    assert "gettext" in answer.text


def test_only_languages_with_a_catalogue_of_ours_are_offered(tmp_path):
    assert languages(tmp_path / "none") == [("en", "English")]
    folder = tmp_path / "pt_BR" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (tmp_path / "fr" / "LC_MESSAGES").mkdir(parents=True)
    (folder / "django.mo").touch()
    assert languages(tmp_path) == [("en", "English"), ("pt-br", "Português Brasileiro")]


@pytest.mark.parametrize("language", ["de", "en", "en-us"])
def test_in_between_english_is_spoken(language):
    with translation.override(language):
        with english():
            assert translation.get_language() == "en"
        assert translation.get_language() == language
