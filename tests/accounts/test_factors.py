"""The second factor: which codes are right, how often, and what is kept of them."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import factors
from accounts.factors import CodeRefused, HasOne
from accounts.models import RecoveryCode, Role, SecondFactor
from tests.factories import code_now, make_factor, make_user

pytestmark = pytest.mark.django_db
OTHER_KEY = "x"
WRONG = "This code is not right."


@pytest.fixture
def sam(db):
    """Somebody with a second factor."""
    sam = make_user("sam", name="Sam")
    make_factor(sam)
    return sam


# --- Codes of the app ---------------------------------------------------------


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_is_good_a_half_minute_early_and_late(sam, clock, steps):
    assert factors.spend(sam, code_now(sam, steps=steps)) == "app"


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_code_of_another_time_is_not(sam, clock, steps):
    with pytest.raises(CodeRefused, match=WRONG):
        factors.spend(sam, code_now(sam, steps=steps))


def test_a_code_and_those_before_it_are_good_once(sam, clock):
    earlier, code = code_now(sam, steps=-1), code_now(sam)
    factors.spend(sam, code)
    for spent in (code, earlier):
        with pytest.raises(CodeRefused, match="was used already. Wait for the next"):
            factors.spend(sam, spent)
    clock.sleep(30)
    assert factors.spend(sam, code_now(sam)) == "app"


def test_a_code_is_read_in_groups_too(sam):
    code = code_now(sam)
    assert factors.spend(sam, f" {code[:3]} {code[3:]} ") == "app"


@pytest.mark.parametrize(
    "text", ["", "000", "1234567", "abc", "\u0661" * 6, "\0", "\ud800", "1" * 100]
)
def test_what_is_no_code_is_refused(sam, text):
    with pytest.raises(CodeRefused, match=WRONG):
        factors.spend(sam, text)


def test_another_persons_code_is_refused(sam, lead):
    make_factor(lead)
    with pytest.raises(CodeRefused, match=WRONG):
        factors.spend(sam, code_now(lead))


def test_who_has_no_second_factor_has_no_code(member, sam):
    with pytest.raises(CodeRefused, match=WRONG):
        factors.spend(member, code_now(sam))


def test_the_database_alone_does_not_tell_the_secret(sam, settings):
    seed = sam.second_factor.seed
    secret = factors.secret_of(seed)
    assert re.fullmatch("[A-Z2-7]{32}", secret)  # 160 bits, as RFC 4226 wants it
    settings.SECRET_KEY = OTHER_KEY
    assert factors.secret_of(seed) != secret


def test_an_app_outlives_a_change_of_the_secret_key(sam, settings):
    code = code_now(sam)
    before, settings.SECRET_KEY = settings.SECRET_KEY, OTHER_KEY
    with pytest.raises(CodeRefused, match=WRONG):
        factors.spend(sam, code)
    settings.SECRET_KEY_FALLBACKS = [before]
    assert factors.spend(sam, code) == "app"


# --- Guessing -----------------------------------------------------------------


def test_the_eleventh_code_has_to_wait(sam, clock):
    for _ in range(10):
        with pytest.raises(CodeRefused, match=WRONG):
            factors.spend(sam, "0")
    with pytest.raises(CodeRefused, match=r"Wait 901 seconds") as refused:
        factors.spend(sam, code_now(sam))
    assert refused.value.wait_seconds == 901
    clock.sleep(901)
    assert factors.spend(sam, code_now(sam)) == "app"
    with pytest.raises(CodeRefused, match="Too many codes were tried."):
        factors.spend(sam, "0")


def test_a_recovery_code_is_good_while_codes_have_to_wait(sam):
    [code, *_others] = factors.renew_codes(sam)
    for _ in range(11):
        with pytest.raises(CodeRefused):
            factors.spend(sam, "0")
    assert factors.spend(sam, code) == "recovery"


def test_recovery_codes_are_not_to_be_guessed_either(sam, clock):
    [code, *_others] = factors.renew_codes(sam)
    for _ in range(10):
        with pytest.raises(CodeRefused, match=WRONG):
            factors.spend(sam, "abcd")
    with pytest.raises(CodeRefused, match=r"Wait 61 seconds"):
        factors.spend(sam, code)


def test_guesses_of_one_account_keep_no_other_waiting(sam, lead):
    make_factor(lead)
    for _ in range(11):
        with pytest.raises(CodeRefused):
            factors.spend(sam, "0")
    assert factors.spend(lead, code_now(lead)) == "app"


# --- Recovery codes -----------------------------------------------------------


def test_each_of_the_ten_is_good_once(sam):
    codes = factors.renew_codes(sam)
    assert len(set(codes)) == 10
    for code in codes[:3]:
        assert re.fullmatch("([a-z2-9]{4}-){5}[a-z2-9]{4}", code)
        assert factors.spend(sam, code) == "recovery"
        with pytest.raises(CodeRefused, match=WRONG):
            factors.spend(sam, code)
    assert RecoveryCode.objects.filter(used_at=None).count() == 7


def test_a_recovery_code_is_read_as_phones_write_it(sam):
    [code, *_others] = factors.renew_codes(sam)
    assert factors.spend(sam, f" {code.upper().replace('-', ' ')}") == "recovery"


def test_a_recovery_code_is_kept_nowhere(sam):
    codes = factors.renew_codes(sam)
    rows = str(list(RecoveryCode.objects.values()))
    for code in codes:
        assert code not in rows
        assert code.replace("-", "") not in rows


def test_what_spends_a_recovery_code_asks_its_own_row_alone(sam):
    # Of two who wait for one row, PostgreSQL reads that row again and no join of it.
    [code, *_others] = factors.renew_codes(sam)
    with CaptureQueriesContext(connection) as queries:
        factors.spend(sam, code)
    [update] = [q["sql"] for q in queries if q["sql"].startswith("UPDATE")]
    assert '"used_at" IS NULL' in update
    assert "SELECT" not in update


def test_another_persons_recovery_code_is_refused(sam, lead):
    make_factor(lead)
    [code, *_others] = factors.renew_codes(lead)
    with pytest.raises(CodeRefused, match=WRONG):
        factors.spend(sam, code)
    assert factors.spend(lead, code) == "recovery"


def test_new_ones_take_the_place_of_the_old(sam):
    [old, *_others] = factors.renew_codes(sam)
    [new, *_others] = factors.renew_codes(sam)
    with pytest.raises(CodeRefused, match=WRONG):
        factors.spend(sam, old)
    assert factors.spend(sam, new) == "recovery"
    assert RecoveryCode.objects.count() == 10


# --- Having one ---------------------------------------------------------------


def test_it_counts_only_when_the_app_shows_a_right_code(member, sam):
    with pytest.raises(CodeRefused, match=WRONG):
        factors.turn_on(member, "seed", code_now(sam))
    assert not factors.is_on(member)


def test_the_code_it_is_turned_on_with_lets_nobody_in(member, sam):
    seed, code = sam.second_factor.seed, code_now(sam)
    factors.remove(sam)
    assert len(factors.turn_on(member, seed, code)) == 10
    assert factors.is_on(member)
    with pytest.raises(CodeRefused, match="was used already"):
        factors.spend(member, code)


def test_there_is_one_for_each(sam):
    seed = sam.second_factor.seed
    with pytest.raises(HasOne):
        factors.turn_on(sam, seed, code_now(sam))
    assert SecondFactor.objects.count() == 1
    assert RecoveryCode.objects.count() == 0


@pytest.mark.parametrize(
    ("wanted", "who"),
    [
        ("", set()),
        ("leads", {Role.LEAD}),
        ("everyone", {Role.LEAD, Role.MEMBER, Role.VIEWER}),
    ],
)
def test_who_must_have_one_is_for_the_site_to_say(
    settings, lead, member, viewer, wanted, who
):
    settings.SECOND_FACTOR = wanted
    assert {u.role for u in (lead, member, viewer) if factors.is_wanted(u)} == who


# --- Lost ---------------------------------------------------------------------


def test_a_command_lets_the_only_lead_in(sam, client, capsys):
    client.force_login(sam)
    call_command("remove_second_factor", "SAM")
    assert capsys.readouterr().out == (
        "sam signs in with the password alone from now on.\n"
    )
    assert not factors.is_on(sam)
    assert not sam.sessions.exists()
    call_command("remove_second_factor", "sam")
    assert capsys.readouterr().out == "sam has no second factor; nothing was done.\n"


def test_the_command_names_who_is_not_there():
    with pytest.raises(CommandError, match="There is no account “nobody”."):
        call_command("remove_second_factor", "nobody")
