"""One person, two firms, in Chromium, wide and on a phone (D16, D32, D35)."""

import pytest
from django.urls import reverse

from tests import cast
from tests.staff.acting import settle_yunfan

NAME = "孙雅静"


def open_switching(someone) -> None:
    someone.page.locator(".account summary").click()
    someone.page.locator(".account").get_by_role("link", name="切换身份").click()


@pytest.mark.rule("D16", "D32", "D35")
def test_sun_yajing_goes_from_one_firm_to_the_other_and_to_herself(someone):
    settle_yunfan()
    someone.give_enterprise_password("HC")
    someone.press("孙*静")
    someone.press("密码登录")
    someone.type("个人登录密码", cast.PERSONAL_PASSWORDS["HC", NAME])
    someone.press("确定")
    assert someone.sees("沈阳海川贸易有限公司")
    stale = someone.page.context.new_page()
    stale.goto(someone.address + reverse("staff:change_password"))

    open_switching(someone)
    assert someone.sees("当前身份")
    assert someone.sees("需要企业密码和短信验证码")
    someone.press("沈阳云帆科技有限公司")
    someone.type("企业密码", cast.ENTERPRISE_PASSWORDS["YF"])
    someone.press("下一步")
    someone.give_code(cast.PHONES[NAME])
    assert someone.sees("已切换身份：沈阳云帆科技有限公司")

    stale.locator("main form button").last.click()
    stale.get_by_text("系统没有保存任何内容").wait_for()
    stale.get_by_role("link", name="返回首页（当前身份：沈阳云帆科技有限公司）").click()
    stale.get_by_text("沈阳云帆科技有限公司的业务").wait_for()
    stale.close()

    open_switching(someone)
    someone.page.get_by_role("button", name="自然人").click()
    assert someone.sees("您正以自然人的身份登录")
    someone.page.get_by_role("row", name="沈阳云帆科技有限公司").get_by_role("link", name="非本人任职").click()
    assert someone.sees("核实结果以短信通知")
    assert someone.sees("199****0003")
    someone.type("情况说明", "我从未在该企业工作。")
    someone.press("提交申报")
    assert someone.sees("税务机关核实中")
    open_switching(someone)
    assert someone.sees("该人员已申报非本人任职")
    someone.press("沈阳海川贸易有限公司")
    assert someone.sees("已切换身份：沈阳海川贸易有限公司")
