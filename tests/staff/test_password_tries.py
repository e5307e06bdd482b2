"""What wrong passwords take from an address, and who gives it back (D13)."""

import pytest
from django.core.exceptions import ValidationError

from accounts import throttles
from accounts.actor import Actor
from accounts.addresses import neighbourhood
from accounts.limits import ADDRESS_ACCOUNTS
from accounts.refusals import TooMany
from staff import enterprise, natural
from tests import cast

HALL = Actor(ip="192.0.2.9")


def taken() -> int:
    return throttles.look(ADDRESS_ACCOUNTS, neighbourhood(HALL.ip)).count


def as_firm(key: str, password: str) -> None:
    code = cast.CODES[key]
    enterprise.check_password(code, password, subject=enterprise.account_word(code), by=HALL)


def as_person(name: str, password: str) -> None:
    natural.check_password(name, password, subject=natural.account_word(name), by=HALL)


def wrongly(door, who: str) -> None:
    with pytest.raises(ValidationError):
        door(who, "wrong-one")


DOORS = [(as_firm, "HC", cast.ENTERPRISE_PASSWORDS["HC"]), (as_person, "hechenxi", cast.NATURAL_PASSWORDS["何晨曦"])]


@pytest.mark.rule("D13")
@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(("door", "who", "password"), DOORS)
def test_who_mistypes_and_then_gets_in_gives_back_what_he_took(door, who, password):
    wrongly(door, who)
    wrongly(door, who)
    assert taken() == 1
    door(who, password)
    assert taken() == 0


@pytest.mark.rule("D13")
@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(("door", "who", "password"), DOORS)
def test_getting_into_an_account_of_ones_own_gives_nothing_back_for_others(door, who, password):
    for name in ("nobody1", "nobody2", "nobody3"):
        wrongly(as_person, name)
    door(who, password)
    assert taken() == 3


@pytest.mark.rule("D13")
@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(("door", "who", "password"), DOORS)
def test_an_address_that_failed_on_too_many_accounts_waits_at_every_door(door, who, password):
    for _ in range(ADDRESS_ACCOUNTS.count):
        throttles.fail(ADDRESS_ACCOUNTS, neighbourhood(HALL.ip))
    with pytest.raises(TooMany):
        door(who, password)
