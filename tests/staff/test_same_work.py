"""Who doesn't exist costs the portal as much work as who does, so that time doesn't tell (D3, FLOW-09).

What is counted are calls of functions, which other work on the machine doesn't change; `bench/enumeration.py` times.
"""

import cProfile
import pstats
from base64 import b64encode
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError

from accounts.actor import Actor
from staff import enterprise, natural, recovery
from tests import cast

NOBODYS = "91210103MA0HC09998"


def calls(act: Callable[[], object]) -> int:
    """How many functions are called, once everything is warm."""
    for _twice in range(2):
        profile = cProfile.Profile()
        profile.enable()
        act()
        profile.disable()
    return pstats.Stats(profile).total_calls


def wrong_password(code: str) -> None:
    with pytest.raises(ValidationError):
        enterprise.check_password(code, "Wrong-2026-no", subject=f"taxpayer:{code}", by=Actor())


@pytest.mark.rule("D3", "D21", "FLOW-09", "RST-01")
@pytest.mark.parametrize(
    "looking_for",
    [
        lambda firm, name: natural.claim_by_name(name),
        lambda firm, name: recovery.claim_for_enterprise(firm, cast.PHONES["林若兰"]),
        lambda firm, name: wrong_password(firm),
    ],
    ids=["a natural person", "a firm's people", "a firm's password"],
)
def test_looking_for_nobody_calls_as_many_functions_as_looking_for_somebody(world, looking_for):
    haichuan = cast.taxpayer("HC").code
    somebody = calls(lambda: looking_for(haichuan, cast.USERNAMES["孙雅静"]))
    nobody = calls(lambda: looking_for(NOBODYS, "nobodyhere"))
    assert abs(somebody / nobody - 1) < 0.02


@pytest.mark.rule("FLOW-09", "CRY-01")
def test_nobody_is_looked_for_under_other_keys_as_well(world, settings):
    """What was sealed for nobody under keys that are gone must not be opened."""
    natural.claim_by_name("nobodyhere")
    settings.SEALING_KEYS = [f"other:{b64encode(bytes(32)).decode()}"]
    assert natural.claim_by_name("nobodyhere").person is None
    assert natural.claim_by_name("nobodyhere").person is None
