"""Who comes, and by which clock they read the pages."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from accounts.models import User
from tests.factories import make_key

KEYS = "/account/keys/"
WINTER = datetime(2026, 1, 15, 23, 30, tzinfo=UTC)


@pytest.fixture
def made(member):
    """A key made at 23:30 UTC, whose time stands on the page of keys."""
    key, _ = make_key(owner=member)
    key.created_at = WINTER
    key.save(update_fields=["created_at"])
    return key


def _written(page) -> str:
    text = page.get(KEYS).text
    return text.partition('datetime="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("account", "device", "written"),
    [
        ("", "", "2026-01-15T23:30:00+00:00"),
        ("", "America/New_York", "2026-01-15T18:30:00-05:00"),
        ("Asia/Tokyo", "", "2026-01-16T08:30:00+09:00"),
        ("Asia/Tokyo", "America/New_York", "2026-01-16T08:30:00+09:00"),
        ("Mars/Olympus", "America/New_York", "2026-01-15T18:30:00-05:00"),
        ("", "../../etc/passwd", "2026-01-15T23:30:00+00:00"),
        ("", "America", "2026-01-15T23:30:00+00:00"),
    ],
)
def test_times_are_the_accounts_else_the_devices_else_the_sites(
    account, device, written, member_page, member, made
):
    User.objects.filter(pk=member.pk).update(time_zone=account)
    member_page.cookies["zone"] = device
    assert _written(member_page) == written
    assert timezone.get_current_timezone_name() == "UTC"


def test_who_came_is_looked_at_directly(member_page, member):
    assert type(member_page.get(KEYS).wsgi_request.user) is User


def test_a_clock_costs_no_query(member_page, member, django_assert_num_queries):
    User.objects.filter(pk=member.pk).update(time_zone="Asia/Tokyo")
    with django_assert_num_queries(4):  # session, user, two counts of keys
        member_page.get(KEYS)


def test_the_door_has_the_devices_clock_and_the_api_its_own(client, db, settings):
    client.cookies["zone"] = "Asia/Tokyo"
    seen = []
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.accounts.test_middleware.Spy"]
    Spy.seen = seen
    client.get("/account/login/")
    client.get("/api/parts/")
    assert seen == ["Asia/Tokyo", "UTC"]


class Spy:
    """Notes which clock a view is called with."""

    seen: list[str]

    def __init__(self, get_response) -> None:
        self._get_response = get_response

    def __call__(self, request):
        return self._get_response(request)

    def process_view(self, request, view, args, kwargs) -> None:
        self.seen.append(timezone.get_current_timezone_name())
