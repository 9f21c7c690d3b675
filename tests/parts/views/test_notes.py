"""Notes as people read them."""

import pytest

from parts.models import Part
from parts.views.notes import linked, shortened
from tests.factories import make_part


def told(text: str) -> str:
    """Write notes that hold no code of a part, so that no database is asked."""
    return linked(Part(notes=text))


def test_nothing_is_nothing():
    assert told("") == told(" \n ") == ""


def test_paragraphs_and_lines_are_kept_and_all_is_only_text():
    text = "One\r\nTwo <script>x</script>\n \n\nThree & more"
    assert told(text) == (
        "<p>One<br>Two &lt;script&gt;x&lt;/script&gt;</p>\n<p>Three &amp; more</p>"
    )


@pytest.mark.parametrize(
    ("text", "target", "words", "rest"),
    [
        ("https://a.example/b", "https://a.example/b", "a.example/b", ""),
        ("http://www.a.example/", "http://www.a.example/", "a.example", ""),
        ("www.a.example.", "https://www.a.example", "www.a.example", "."),
        ("https://a.example/b?c=d&e", "https://a.example/b?c=d&amp;e", None, ""),
        ("https://a.example/x_(y))", "https://a.example/x_(y)", "a.example/x_(y)", ")"),
        ("HTTPS://a.example", "HTTPS://a.example", None, ""),
    ],
)
def test_an_address_is_a_link(text, target, words, rest):
    html = told(text)
    assert html.startswith(f'<p><a href="{target}" title="{target}" ')
    assert 'rel="noopener nofollow" target="_blank">' in html
    assert html.endswith(f"</a>{rest}</p>")
    if words:
        assert f">{words}</a>" in html


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "ftp://a.example", "https://", "file:///etc"]
)
def test_nothing_else_is_one(text):
    assert "<a" not in told(text)


def test_an_address_cannot_break_out():
    html = told('https://a.example/"onmouseover="x')
    assert html.count('"') == 8  # of the four attributes of the link
    assert "&quot;onmouseover=&quot;x" in html


def test_a_long_address_loses_its_middle():
    address = "https://cad.example/documents/" + "0123456789" * 8 + "/e/end"
    assert shortened(address) == "cad.example/documents/0123456789…123456789/e/end"
    assert f'title="{address}"' in told(address)


def test_a_mail_address_is_a_link():
    assert '<a href="mailto:kim@a.example">kim@a.example</a>.' in told("kim@a.example.")


class TestCodes:
    @pytest.fixture
    def other(self, db):
        return make_part(code="26-301", name="Bearing <plate>")

    def test_a_code_leads_to_its_part(self, other, django_assert_num_queries):
        part = make_part(notes="Goes with 26-301, not with 26-999 or M5-0.8.")
        with django_assert_num_queries(1):
            html = linked(part)
        title = "Bearing &lt;plate&gt;"
        address = other.get_absolute_url()
        assert html == (
            f'<p>Goes with <a href="{address}" title="{title}">26-301</a>, '
            "not with 26-999 or M5-0.8.</p>"
        )

    def test_without_a_code_nothing_is_asked(self, other, django_assert_num_queries):
        part = make_part(notes="Ream the bore to 12.7 mm, 1/4-20 thread.")
        with django_assert_num_queries(1):
            assert "<a" not in linked(part)
        part.notes = "Ream the bore. Deburr, well-known."
        with django_assert_num_queries(0):
            linked(part)

    def test_its_own_code_is_no_link(self, other):
        other.notes = "This is 26-301."
        assert "<a" not in linked(other)

    def test_what_is_in_the_trash_is_no_link(self, other):
        Part.objects.filter(pk=other.pk).update(deleted_at="2026-11-01T00:00Z")
        assert "<a" not in linked(make_part(notes="26-301"))

    def test_a_code_within_an_address_stays_there(self, other):
        html = linked(make_part(notes="https://a.example/26-301 26-3011 x26-301"))
        assert html.count("<a") == 1
