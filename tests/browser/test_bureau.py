"""Counter and reviewer in Chromium, wide and on a phone: 周文博's own collection, and a certificate that is printed."""

import pypdfium2
import pytest

from accounts import pictures
from accounts.models import Throttle
from tests import cast
from tests.etax.officers import COUNTER, REVIEWER
from tests.realname import cards

NAME = "周文博"


def enter(someone, name: str) -> None:
    """The officers' own door."""
    Throttle.objects.filter(key__startswith="code_gap").delete()
    someone.go("/bureau/")
    someone.type("用户注册名", cast.USERNAMES[name])
    someone.type("登录密码", cast.NATURAL_PASSWORDS[name])
    someone.type("验证码", pictures.answer(someone.page.locator("[name=captcha_token]").input_value()))
    someone.press("下一步")
    someone.page.get_by_label("短信验证码", exact=True).wait_for()
    someone.type("短信验证码", someone.phone.code_on(cast.PHONES[name]))
    someone.press("登录")
    assert someone.sees("税务人员后台")


def collect_himself(someone, photo: str) -> None:
    """The pages of 实名采集, to the one that says 待审核."""
    someone.go("/realname/")
    someone.press("首次采集")
    someone.type("姓名", NAME)
    someone.type("身份证件号码", cast.ID_NUMBERS[NAME])
    someone.type("手机号码", cast.PHONES[NAME])
    someone.type("验证码", pictures.answer(someone.page.locator("[name=captcha_token]").input_value()))
    someone.press("获取验证码")
    someone.page.get_by_label("短信验证码", exact=True).wait_for()
    someone.type("短信验证码", someone.phone.code_on(cast.PHONES[NAME]))
    someone.press("下一步")
    someone.page.get_by_label("我已阅读并单独同意").check()
    someone.press("同意并继续")
    for side in ("身份证人像面", "身份证国徽面"):
        assert someone.sees(side)
        someone.page.locator("input[type=file]").last.set_input_files(photo)
        someone.press("上传，下一步")
    someone.page.locator("input[name=valid_until]").first.fill("2039-05-01")
    someone.press("信息无误，下一步")
    someone.page.locator("input[type=file]").last.set_input_files(photo)
    someone.press("提交")
    assert someone.sees("已提交，待审核")


@pytest.mark.rule("M84", "M86", "D26", "CFG-03")
def test_zhou_wenbo_collects_himself_and_the_reviewer_approves(someone, somebody_else, own_folder):
    photo = own_folder / "card.jpg"
    photo.write_bytes(cards.jpeg())
    collect_himself(someone, str(photo))
    enter(somebody_else, REVIEWER)
    somebody_else.press("待审核")
    somebody_else.press("周*博")
    assert somebody_else.sees("2101**********0019")
    somebody_else.press("查看完整信息")
    assert somebody_else.sees(cast.ID_NUMBERS[NAME])
    loaded = "Array.from(document.querySelectorAll('main img')).filter(i => i.complete && i.naturalWidth).length"
    assert somebody_else.waits_until(f"{loaded} === 3")
    somebody_else.press("通过")
    somebody_else.press("确认通过")
    assert somebody_else.sees("已通过，并已用短信告知本人")
    assert "审核通过" in someone.phone.texts_to(cast.PHONES[NAME])[-1]


@pytest.mark.rule("M79", "M131", "D22", "CFG-03")
def test_the_counter_prints_a_first_password_and_nothing_else_shows_it(someone, own_folder):
    enter(someone, COUNTER)
    someone.page.locator("form[action*=taxpayer] [name=code]").fill(cast.CODES["HC"])
    someone.page.locator("form[action*=taxpayer] button").click()
    assert someone.sees("税务登记与实名信息一致")
    someone.press("重置企业密码")
    someone.type("经办人姓名", "钱思远")
    someone.page.get_by_label("加盖公章的情况说明").check()
    someone.page.get_by_label("经办人身份证件原件").check()
    with someone.page.expect_download() as download:
        someone.press("确认重置并下载凭证")
    paper = own_folder / "certificate.pdf"
    download.value.save_as(paper)
    text = pypdfium2.PdfDocument(paper)[0].get_textpage().get_text_range()
    assert "电子税务局办税用户注册凭证" in text
    assert cast.CODES["HC"] in text
    someone.go("/bureau/")
    someone.page.locator("form[action*=taxpayer] [name=code]").fill(cast.CODES["HC"])
    someone.page.locator("form[action*=taxpayer] button").click()
    assert someone.sees("凭证上的初始密码，须由法定代表人（业主）或财务负责人首次登录时修改")
