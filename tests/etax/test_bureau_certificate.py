"""《电子税务局办税用户注册凭证》, from the counter to the firm's first sign-in (M79, M132, D22)."""

import logging
import re

import pypdfium2
import pytest
import zxingcpp
from django.urls import reverse

from accounts import passwords
from accounts.models import AuditEntry, Credential, Person, Taxpayer
from etax.bureau import certificate
from staff import standing
from staff.models import Membership
from staff.services import opening
from tests import cast
from tests.etax.officers import COUNTER, give_password, sign_in
from tests.etax.tables import raw
from tests.realname.collecting import wait_a_minute
from tests.staff.acting import entries
from tests.visitor import words

NEW = "91210102MA0KH0016J"
OWN = "Eigenes-Wort-2026"
FIRM = "Neues-Firmenwort-7"
PERSONAL = "Persönliches-Wort-9"
OPEN_PAPERS = {"handler": "李经办", "papers": ["licence", "handler_id"]}
RESET_PAPERS = {"handler": "李经办", "papers": ["statement", "handler_id"]}


def text_of(answer) -> str:
    page = pypdfium2.PdfDocument(answer.content)[0]
    return re.sub(r"\s", "", page.get_textpage().get_text_range())


def password_on(answer) -> str:
    return re.search(r"企业登录密码（初始）(\w{12})1\.", text_of(answer), re.ASCII)[1]


def reset(visitor, key: str):
    where = reverse("bureau:reset_password", args=[cast.taxpayer(key).uid])
    return visitor.post(where, {**RESET_PAPERS, "version": opening.version_of(cast.taxpayer(key))})


@pytest.mark.rule("M79", "D22", "CFG-02")
def test_the_answer_to_a_reset_is_one_sheet_of_paper_that_nobody_keeps(visitor):
    sign_in(visitor)
    answer = reset(visitor, "HC")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert len(pypdfium2.PdfDocument(answer.content)) == 1
    number = entries("enterprise_password_reset")[0].details["certificate"]
    text = text_of(answer)
    for shown in (
        cast.CODES["HC"],
        "沈阳海川贸易有限公司",
        number,
        "李经办",
        "重置企业密码",
        "电子税务局办税用户注册凭证",
    ):
        assert shown in text
    assert passwords.check(cast.taxpayer("HC").credential, password_on(answer))


@pytest.mark.rule("D22", "PW-12")
def test_the_code_on_the_sheet_holds_number_certificate_and_address_and_no_password(visitor):
    sign_in(visitor)
    answer = reset(visitor, "HC")
    picture = pypdfium2.PdfDocument(answer.content)[0].render(scale=3).to_pil()
    (code,) = zxingcpp.read_barcodes(picture)
    number = entries("enterprise_password_reset")[0].details["certificate"]
    assert code.text == f"{cast.CODES['HC']}\n{number}\nhttp://testserver/"
    assert password_on(answer) not in code.text


@pytest.mark.rule("PW-12", "LOG-05", "D22")
def test_the_password_is_nowhere_but_on_paper(visitor, caplog):
    sign_in(visitor)
    with caplog.at_level(logging.INFO):
        answer = reset(visitor, "HC")
    password = password_on(answer)
    assert password not in str(raw())
    assert password not in str(answer.headers)
    assert password not in visitor.messages.read_text()
    for where in (reverse("bureau:taxpayer", args=[cast.taxpayer("HC").uid]), reverse("bureau:index")):
        assert password not in visitor.get(where).content.decode()
    glyphs = [record for record in caplog.records if record.name.startswith(("fontTools", "fpdf"))]
    assert not glyphs  # they would tell which letters were drawn


@pytest.mark.rule("D22")
def test_every_sign_of_the_sheet_is_in_its_fonts_and_the_notes_are_true(visitor, caplog):
    with caplog.at_level(logging.WARNING, logger="fpdf"):
        firm = cast.taxpayer("HC")
        for name in ("沈阳龘鑫商贸有限公司", "丹东𠮷祥海鲜行"):
            Taxpayer.objects.filter(pk=firm.pk).update(name=name)
            sheet = text_of(reset(sign_in(visitor), "HC"))
            assert name in sheet
            for label in ("扫码核对纳税人识别号和凭证编号（不含密码）", "经办人签字：", "税务机关（盖章）：", "日期："):
                assert label in sheet
    assert [record.getMessage() for record in caplog.records if "missing" in record.getMessage()] == []
    excluded = re.search("不含数字0、1，大写字母O、I和小写字母l", sheet)
    assert excluded
    assert not set("01OIl") & set(opening.CAPITALS + opening.SMALL + opening.DIGITS)


@pytest.mark.rule("D22", "REL-01")
def test_the_same_form_sent_again_gives_no_second_sheet(visitor):
    sign_in(visitor)
    firm = cast.taxpayer("HC")
    data = {**RESET_PAPERS, "version": opening.version_of(firm)}
    where = reverse("bureau:reset_password", args=[firm.uid])
    first = visitor.post(where, data)
    again = visitor.post(where, data)
    assert again.status_code == 409
    assert "信息已变更，请刷新后重试" in words(again)
    assert f'href="{where}">刷新' in again.content.decode()
    assert passwords.check(Credential.objects.get(taxpayer_owner=firm), password_on(first))


@pytest.mark.rule("D22", "VAL-02")
def test_a_reset_from_an_incomplete_page_changes_nothing_and_offers_the_page_anew(visitor):
    sign_in(visitor)
    where = reverse("bureau:reset_password", args=[cast.taxpayer("HC").uid])
    answer = visitor.post(where, RESET_PAPERS)
    assert answer.status_code == 400
    assert "页面不完整，没有保存任何内容。" in words(answer)
    assert f'href="{where}">刷新' in answer.content.decode()
    assert not entries("enterprise_password_reset")


@pytest.mark.rule("D22")
def test_a_sheet_that_cannot_be_made_changes_nothing(visitor, monkeypatch):
    sign_in(visitor)
    monkeypatch.setattr(certificate, "_head", lambda *args: 1 / 0)
    visitor.raise_request_exception = False
    assert reset(visitor, "HC").status_code == 500
    assert passwords.check(cast.taxpayer("HC").credential, cast.ENTERPRISE_PASSWORDS["HC"])


@pytest.mark.rule("D17", "D22", "M38")
def test_a_payer_of_social_insurance_goes_in_with_the_printed_password_and_keeps_it(visitor, other_visitor):
    sheet = reset(sign_in(visitor), "CG")
    assert "纯社保户登录密码" in text_of(sheet)
    for _n in range(2):
        answer = other_visitor.give_enterprise_password("CG", password=password_on(sheet))
        assert answer.url.startswith("/demo/social-insurance/?ticket=")


@pytest.mark.rule("D22", "M82")
def test_until_a_lead_has_changed_the_printed_password_clerks_are_refused_in_words(visitor, other_visitor):
    sheet = reset(sign_in(visitor), "HC")
    other_visitor.give_enterprise_password("HC", password=password_on(sheet))
    page = words(other_visitor.get(reverse("staff:choose_person")))
    assert "须由法定代表人（业主）或财务负责人先修改" in page
    answer = other_visitor.choose("孙雅静")
    assert "企业登录密码是税务机关出具的初始密码" in words(answer)
    found = standing.of_person(cast.person("孙雅静"), cast.taxpayer("HC"))
    assert found.problem_at_quick_login(False) is standing.PRINTED
    assert found.problem_at_sign_in(False) is standing.PRINTED
    lead = standing.of_person(cast.person("林若兰"), cast.taxpayer("HC"))
    assert lead.problem_at_quick_login(False) is None


@pytest.mark.rule("D22", "M80", "M81", "M132")
def test_a_lead_with_the_printed_password_can_do_nothing_but_change_it(visitor, other_visitor):
    sheet = reset(sign_in(visitor), "HC")
    password = password_on(sheet)
    other_visitor.give_enterprise_password("HC", password=password)
    other_visitor.choose("林若兰")
    other_visitor.verify_by_sms(cast.PHONES["林若兰"])
    change = reverse("staff:change_enterprise_password")
    for name in ("home", "staff:members", "staff:my_posts", "staff:operations", "staff:change_password"):
        assert other_visitor.get(reverse(name)).url == change
        assert other_visitor.post(reverse(name), {"any": "thing"}).url == change
    page = words(other_visitor.get(change))
    assert "凭证》上的初始密码，修改后才能办理业务" in page
    assert "返回企业人员维护" not in page
    data = {"old_password": password, "new_password": FIRM, "confirm_password": FIRM}
    assert other_visitor.post_with_picture(change, data).url == reverse("staff:members")
    assert other_visitor.get(reverse("home")).status_code == 200
    assert not cast.taxpayer("HC").credential.must_change
    clerk = standing.of_person(cast.person("孙雅静"), cast.taxpayer("HC"))
    assert clerk.problem_at_sign_in(False) is None


def open_new(visitor) -> str:
    """The officer opens an account and hands out the sheet; the password on it."""
    data = {"code": NEW, "name": "沈阳开户有限公司", "kind": "enterprise", **OPEN_PAPERS}
    answer = visitor.post(reverse("bureau:open_new_account"), data)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert "授权开户" in text_of(answer)
    return password_on(answer)


def register(visitor, firm: Taxpayer) -> Person:
    """He registers the legal representative, and collects him with a code to his phone."""
    who = {"name": "开户人", "id_type": "resident", "id_number": "210102199505050010"}
    post = {**who, "position": "legal_rep", "mobile": "19900000077", "since": "2026-01-05"}
    assert visitor.post(reverse("bureau:add_post", args=[firm.uid]), post).status_code == 302
    seen = {"saw_document": "on", "saw_face": "on", "consent": "on"}
    visitor.post(reverse("bureau:collect"), {**who, **seen, "phone": "19900000077"})
    answer = visitor.post(reverse("bureau:collect_code"), {"code": visitor.code_on("19900000077")})
    person = Person.objects.get(name="开户人")
    assert answer.url == reverse("bureau:person", args=[person.uid])
    return person


@pytest.mark.rule("M10", "M14", "M21", "M79", "M106", "D6", "D22", "D28")
def test_story_an_officer_opens_an_account_and_the_firm_signs_in_for_the_first_time(visitor, other_visitor):
    sign_in(visitor)
    missing = visitor.post(reverse("bureau:find_taxpayer"), {"code": NEW})
    assert "没有找到该纳税人识别号" in words(missing)
    password = open_new(visitor)
    firm = Taxpayer.objects.get(code=NEW)
    assert visitor.post(reverse("bureau:find_taxpayer"), {"code": NEW}).url == f"/bureau/taxpayer/{firm.uid}/"
    person = register(visitor, firm)
    assert "可以登录" in words(visitor.get(f"/bureau/taxpayer/{firm.uid}/"))

    login = {"code": NEW, "password": password, "agreement": "on"}
    assert other_visitor.post_with_picture(reverse("login"), login).url == reverse("staff:choose_person")
    other_visitor.post(reverse("staff:choose_person"), {"person": str(person.uid)})
    wait_a_minute()
    assert other_visitor.verify_by_sms("19900000077").url == reverse("staff:set_password")
    other_visitor.set_password(PERSONAL)
    change = reverse("staff:change_enterprise_password")
    assert other_visitor.get(reverse("home")).url == change
    refused = {"old_password": password, "new_password": password, "confirm_password": password}
    assert "新密码不能与旧密码相同" in words(other_visitor.post_with_picture(change, refused))
    new = {"old_password": password, "new_password": OWN, "confirm_password": OWN}
    assert other_visitor.post_with_picture(change, new).status_code == 302
    assert "沈阳开户有限公司" in words(other_visitor.get(reverse("home")))

    assert Membership.objects.get(taxpayer=firm).person == person
    assert give_password(other_visitor, COUNTER).status_code == 302  # the officers' door knows nothing of the firm's
    acts = AuditEntry.objects.filter(taxpayer=firm, result="done").order_by("seq").values_list("kind", flat=True)
    assert [
        kind
        for kind in acts
        if kind in ("taxpayer_opened", "post_added", "password_set", "enterprise_password_changed")
    ] == [
        "taxpayer_opened",
        "post_added",
        "password_set",
        "enterprise_password_changed",
    ]
