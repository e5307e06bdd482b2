"""The natural person's stories in Chromium, wide and on a phone: both doors, a forgotten password, 注册, 个人中心."""

import pytest

from accounts import pictures
from tests import cast

NAME = "孙雅静"
USERNAME, PHONE = cast.USERNAMES[NAME], cast.PHONES[NAME]
NEW = "雅静的第九座大桥"


def solve(person) -> None:
    """Read the picture as the support desk would."""
    person.type("验证码", pictures.answer(person.page.locator("[name=captcha_token]").input_value()))


def go_in(person, username: str = USERNAME, password: str = cast.NATURAL_PASSWORDS[NAME]) -> None:
    person.type("用户注册名", username)
    person.type("自然人登录密码", password)
    solve(person)
    person.page.get_by_label("同意协议").check()
    person.press("登录")


def read_code(person, number: str) -> None:
    """The code went out with the page before."""
    person.page.get_by_label("短信验证码", exact=True).wait_for()
    person.type("短信验证码", person.phone.code_on(number))
    person.press("确定")


@pytest.mark.rule("M47", "M110", "M4", "D27", "CFG-03")
def test_the_natural_door_by_password_and_the_centre_behind_it(someone):
    someone.go("/login/")
    someone.press("自然人登录")
    go_in(someone)
    assert someone.sees("您正以自然人的身份登录")
    someone.page.locator(".account summary").click()
    someone.press("个人中心")
    assert someone.sees("我的账户、账户设置、系统设置")
    someone.press("个人信息")
    assert someone.sees("2102**********0029")
    someone.press("返回个人中心")
    someone.press("日志管理")
    assert someone.sees("127.0.0.1")
    someone.press("返回个人中心")
    someone.press("登录设备")
    assert someone.sees("本次登录")


@pytest.mark.rule("M119", "D21", "M145", "OTP-10", "CFG-03")
def test_the_natural_door_by_sms_and_a_new_phone(someone):
    someone.go("/login/person/")
    someone.press("短信登录")
    someone.type("用户注册名", USERNAME)
    solve(someone)
    someone.page.get_by_label("同意协议").check()
    someone.press("获取验证码")
    read_code(someone, PHONE)
    assert someone.sees("您正以自然人的身份登录")
    someone.go("/account/profile/")
    someone.press("变更手机号码")
    assert someone.sees("税务登记中的【移动电话】不会随之改变")
    someone.type("新手机号码", "13900001234")
    solve(someone)
    someone.press("获取验证码")
    read_code(someone, "13900001234")
    assert someone.sees("新号码已确认")
    someone.give_code(PHONE)
    assert someone.sees("实名手机号码已变更")
    assert someone.sees("139****1234")


@pytest.mark.rule("M48", "M133", "D21", "RST-03", "CFG-03")
def test_a_forgotten_natural_password(someone):
    someone.go("/login/person/")
    someone.press("忘记密码")
    someone.type("用户注册名", USERNAME)
    someone.type("手机号码", PHONE)
    solve(someone)
    someone.press("获取验证码")
    read_code(someone, PHONE)
    someone.type("新密码", NEW)
    someone.type("确认新密码", NEW)
    someone.press("保存")
    assert someone.sees("密码已重设")
    go_in(someone, password=NEW)
    assert someone.sees("您正以自然人的身份登录")


@pytest.mark.rule("M84", "D12", "D26", "CFG-03")
def test_an_account_is_registered_and_opens_the_door(someone):
    someone.go("/login/person/")
    someone.press("没有账户？注册")
    assert someone.sees("一个人只有一个自然人账户")
    someone.type("姓名", "钱思远")
    someone.type("身份证件号码", cast.ID_NUMBERS["钱思远"])
    someone.type("手机号码", cast.PHONES["钱思远"])
    solve(someone)
    someone.page.get_by_label("同意协议").check()
    someone.press("下一步")
    assert someone.sees("尚未实名采集的，须先完成采集才能注册")
    read_code(someone, cast.PHONES["钱思远"])
    someone.type("用户注册名", "qiansiyuan")
    someone.type("新密码", "思远的第九座大桥")
    someone.type("确认新密码", "思远的第九座大桥")
    someone.press("保存")
    assert someone.sees("注册成功")
    go_in(someone, "qiansiyuan", "思远的第九座大桥")
    assert someone.sees("钱思远")
