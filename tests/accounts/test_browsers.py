"""Browsers that an account has used before keep their own count, so that a stranger can't lock a firm out (D13)."""

from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts import browsers, throttles
from accounts.limits import PASSWORD
from staff import enterprise
from tests import cast

FIRM, OTHER = "taxpayer:91110000600037341L", "taxpayer:210102600037341"


@pytest.fixture
def browser_of(rf):
    """A request of a browser that was used for these accounts, one sign-in after another."""

    def made(*sign_ins: list[str]):
        request = rf.get("/")
        for accounts in sign_ins:
            response = HttpResponse()
            browsers.remember(request, response, accounts)
            request = rf.get("/")
            request.COOKIES["browser"] = response.cookies["browser"].value
        return request

    return made


@pytest.mark.rule("D13")
def test_an_unknown_browser_shares_the_count_of_the_account(browser_of):
    request = browser_of()
    assert browsers.subject(request, FIRM) == FIRM
    assert not browsers.is_known(request, FIRM)


@pytest.mark.rule("D13")
def test_a_known_browser_has_a_count_of_its_own_for_each_account_it_knows(browser_of):
    one, two = browser_of([FIRM]), browser_of([FIRM])
    assert browsers.is_known(one, FIRM)
    assert len({browsers.subject(one, FIRM), browsers.subject(two, FIRM), FIRM}) == 3
    assert browsers.subject(one, FIRM) == browsers.subject(one, FIRM)
    assert browsers.subject(one, OTHER) == OTHER
    both = browser_of([FIRM, OTHER])
    assert browsers.subject(both, FIRM) != browsers.subject(both, OTHER)


@pytest.mark.rule("D13")
def test_a_browser_keeps_its_name_when_another_account_signs_in(browser_of, rf):
    first = browser_of([FIRM])
    response = HttpResponse()
    browsers.remember(first, response, [OTHER])
    later = rf.get("/")
    later.COOKIES["browser"] = response.cookies["browser"].value
    assert browsers.subject(later, FIRM) == browsers.subject(first, FIRM)


@pytest.mark.rule("D13")
def test_the_newest_forty_accounts_are_kept_and_the_cookie_stays_small(browser_of):
    request = browser_of(*([f"taxpayer:{n}"] for n in range(45)))
    known = [n for n in range(45) if browsers.is_known(request, f"taxpayer:{n}")]
    assert known == list(range(5, 45))
    assert len(request.COOKIES["browser"]) < 2048


@pytest.mark.rule("D13")
def test_an_account_that_signs_in_again_is_among_the_newest(browser_of):
    sign_ins = [[FIRM], *([f"taxpayer:{n}"] for n in range(39)), [FIRM], ["taxpayer:last"]]
    request = browser_of(*sign_ins)
    assert browsers.is_known(request, FIRM)
    assert not browsers.is_known(request, "taxpayer:0")


@pytest.mark.rule("D13")
@pytest.mark.parametrize(
    "value",
    ["", "x", "a:b:c", signing.dumps({"b": "x", "a": []}, salt="picture")],
    ids=["empty", "letter", "colons", "foreign"],
)
def test_a_cookie_that_we_did_not_sign_is_worth_nothing(rf, value):
    request = rf.get("/")
    request.COOKIES["browser"] = value
    assert browsers.subject(request, FIRM) == FIRM


@pytest.mark.rule("D13")
@pytest.mark.parametrize("value", [[], 7, "x", {}, {"b": "x"}, {"a": []}, {"b": "x", "a": 7}])
def test_a_cookie_of_an_older_shape_is_worth_nothing(rf, value):
    request = rf.get("/")
    request.COOKIES["browser"] = signing.dumps(value, salt="known-browser")
    assert browsers.subject(request, FIRM) == FIRM


@pytest.mark.rule("D13")
def test_a_browser_is_forgotten_after_180_days_without_a_sign_in(browser_of):
    request = browser_of([FIRM])
    with time_machine.travel(timezone.now() + timedelta(days=179), tick=False):
        assert browsers.is_known(request, FIRM)
    with time_machine.travel(timezone.now() + timedelta(days=181), tick=False):
        assert not browsers.is_known(request, FIRM)


@pytest.mark.rule("D13", "LOG-05")
def test_the_cookie_names_no_account_and_no_script_can_read_it(browser_of, settings):
    response = HttpResponse()
    browsers.remember(browser_of(), response, [FIRM])
    cookie = response.cookies["browser"]
    assert "91110000600037341L" not in str(signing.loads(cookie.value, salt="known-browser"))
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    settings.SECURE = True
    browsers.remember(browser_of(), response, [FIRM])
    secure = response.cookies["__Host-browser"]
    assert (secure["secure"], secure["path"], secure["domain"]) == (True, "/", "")


@pytest.mark.rule("D13")
def test_a_stranger_who_locks_the_firm_does_not_lock_out_who_has_been_in_before(visitor, other_visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    visitor.post(reverse("sign_out"))
    for _ in range(5):
        other_visitor.give_enterprise_password("HC", password="a-wrong-one")
    assert throttles.wait(PASSWORD, enterprise.account_word(cast.CODES["HC"])) > 0
    assert other_visitor.give_enterprise_password("HC").status_code == 400
    assert visitor.give_enterprise_password("HC").url == reverse("staff:choose_person")


@pytest.mark.rule("D13")
def test_a_known_browser_is_locked_by_its_own_five_wrong_tries(visitor, other_visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    visitor.post(reverse("sign_out"))
    for _ in range(5):
        visitor.give_enterprise_password("HC", password="a-wrong-one")
    assert visitor.give_enterprise_password("HC").status_code == 400
    assert other_visitor.give_enterprise_password("HC").url == reverse("staff:choose_person")
