"""何晨曦 in Chromium, wide and on a phone: bound, her own unbinding, and bound again (M68, M70, D11)."""

import pytest

from accounts.models import Throttle
from tests import cast

NAME = "何晨曦"
OWN, NATURAL = cast.PERSONAL_PASSWORDS["HC", NAME], cast.NATURAL_PASSWORDS[NAME]


def give_password(someone, password: str) -> None:
    """From the firm's door to the page after the password."""
    someone.give_enterprise_password("HC")
    someone.press("何*曦")
    someone.press("密码登录")
    someone.type("个人登录密码", password)
    someone.press("确定")


def act_on_own_post(someone, act: str) -> None:
    """绑定 or 解绑 in 我的任职; what a weak sign-in asks for waits for a code (D15)."""
    Throttle.objects.filter(key__startswith="code_gap").delete()
    someone.go("/account/posts/")
    someone.press(act)
    someone.give_code(cast.PHONES[NAME])
    someone.press("继续")


def leave(someone) -> None:
    someone.page.locator(".account summary").click()
    someone.press("退出")
    assert someone.sees("您已退出登录")


@pytest.mark.rule("M68", "M70", "D9", "D11", "D15", "CFG-03")
def test_he_chenxi_signs_in_bound_and_unbound(someone):
    give_password(someone, OWN)
    assert someone.sees("您已绑定自然人账户，此处应输入自然人登录密码")
    give_password(someone, NATURAL)
    assert someone.sees("您正以办税员的身份办理沈阳海川贸易有限公司的业务")
    act_on_own_post(someone, "解绑")
    assert someone.sees("已解绑：在该企业登录时使用原个人登录密码。")
    leave(someone)
    give_password(someone, NATURAL)
    assert someone.sees("此处应输入首次登录时设置的个人登录密码")
    give_password(someone, OWN)
    assert someone.sees("您正以办税员的身份办理沈阳海川贸易有限公司的业务")
    act_on_own_post(someone, "绑定")
    assert someone.sees("已绑定：在该企业登录时使用自然人登录密码。")
