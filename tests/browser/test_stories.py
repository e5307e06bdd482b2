"""The sign-in stories in Chromium, wide and on a phone."""

import pytest

from staff import functions
from staff.models import Identity
from tests import cast

M63 = "您选择的办税人已经被锁定，请选择其他办税人"


@pytest.mark.rule("M11", "M12", "M14", "M18", "M20", "M21", "CFG-03")
def test_the_first_sign_in_of_yunfan(someone):
    someone.give_enterprise_password("YF")
    assert someone.sees("首次普通登录只能选择法定代表人（业主）或财务负责人")
    someone.press("王*敏")
    someone.give_code(cast.PHONES["王晓敏"])
    assert someone.sees("请牢记人员的个人密码，该密码与企业密码不同")
    someone.type("新密码", "云帆2026好天气")
    someone.type("确认新密码", "云帆2026好天气")
    someone.press("保存")
    assert someone.sees("王晓敏")
    assert someone.sees("沈阳云帆科技有限公司")


@pytest.mark.rule("M33", "M34", "CFG-03")
def test_the_password_sign_in_of_haichuan_and_the_way_out(someone):
    someone.give_enterprise_password("HC")
    someone.press("钱*远")
    someone.press("密码登录")
    someone.type("个人登录密码", cast.PERSONAL_PASSWORDS["HC", "钱思远"])
    someone.press("确定")
    assert someone.sees("钱思远")
    someone.page.locator(".account summary").click()
    someone.press("退出")
    assert someone.sees("您已退出登录")


@pytest.mark.rule("FLOW-07", "SES-04")
def test_the_way_back_leads_to_pages_of_the_portal_all_along_a_sign_in(someone):
    someone.give_enterprise_password("HC")
    someone.press("钱*远")
    someone.give_code(cast.PHONES["钱思远"])
    assert someone.sees("钱思远")
    someone.page.go_back()  # to the page that said that a code was sent: the answer to a form
    assert someone.sees("您已登录，无需再次验证")
    someone.page.go_back()
    assert someone.sees("您已登录，无需再次验证")


@pytest.mark.rule("FLOW-07")
def test_the_way_back_from_the_page_after_a_refused_form_opens_the_form_anew(someone):
    someone.go("/login/")
    someone.press("登录")
    assert someone.sees("请输入纳税人识别号")
    someone.go("/help/")
    someone.page.go_back()
    assert someone.sees("非接触式办税")
    assert not someone.page.get_by_text("请输入纳税人识别号").count()


@pytest.mark.rule("M63", "M88", "M91", "M92", "M95", "M102")
def test_every_refusal_says_what_is_wrong_and_what_to_do(someone):
    someone.give_enterprise_password("HC")
    assert someone.sees("请通过变更税务登记维护办税人，并重新同步办税人信息。")
    assert someone.sees("该人员尚未添加为本企业的办税人员")
    someone.press("黄*强")
    assert someone.sees(M63)
    someone.press("沈*燕")
    assert someone.sees("税务登记信息中的移动电话号码与实名采集中的移动电话号码不相同")
    someone.go("/login/enterprise/person/")
    someone.press("马*涛")
    someone.press("密码登录")
    someone.type("个人登录密码", "whatever-1")
    someone.press("确定")
    assert someone.sees("尚未设置密码")
    someone.go("/login/enterprise/person/")
    someone.press("钱*远")
    someone.press("密码登录")
    someone.type("个人登录密码", cast.ENTERPRISE_PASSWORDS["HC"])
    someone.press("确定")
    assert someone.sees("不是企业登录密码")
    someone.give_enterprise_password("YF")
    someone.press("赵*柱")
    assert someone.sees("必须将手机号码修改到【移动电话】项目内才可以发送验证码")


@pytest.mark.rule("M37", "M38", "D17")
def test_the_hand_over_of_a_payer_of_social_insurance_only(someone):
    someone.give_enterprise_password("CG")
    assert someone.sees("沈阳晨光幼儿园")
    assert someone.sees("已进入社保费征收系统")


@pytest.mark.rule("CAP-07", "D30")
def test_another_picture_comes_without_losing_what_was_typed(someone):
    someone.go("/login/")
    someone.type("纳税人识别号", cast.CODES["HC"])
    token = someone.page.locator("[name=captcha_token]").input_value()
    someone.press("换一张")
    assert someone.waits_until("old => document.querySelector('[name=captcha_token]').value !== old", token)
    assert someone.page.get_by_label("纳税人识别号", exact=True).input_value() == cast.CODES["HC"]


@pytest.mark.rule("M23", "M25", "M26", "M27", "M28", "M31", "M61", "M97", "M98", "D4", "D7", "SES-05")
def test_a_legal_representative_defines_all_of_the_tree_adds_a_clerk_and_freezes_her(someone, somebody_else):
    """The demo's own 全量办税 gives way first: she defines it herself."""
    Identity.objects.filter(taxpayer=cast.taxpayer("HC"), name="全量办税").update(name="原全量办税")
    someone.give_enterprise_password("HC")
    someone.press("钱*远")
    someone.give_code(cast.PHONES["钱思远"])
    someone.page.locator(".account summary").click()
    someone.press("企业人员维护")
    someone.press("身份维护")
    someone.type("权限身份名称", "全量办税")
    for branch in functions.TREE:
        box = someone.page.get_by_label(f"全选“{branch.name}”", exact=True)
        box.evaluate("box => box.closest('details').open = true")
        box.check()
    groups = someone.page.get_by_label("全选“出口退税管理”", exact=True)
    assert groups.is_checked()
    one = someone.page.get_by_label("出口退（免）税备案", exact=True)
    one.uncheck()
    assert groups.evaluate("box => box.indeterminate")
    one.check()
    assert someone.sees(f"{len(functions.ALL)} / {len(functions.ALL)}")
    someone.press("保存")
    assert someone.sees("权限身份已保存")
    someone.press("返回企业人员维护")
    someone.press("添加办税人员")
    someone.type("姓名", "宋雨桐")
    someone.type("身份证件号码", cast.ID_NUMBERS["宋雨桐"])
    someone.press("搜索")
    someone.press("下一步")
    someone.type("个人登录密码", "雨桐第一次来登录")
    someone.page.get_by_label(f"全量办税（{len(functions.ALL)}项功能）", exact=True).check()
    someone.press("确定")
    assert someone.sees("已添加宋*桐为办税人员")

    somebody_else.give_enterprise_password("HC")
    somebody_else.press("宋*桐")
    somebody_else.press("密码登录")
    somebody_else.type("个人登录密码", "雨桐第一次来登录")
    somebody_else.press("确定")
    for branch in functions.TREE:
        assert somebody_else.sees(str(branch.name))
    assert somebody_else.page.locator("main .tile").count() == len(functions.ALL)

    row = someone.page.get_by_role("row", name="宋*桐")
    row.get_by_role("link", name="冻结").click()
    someone.press("确认冻结")
    assert someone.sees("已冻结宋*桐。")
    somebody_else.page.locator("main .tile").first.click()
    assert somebody_else.sees("办税人员已冻结")
    assert somebody_else.page.url.endswith("/login/")


@pytest.mark.rule("M36", "M42", "M43", "M45", "M46")
def test_the_quick_sign_in_of_lin_ruolan(someone):
    someone.go("/login/")
    someone.press("快捷登录")
    someone.fill_enterprise_password("HC")
    someone.press("下一步")
    someone.press("林*兰")
    someone.type("手机号码", cast.PHONES["林若兰"])
    someone.press("获取验证码")
    assert someone.sees("如手机号与实名信息一致，验证码已发送")
    assert someone.page.get_by_label("手机号码").evaluate("each => each.scrollWidth <= each.clientWidth")
    someone.type("短信验证码", someone.phone.code_on(cast.PHONES["林若兰"]))
    someone.page.get_by_label("同意协议").check()
    someone.press("登录")
    assert someone.sees("林若兰")


class TestWithoutScript:
    """The same door with JavaScript switched off (D30)."""

    @pytest.fixture
    def runs_scripts(self):
        return False

    @pytest.mark.rule("D30")
    def test_the_first_sign_in_works(self, someone):
        someone.give_enterprise_password("YF")
        someone.press("王*敏")
        someone.give_code(cast.PHONES["王晓敏"])
        someone.type("新密码", "云帆2026好天气")
        someone.type("确认新密码", "云帆2026好天气")
        someone.press("保存")
        assert "沈阳云帆科技有限公司" in someone.page.inner_text("body")
