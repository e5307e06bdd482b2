"""The agency's door in Chromium, wide and on a phone."""

import pytest

from accounts import pictures
from tests import cast


def go_to_agency_door(someone) -> None:
    """The third tab of the sign-in page, and its first step."""
    someone.go("/login/")
    someone.press("代理机构登录")
    someone.type("社会信用代码或纳税人识别号", cast.CODES["XD"])
    someone.type("登录密码", cast.ENTERPRISE_PASSWORDS["XD"])
    someone.type("验证码", pictures.answer(someone.page.locator("[name=captcha_token]").input_value()))
    someone.page.get_by_label("同意协议").check()
    someone.page.get_by_role("button", name="登录", exact=True).click()


@pytest.mark.rule("M6", "M49", "M50", "M51", "M52", "D23", "CFG-03", "D30")
def test_luo_jianping_acts_for_two_clients_and_leaves(someone):
    go_to_agency_door(someone)
    someone.press("罗*平")
    someone.give_code(cast.PHONES["罗建平"])
    assert someone.sees("选择委托企业")
    someone.page.get_by_role("button", name="进入 沈阳海川贸易有限公司").or_(
        someone.page.get_by_role("button", name="进入沈阳海川贸易有限公司")
    ).first.click()
    assert someone.sees("正在代理：沈阳海川贸易有限公司")
    someone.press("切换委托企业")
    assert someone.sees("正在代理")
    someone.page.locator("tr", has_text="大连明湖餐饮店").get_by_role("button").click()
    assert someone.sees("正在代理：大连明湖餐饮店")
    someone.go("/account/password/")
    assert someone.sees("代理办税期间不能办理此事项")
    someone.press("退出代理")
    assert someone.sees("已退出代理。可以选择其他委托企业")


@pytest.mark.rule("D23", "M53")
def test_the_client_cancels_and_the_handler_is_out_at_the_next_click(someone, somebody_else):
    go_to_agency_door(someone)
    someone.press("邓*娟")
    someone.give_code(cast.PHONES["邓丽娟"])
    someone.page.locator("tr", has_text="沈阳海川").get_by_role("button").click()
    assert someone.sees("正在代理：沈阳海川贸易有限公司")
    somebody_else.give_enterprise_password("HC")
    somebody_else.press("林*兰")
    somebody_else.give_code(cast.PHONES["林若兰"])
    somebody_else.go("/agencies/recognitions/")
    somebody_else.page.locator("tr", has_text="辽宁信达").get_by_role("link", name="取消").click()
    somebody_else.press("确认取消")
    assert somebody_else.sees("已取消代理认定")
    someone.press("历史办税操作查询")
    assert someone.sees("已退出代理沈阳海川贸易有限公司：委托企业已取消代理认定。")
