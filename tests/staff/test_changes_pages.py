"""The pages of 变更税务登记, and whole stories of it (M102 to M107, M137 to M146)."""

import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.audit import Kind
from accounts.models import Throttle
from realname import changes, posts
from realname.change_rows import Row
from realname.models import ChangeRequest, ChangeScan, ChangeState, Position, Post, RealNameRecord
from tests import cast
from tests.realname.asking import CHANGED, NEWCOMER, SONG, ask_for_finance, officer, open_post, picture
from tests.staff.acting import actor, entries
from tests.visitor import words

LIST, FINANCE, PEOPLE, ADD = (
    "/staff/changes/",
    "/staff/changes/finance/",
    "/staff/changes/people/",
    "/staff/changes/people/add/",
)
UNCHANGED = "/staff/changes/finance/unchanged/"
M102 = "当前办税人与税务登记办税人信息不符，请通过变更税务登记维护办税人，并重新同步办税人信息。"
M142 = "需上传变更后的财务负责人身份证信息."
_KEPT = re.compile(r'name="rows"\s+value="(\w+)"\s+checked')
_VALUE = re.compile(r'name="(name|id_number|mobile)" value="([^"]*)"')

TYPED = {"name": SONG.name, "id_type": "resident", "id_number": SONG.id_number, "mobile": SONG.mobile}


def scan(name: str = "id.png", content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture() if content is None else content, "image/png")


def typed(rows=CHANGED, **changed) -> dict:
    return {**TYPED, "landline": "", "email": "", "rows": [row.value for row in rows], "scan": scan(), **changed}


@pytest.fixture
def lead(visitor):
    """钱思远, signed in by SMS."""
    visitor.sign_in_by_sms("HC", "钱思远")
    return visitor


@pytest.mark.rule("M137", "M138")
def test_it_stands_under_tax_matters_on_the_home_page(lead):
    page = words(lead.get("/"))
    assert "涉税事项办理变更税务登记" in page
    assert lead.get(reverse("staff:function", args=[changes.FUNCTION])).url == LIST
    assert "还没有变更申请" in words(lead.get(LIST))


@pytest.mark.rule("M138", "D27")
def test_the_form_shows_what_stands_in_the_register_masked(lead):
    page = lead.get(FINANCE)
    assert "姓名 林*兰" in words(page)
    assert "2101**********0065" in words(page)
    assert "199****0007" in words(page)
    assert cast.ID_NUMBERS["林若兰"] not in page.content.decode()
    assert _KEPT.findall(page.content.decode()) == [row.value for row in Row]


@pytest.mark.rule("M139", "M140")
def test_unchanged_rows_are_refused_with_a_button_that_deletes_them(lead):
    refused = lead.post(FINANCE, typed(rows=list(Row)))
    assert refused.status_code == 400
    assert "以下各行变更前后相同：身份证件种类、固定电话、电子邮箱。请删除这些行后再保存。" in words(refused)
    assert f'formaction="{UNCHANGED}"' in refused.content.decode()
    assert words(refused).count("变更前后相同") >= 3
    mended = lead.post(UNCHANGED, typed(rows=list(Row)))
    assert mended.status_code == 200
    assert set(_KEPT.findall(mended.content.decode())) == {row.value for row in CHANGED}
    assert dict(_VALUE.findall(mended.content.decode())) == {
        name: TYPED[name] for name in ("name", "id_number", "mobile")
    }
    assert not ChangeRequest.objects.exists()
    assert lead.post(FINANCE, typed()).url == f"/staff/changes/{ChangeRequest.objects.get().uid}/"


@pytest.mark.rule("M145", "M146")
def test_a_mere_phone_is_shown_the_way_to_the_personal_information(lead):
    refused = lead.post(FINANCE, typed(rows=[Row.MOBILE]))
    assert refused.status_code == 400
    assert "只变更手机号码的，不在此办理" in words(refused)
    assert "去个人信息维护" in words(refused)
    assert 'href="/account/profile/"' in refused.content.decode()
    post = Post.objects.open().get(taxpayer=cast.taxpayer("HC"), position=Position.FINANCE)
    assert f'href="{reverse("staff:change_phones", args=[post.pk])}"' in refused.content.decode()


@pytest.mark.rule("M144")
def test_half_a_change_names_what_is_missing(lead):
    refused = lead.post(FINANCE, typed(rows=[Row.NAME, Row.MOBILE]))
    assert refused.status_code == 400
    assert "还缺少：身份证件号码。" in words(refused)


@pytest.mark.rule("M141", "FIL-01")
@pytest.mark.parametrize(
    ("upload", "text"),
    [
        (None, "必须上传变更后的财务负责人身份证复印件（加盖公章），否则无法审批通过。"),
        (scan("id.pdf", b"%PDF-1.7"), "只能上传JPEG或PNG格式的图片"),
        (scan("id.png", b""), "文件是空的"),
    ],
)
def test_without_a_good_scan_nothing_is_saved(lead, upload, text):
    form = typed(scan=upload) if upload else {name: value for name, value in typed().items() if name != "scan"}
    refused = lead.post(FINANCE, form)
    assert refused.status_code == 400
    assert text in words(refused)
    assert not ChangeRequest.objects.exists()


@pytest.mark.rule("FIL-02", "CFG-06")
def test_a_body_longer_than_a_scan_is_refused_before_it_is_read(lead):
    large = lead.post(FINANCE, typed(scan=scan(content=bytes(6 * 1024 * 1024))))
    assert (large.status_code, "文件超过5MB" in words(large)) == (400, True)
    refused = lead.post(FINANCE, typed(scan=scan(content=bytes(9 * 1024 * 1024))))
    assert refused.status_code == 413
    assert "提交的内容过大" in words(refused)
    elsewhere = lead.post("/staff/", typed(scan=scan(content=bytes(300 * 1024))))
    assert elsewhere.status_code == 413


@pytest.mark.rule("FIL-04")
def test_a_scan_comes_as_a_file_that_can_do_nothing(lead, other_visitor):
    lead.post(FINANCE, typed())
    where = reverse("staff:change_scan", args=[ChangeScan.objects.get().uid])
    answer = lead.get(where)
    assert answer.content.startswith(b"\xff\xd8")
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert (answer["Cache-Control"], answer["Cross-Origin-Resource-Policy"]) == ("no-store", "same-origin")
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert len(entries(Kind.PHOTO_SEEN)) == 1
    other_visitor.sign_in_by_sms("MH", "徐明湖")
    assert other_visitor.get(where).status_code == 404


@pytest.mark.rule("AUZ-02", "D28")
def test_another_firms_request_is_not_found_and_the_look_is_recorded(other_visitor):
    request = ask_for_finance(actor("HC", "钱思远"))
    other_visitor.sign_in_by_sms("MH", "徐明湖")
    assert other_visitor.get(reverse("staff:change", args=[request.uid])).status_code == 404
    assert other_visitor.post(reverse("staff:withdraw_change", args=[request.uid])).status_code == 404
    assert [entry.taxpayer for entry in entries(Kind.NOT_FOUND)] == [cast.taxpayer("MH")] * 2
    assert words(other_visitor.get(LIST)).count("宋*桐") == 0


@pytest.mark.rule("M143", "VAL-04")
@pytest.mark.parametrize("again", ["x", "00000000-0000-0000-0000-000000000000", ""])
def test_an_earlier_request_that_is_none_begins_an_empty_form(lead, again):
    answer = lead.get(FINANCE, {"again": again})
    assert answer.status_code == 200
    assert _VALUE.findall(answer.content.decode()) == []


@pytest.mark.rule("M143")
def test_a_double_click_makes_one_request_and_says_where_it_is(lead):
    lead.post(FINANCE, typed())
    second = lead.post(FINANCE, typed())
    assert second.status_code == 400
    assert "查看申请列表" in words(second)
    assert ChangeRequest.objects.count() == 1


@pytest.mark.rule("M91", "M92")
def test_the_people_of_the_register_are_listed_and_a_misplaced_mobile_is_marked(visitor):
    visitor.sign_in_by_sms("YF", "王晓敏")
    visitor.set_password("Xiaomin-2026-neu")
    assert "手机号码应改到移动电话" in words(visitor.get(PEOPLE))
    where = reverse("staff:change_phones", args=[open_post("YF", "赵铁柱").pk])
    assert "手机号码应填在【移动电话】项目内" in words(
        visitor.post(where, {"mobile": "19900000002", "landline": "19900000002"})
    )
    visitor.post(where, {"mobile": "19900000002", "landline": ""})
    changes.approve(ChangeRequest.objects.get(), by=officer())
    assert "手机号码应改到移动电话" not in words(visitor.get(PEOPLE))


@pytest.mark.rule("AUZ-02")
def test_a_post_of_another_firm_or_of_the_legal_representative_is_not_found(lead):
    for post in (open_post("YF", "周文博"), open_post("HC", "钱思远")):
        assert lead.get(reverse("staff:end_clerk", args=[post.pk])).status_code == 404
        assert lead.post(reverse("staff:change_phones", args=[post.pk]), {"mobile": "19900000009"}).status_code == 404


# --- Stories ----------------------------------------------------------------------------------------------------------


def synchronise(visitor) -> None:
    """同步办税人, as its page shows it."""
    page = visitor.get("/staff/synchronise/").content.decode()
    seen = re.search(r'name="seen"\s+value="([^"]*)"', page)[1]
    assert "同步成功" in words(visitor.post("/staff/synchronise/", {"seen": seen}, follow=True))


def later(visitor) -> None:
    """A minute later, as far as codes to phones go."""
    Throttle.objects.filter(key__startswith="code_gap").delete()


@pytest.mark.rule("M102", "M103", "M104", "M105", "M106", "M107", "D25", "D20")
def test_a_new_clerk_from_the_request_to_his_first_click(visitor, other_visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    clerk = {"name": "周文博", "id_type": "resident", "id_number": cast.ID_NUMBERS["周文博"], "mobile": "19900000004"}
    page = visitor.get(visitor.post(ADD, clerk).url)
    assert "办税人员信息：增加 周*博" in words(page)
    assert "待审核" in words(page)
    request = ChangeRequest.objects.get()
    changes.approve(request, by=officer())
    page = words(visitor.get(reverse("staff:change", args=[request.uid])))
    for step in ("采集实名信息，也可以到税务机关前台办理", "确认与本企业的关联", "【同步办税人】", "为新办税人授权"):
        assert step in page
    person = cast.person("周文博")
    person.phone = "19900000004"
    person.save()
    RealNameRecord.objects.create(person=person, phone=person.phone, method="counter")
    posts.link(open_post("HC", "周文博"), by=actor("HC", "周文博"))
    synchronise(visitor)
    found = visitor.post("/staff/add/", {name: clerk[name] for name in ("name", "id_type", "id_number")})
    there = re.search(r'href="(/staff/add/[^"]{20,}/)"', found.content.decode())[1]
    identity = cast.taxpayer("HC").identities.get(name="查询员")
    assert visitor.post(there, {"password": "Wenbo-2026-neu", "identities": [identity.uid]}).url == "/staff/"
    other_visitor.sign_in_by_sms("HC", "周文博")
    assert "我要查询" in words(other_visitor.get("/"))


@pytest.mark.rule("D27", "AUZ-08", "M143")
def test_who_sends_anothers_request_again_gets_an_empty_form(visitor, other_visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    there = visitor.post(FINANCE, typed()).url
    request = ChangeRequest.objects.get()
    changes.return_(request, str(changes.NO_DOCUMENT), by=officer())
    other_visitor.sign_in_by_sms("HC", "林若兰")
    page = other_visitor.get(there)
    assert "按原内容重新提交" not in words(page)
    assert "可以重新填写后提交" in words(other_visitor.post(there + "withdraw/", follow=True))
    form = other_visitor.get(FINANCE, {"again": str(request.uid)}).content.decode()
    assert SONG.id_number not in form
    assert SONG.mobile not in form
    assert dict(_VALUE.findall(form)) == {}
    assert SONG.id_number in visitor.get(FINANCE, {"again": str(request.uid)}).content.decode()


@pytest.mark.rule("M137", "M139", "M142", "M143", "M102", "M103", "M107", "D20", "D25")
def test_the_finance_officer_is_replaced_after_one_return(visitor, other_visitor, own_folder):
    """Sent, returned word for word, withdrawn, mended, approved, synchronised; the old one is out, the new one in."""
    other_visitor.sign_in_by_sms("HC", "林若兰")
    visitor.sign_in_by_sms("HC", "钱思远")
    assert visitor.post(FINANCE, typed(rows=list(Row))).status_code == 400
    there = visitor.post(FINANCE, typed()).url
    first = ChangeRequest.objects.get()
    changes.return_(first, str(changes.NO_DOCUMENT), by=officer())
    page = words(visitor.get(there))
    assert f"退回原因 {M142}" in page or f"退回原因{M142}" in page
    assert M142 in words(visitor.get(LIST))
    assert f"财务负责人变更的申请被税务机关退回：{M142}" in words(visitor.get("/"))
    assert visitor.post(FINANCE, typed()).status_code == 400
    page = visitor.get(visitor.post(there + "withdraw/").url)
    assert "已撤消" in words(page)
    again = unescape(re.search(r'href="(/staff/changes/finance/\?again=[^"]+)"', page.content.decode())[1])
    assert dict(_VALUE.findall(visitor.get(again).content.decode())) == {
        name: TYPED[name] for name in ("name", "id_number", "mobile")
    }
    assert set(_KEPT.findall(visitor.get(again).content.decode())) == {row.value for row in CHANGED}
    there = visitor.post(FINANCE, typed(scan=scan("stamped.jpg", picture("JPEG")))).url
    assert other_visitor.get("/").status_code == 200
    second = ChangeRequest.objects.pending().get()
    changes.approve(second, by=officer())
    assert "后续步骤" in words(visitor.get(there))
    out = other_visitor.get("/", follow=True)
    assert M102 in words(out)
    synchronise(visitor)
    posts.link(open_finance(), by=actor("HC", "宋雨桐"))
    later(visitor)
    other_visitor.sign_in_by_sms("HC", "宋雨桐")
    assert other_visitor.set_password("Yutong-2026-neu").status_code == 302
    page = words(other_visitor.get("/"))
    assert "财务负责人" in page
    assert [each.state for each in ChangeRequest.objects.order_by("pk")] == [
        ChangeState.WITHDRAWN,
        ChangeState.APPROVED,
    ]
    page = words(visitor.get(LIST))
    assert M142 in page
    assert "已批准" in page


def open_finance():
    return changes.finance_post(cast.taxpayer("HC"))


@pytest.mark.rule("D25", "M102")
def test_a_clerk_whose_end_is_approved_is_out_at_his_next_click(visitor, other_visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    other_visitor.sign_in_by_sms("HC", "孙雅静")
    where = reverse("staff:end_clerk", args=[open_post("HC", "孙雅静").pk])
    assert "下一次点击即退出" in words(visitor.get(where))
    visitor.post(where)
    assert other_visitor.get("/").status_code == 200
    changes.approve(ChangeRequest.objects.get(), by=officer())
    assert M102 in words(other_visitor.get("/", follow=True))


@pytest.mark.rule("LOG-05", "D27")
def test_no_full_number_stands_on_a_page_or_in_the_record(lead):
    lead.post(
        ADD, {"name": NEWCOMER.name, "id_type": "resident", "id_number": NEWCOMER.id_number, "mobile": NEWCOMER.mobile}
    )
    request = ChangeRequest.objects.get()
    pages = [
        lead.get(where).content.decode()
        for where in (LIST, reverse("staff:change", args=[request.uid]), "/staff/operations/")
    ]
    for page in pages:
        assert NEWCOMER.id_number not in page
        assert NEWCOMER.mobile not in page
        assert NEWCOMER.name not in page


@pytest.mark.rule("M143")
def test_who_must_withdraw_first_is_told_before_he_fills_in_the_form(lead):
    asked = ask_for_finance(actor("HC", "钱思远"))
    page = lead.get(FINANCE)
    assert "请先撤消原申请，再重新提交" in words(page)
    assert reverse("staff:change", args=[asked.uid]) in page.content.decode()
    assert 'name="id_number"' not in page.content.decode()
    lead.post(reverse("staff:withdraw_change", args=[asked.uid]))
    assert 'name="id_number"' in lead.get(FINANCE).content.decode()


@pytest.mark.rule("M143", "FIL-06")
def test_that_a_scan_goes_with_a_withdrawal_is_said_where_there_is_one(lead):
    with_scan = ask_for_finance(actor("HC", "钱思远"))
    without = changes.submit_end(open_post("HC", "马文涛"), by=actor("HC", "钱思远"))
    assert "撤消后扫描件随即删除" in words(lead.get(reverse("staff:change", args=[with_scan.uid])))
    assert "扫描件" not in words(lead.get(reverse("staff:change", args=[without.uid])))
