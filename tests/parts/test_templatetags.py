import json
from datetime import timedelta

import pytest
from django.utils import timezone

from parts.templatetags import parts as tags
from tests.factories import TINY_PDF, make_converted, make_file, make_part


@pytest.mark.parametrize(
    ("age", "words", "span"),
    [
        (timedelta(seconds=59), "just now", "just now"),
        (timedelta(seconds=-30), "just now", "just now"),
        (timedelta(seconds=61), "1\xa0minute ago", "1\xa0minute"),
        (timedelta(hours=3, minutes=50), "3\xa0hours ago", "3\xa0hours"),
        (timedelta(days=3, hours=20), "3\xa0days ago", "3\xa0days"),
        (timedelta(days=13, hours=20), "13\xa0days ago", "13\xa0days"),
        (timedelta(days=400), "1\xa0year ago", "1\xa0year"),
    ],
)
def test_times_are_told_in_one_unit(age, words, span):
    moment = timezone.now() - age
    assert (tags.ago(moment), tags.lasting(moment)) == (words, span)


def test_no_time_is_no_word():
    assert (tags.ago(None), tags.lasting(None)) == ("", "")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (203.2, "203"),
        (1524.0, "1524"),
        (100, "100"),
        (99.96, "100"),
        (76.2, "76.2"),
        (76.0, "76"),
        (9.525, "9.53"),
        (3.175, "3.18"),
        (2.286, "2.29"),
        (0.0, "0"),
        (None, ""),
    ],
)
def test_a_card_has_three_figures(number, words):
    assert tags.short(number) == words


def test_a_box_on_a_card_is_short():
    assert tags.short_box([203.2, 76.2, 2.286]) == "203 × 76.2 × 2.29"
    assert tags.short_box(None) == ""


def test_an_icon_is_a_sign_of_the_sprite_and_says_nothing():
    drawn = tags.icon("completed")
    assert 'href="/static/img/icons.svg#completed"' in drawn
    assert 'aria-hidden="true"' in drawn


@pytest.mark.parametrize("base", ["", "/parts-system"])
def test_an_icon_is_from_the_site_itself_even_with_a_cdn(settings, base):
    settings.BASE_PATH = base
    settings.STATIC_URL = "https://cdn.example.org/shop/"
    assert f'href="{base}/static/img/icons.svg#take"' in tags.icon("take")


def test_the_models_of_a_part_are_told_newest_first(db):
    part = make_part()
    first, second = make_converted(part), make_converted(part)
    make_file(part, "d.pdf", TINY_PDF)
    make_file(part)  # not converted yet
    assert json.loads(tags.models_json(part.files.all())) == [
        {
            "revision": file.revision,
            "name": "plate.step",
            "src": f"/api/parts/{part.pk}/files/{file.revision}/model"
            f"?v={file.model_tag}",
            "bytes": 9,
        }
        for file in (second, first)
    ]
