"""The main stories with JavaScript switched off (D30): every page must work without a single script."""

import pytest

from accounts.models import Throttle
from tests import cast
from tests.browser.test_agency import go_to_agency_door
from tests.browser.test_person import go_in, solve
from tests.realname import cards
from tests.realname.asking import CHANGED, SONG, picture
from tests.realname.collecting import NAME as NEWCOMER

NEW = "云帆2026好天气"


@pytest.fixture
def runs_scripts():
    return False


@pytest.fixture
def screen():
    """A phone: who switches scripts off saves on data."""
    return {"width": 390, "height": 844}


def upload(person, field: str, content: bytes) -> None:
    """Choose a picture for a field."""
    person.page.locator(f"[name={field}]").set_input_files(
        {"name": "picture.jpg", "mimeType": "image/jpeg", "buffer": content}
    )


def come_in(person, name: str, masked: str) -> None:
    """普通登录 of somebody of 沈阳海川, by SMS."""
    person.give_enterprise_password("HC")
    person.press(masked)
    person.give_code(cast.PHONES[name])


@pytest.mark.rule("D30", "M14", "M20", "M21", "M34")
def test_the_first_sign_in_and_a_later_one_by_password(someone):
    someone.give_enterprise_password("YF")
    someone.press("王*敏")
    someone.give_code(cast.PHONES["王晓敏"])
    someone.type("新密码", NEW)
    someone.type("确认新密码", NEW)
    someone.press("保存")
    assert someone.sees("沈阳云帆科技有限公司")
    someone.page.locator(".account summary").click()
    someone.press("退出")
    assert someone.sees("您已退出登录")
    someone.give_enterprise_password("YF")
    someone.press("王*敏")
    someone.press("密码登录")
    someone.type("个人登录密码", NEW)
    someone.press("确定")
    assert someone.sees("沈阳云帆科技有限公司")


@pytest.mark.rule("D30", "M42", "M45", "M46")
def test_quick_login(someone):
    someone.go("/login/")
    someone.press("快捷登录")
    someone.fill_enterprise_password("HC")
    someone.press("下一步")
    someone.press("林*兰")
    someone.type("手机号码", cast.PHONES["林若兰"])
    someone.press("获取验证码")
    assert someone.sees("如手机号与实名信息一致，验证码已发送")
    someone.type("短信验证码", someone.phone.code_on(cast.PHONES["林若兰"]))
    someone.page.get_by_label("同意协议").check()
    someone.press("登录")
    assert someone.sees("林若兰")


@pytest.mark.rule("D30", "M47", "CAP-07")
def test_the_natural_person_after_another_picture(someone):
    someone.go("/login/person/")
    before = someone.page.locator("[name=captcha_token]").input_value()
    someone.press("换一张")
    assert someone.page.locator("[name=captcha_token]").input_value() != before
    go_in(someone)
    assert someone.sees("您正以自然人的身份登录")


@pytest.mark.rule("D30", "M50", "M51", "M52")
def test_a_handler_acts_for_a_client(someone):
    go_to_agency_door(someone)
    someone.press("罗*平")
    someone.give_code(cast.PHONES["罗建平"])
    someone.page.locator("tr", has_text="大连明湖餐饮店").get_by_role("button").click()
    assert someone.sees("正在代理：大连明湖餐饮店")
    someone.press("退出代理")
    assert someone.sees("已退出代理")


@pytest.mark.rule("D30", "M25", "M28", "M31", "M61")
def test_an_identity_with_its_tree_a_new_clerk_and_her_freezing(someone):
    come_in(someone, "钱思远", "钱*远")
    someone.go("/staff/")
    someone.press("身份维护")
    someone.type("权限身份名称", "申报专员")
    leaf = someone.page.get_by_label("历史办税操作查询")
    if not leaf.is_visible():
        someone.page.locator("details", has=leaf).last.locator("summary").click()
    leaf.check()
    someone.press("保存")
    assert someone.sees("权限身份已保存")
    someone.go("/staff/add/")
    someone.type("姓名", "宋雨桐")
    someone.type("身份证件号码", cast.ID_NUMBERS["宋雨桐"])
    someone.press("搜索")
    someone.press("下一步")
    someone.type("个人登录密码", "雨桐第一次来登录")
    someone.page.get_by_label("申报专员").check()
    someone.press("确定")
    assert someone.sees("已添加宋*桐为办税人员")
    someone.page.get_by_role("row", name="宋*桐").get_by_role("link", name="冻结").click()
    someone.press("确认冻结")
    assert someone.sees("已冻结")
    assert cast.membership("HC", "宋雨桐").frozen_at


@pytest.mark.rule("D30", "M86", "D26")
def test_a_collection_from_the_first_page_to_the_last(someone):
    someone.go("/realname/")
    someone.press("首次采集")
    someone.type("姓名", NEWCOMER)
    someone.type("身份证件号码", cast.ID_NUMBERS[NEWCOMER])
    someone.type("手机号码", cast.PHONES[NEWCOMER])
    solve(someone)
    someone.press("获取验证码")
    someone.type("短信验证码", someone.phone.code_on(cast.PHONES[NEWCOMER]))
    someone.press("下一步")
    someone.page.locator("[name=agreed]").check()
    someone.press("同意并继续")
    for _side in range(2):
        upload(someone, "photo", cards.jpeg())
        someone.press("上传，下一步")
    someone.page.locator("[name=has_no_end]").check()
    someone.press("信息无误，下一步")
    upload(someone, "photo", cards.jpeg())
    someone.press("提交")
    assert someone.sees("已提交，待审核")


@pytest.mark.rule("D30", "M138", "M140", "M141")
def test_a_new_finance_officer_is_asked_for(someone):
    come_in(someone, "钱思远", "钱*远")
    someone.go("/staff/changes/finance/")
    page = someone.page
    page.locator("main [name=name]").fill(SONG.name)
    page.locator("main [name=id_number]").fill(SONG.id_number)
    page.locator("main [name=mobile]").fill(SONG.mobile)
    kept = {row.value for row in CHANGED}
    for box in page.locator("[name=rows]").all():
        box.set_checked(box.get_attribute("value") in kept)
    upload(someone, "scan", picture("JPEG"))
    someone.press("保存")
    assert someone.sees("待审核")


@pytest.mark.rule("D30", "M124", "M125", "D24")
def test_the_declaration_password_is_shown(someone):
    come_in(someone, "钱思远", "钱*远")
    someone.go("/staff/declaration/")
    Throttle.objects.filter(key__startswith="code_gap").delete()
    someone.page.get_by_label("查看申报密码").check()
    someone.press("下一步")
    someone.type("短信验证码", someone.phone.code_on(cast.PHONES["钱思远"]))
    someone.press("确定")
    assert someone.sees("个税申报密码")
