"""审核 in the back office: collections and changes of the register, whole stories and rights (M16, M83, M142, D25)."""

import re
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts.models import Throttle
from realname import changes, posts
from realname.change_rows import Details
from realname.models import ChangeScan, Collection, Photo
from tests import cast
from tests.etax.officers import COUNTER, REVIEWER, sign_in
from tests.etax.tables import rows
from tests.realname.asking import CHANGED, SONG, ask_for_finance, open_post, picture
from tests.realname.collecting import NAME, sent_in
from tests.staff.acting import actor, entries
from tests.visitor import Visitor, words

FINANCE = "/staff/changes/finance/"
M102 = "当前办税人与税务登记办税人信息不符，请通过变更税务登记维护办税人，并重新同步办税人信息。"
M142 = "需上传变更后的财务负责人身份证信息."
SURE = {"confirmed": "True"}
PHONE = cast.PHONES[NAME]


def at(name: str, *args: object) -> str:
    return reverse(f"bureau:{name}", args=args)


@pytest.fixture
def reviewer(world, own_folder) -> Visitor:
    """高明远, come in by his own door."""
    return sign_in(Visitor(own_folder / "sms.jsonl"), REVIEWER)


@pytest.fixture
def at_counter(world, own_folder) -> Visitor:
    """顾前程, come in by his own door."""
    return sign_in(Visitor(own_folder / "sms.jsonl"), COUNTER)


def first_row(visitor: Visitor, listed: str) -> str:
    """Where the newest row of a list leads."""
    return re.search(r'<th scope="row"[^>]*>\s*<a href="([^"]+)"', visitor.get(at(listed)).content.decode())[1]


def waiting(name: str = NAME, **changed) -> Collection:
    """A collection that waits, without photos."""
    now = timezone.now()
    given = {"name": name, "id_type": "resident", "id_number": cast.ID_NUMBERS[NAME], "phone": "13900000001"}
    consent = {"consent_version": "2026-11", "begun_at": now, "consented_at": now, "submitted_at": now}
    return Collection.objects.create(**{**given, **consent, **changed})


# --- Stories ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("M7", "M15", "M29", "M31", "M83", "M86", "M87", "D18", "D26")
def test_zhou_wenbo_is_approved_in_the_back_office_and_then_linked_and_added(visitor, other_visitor, reviewer):
    sent_in(visitor)
    there = first_row(reviewer, "reviews")
    page = words(reviewer.get(there))
    assert "审核实名采集" in page
    assert "199****0004" in page
    for photo in Photo.objects.kept():
        assert reviewer.get(reverse("realname:photo", args=[photo.uid])).content.startswith(b"\xff\xd8")
    assert len(entries("photo_seen", person=cast.person(REVIEWER))) == 3
    assert "成为本人的实名手机号" in words(reviewer.get(there + "approve/"))
    assert "审核通过" in words(reviewer.post(there + "approve/", SURE, follow=True))
    assert "没有待审核的事项" in words(reviewer.get(at("reviews")))
    assert "审核通过" in visitor.texts_to(PHONE)[-1]
    assert cast.person(NAME).phone == PHONE
    posts.link(open_post("YF", NAME), by=actor("YF", NAME))
    assert add_clerk(other_visitor) == "/staff/"
    Throttle.objects.filter(key__startswith="code_gap").delete()
    visitor.sign_in_by_sms("YF", NAME)
    assert "我要查询" in words(visitor.get("/"))


def add_clerk(lead: Visitor) -> str:
    """王晓敏 signs in for the first time, makes an identity and adds 周文博; where that leads."""
    lead.sign_in_by_sms("YF", "王晓敏")
    lead.set_password("Xiaomin-2026-neu")
    identity = {"name": "查询员", "description": "", "functions": "query.record.operations"}
    assert lead.post(reverse("staff:save_new_identity"), identity).status_code == 302
    data = {"name": NAME, "id_type": "resident", "id_number": cast.ID_NUMBERS[NAME]}
    found = lead.post(reverse("staff:search_candidate"), data)
    there = re.search(r'href="(/staff/add/[^"]{20,}/)"', found.content.decode())[1]
    role = cast.taxpayer("YF").identities.get(name="查询员")
    return lead.post(there, {"password": "Wenbo-2026-neu", "identities": [role.uid]}).url


def typed() -> dict:
    """The form of 财务负责人变更, as it should be."""
    stamped = SimpleUploadedFile("id.png", picture(), "image/png")
    asked = {"name": SONG.name, "id_type": "resident", "id_number": SONG.id_number, "mobile": SONG.mobile}
    return {**asked, "landline": "", "email": "", "rows": [row.value for row in CHANGED], "scan": stamped}


def synchronise(visitor: Visitor) -> None:
    """同步办税人, as its page shows it."""
    page = visitor.get("/staff/synchronise/").content.decode()
    seen = re.search(r'name="seen"\s+value="([^"]*)"', page)[1]
    assert "同步成功" in words(visitor.post("/staff/synchronise/", {"seen": seen}, follow=True))


@pytest.mark.rule("M102", "M103", "M107", "M137", "M141", "M142", "M143", "D20", "D25")
def test_the_finance_officer_is_replaced_after_one_return_by_the_reviewer(visitor, other_visitor, reviewer):
    other_visitor.sign_in_by_sms("HC", "林若兰")
    visitor.sign_in_by_sms("HC", "钱思远")
    sent = visitor.post(FINANCE, typed()).url
    there = first_row(reviewer, "waiting_changes")
    page = words(reviewer.get(there))
    assert "林*兰 宋*桐" in page
    assert reviewer.get(at("scan", ChangeScan.objects.get().uid)).content.startswith(b"\xff\xd8")
    ready = re.search(
        r'<input type="hidden" name="reason" value="([^"]+)"', reviewer.get(there + "return/").content.decode()
    )
    assert unescape(ready[1]) == M142
    assert "已退回" in words(reviewer.post(there + "return/", {"reason": unescape(ready[1])}, follow=True))
    assert f"财务负责人变更的申请被税务机关退回：{M142}" in words(visitor.get("/"))
    assert M142 in words(visitor.get(sent))
    withdrawn = visitor.get(visitor.post(sent + "withdraw/").url)
    again = unescape(re.search(r'href="(/staff/changes/finance/\?again=[^"]+)"', withdrawn.content.decode())[1])
    assert SONG.id_number in visitor.get(again).content.decode()
    visitor.post(FINANCE, typed())
    assert other_visitor.get("/").status_code == 200
    second = first_row(reviewer, "waiting_changes")
    assert second != there
    assert "税务登记已变更" in words(reviewer.post(second + "approve/", SURE, follow=True))
    assert "没有待审核的事项" in words(reviewer.get(at("waiting_changes")))
    assert M102 in words(other_visitor.get("/", follow=True))
    synchronise(visitor)
    posts.link(changes.finance_post(cast.taxpayer("HC")), by=actor("HC", "宋雨桐"))
    other_visitor.sign_in_by_sms_later("HC", "宋雨桐")
    assert other_visitor.set_password("Yutong-2026-neu").status_code == 302
    assert "财务负责人" in words(other_visitor.get("/"))
    decided = [(entry.kind, entry.person) for entry in entries("change_returned") + entries("change_approved")]
    assert decided == [("change_returned", cast.person(REVIEWER)), ("change_approved", cast.person(REVIEWER))]


# --- Who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("AUZ-01", "D22", "D25", "D26", "D28")
def test_the_counter_is_refused_every_page_and_decision_in_words_and_on_record(at_counter):
    collection, request = waiting(), ask_for_finance(actor("HC", "钱思远"))
    before = rows()
    pages = [at("reviews"), at("waiting_changes"), at("waiting_misuse"), at("scan", request.scans.get().uid)]
    pages += [at("collection", collection.uid), at("change", request.uid)]
    forms = [at(f"{act}_collection", collection.uid) for act in ("show", "approve", "return")]
    forms += [at(f"{act}_change", request.uid) for act in ("show", "approve", "return")]
    answers = [at_counter.get(where) for where in pages]
    answers += [at_counter.post(where, {**SURE, "reason": M142}) for where in forms]
    for answer in answers:
        assert answer.status_code == 403
        assert "只有审核人员可以审核，前台人员不能审核" in words(answer)
    assert [entry.reason for entry in entries("act_refused")] == ["not_reviewer"] * len(answers)
    assert rows() == before


@pytest.mark.rule("AUZ-01", "D26")
def test_a_reviewers_own_case_is_somebody_elses(reviewer):
    own = waiting(REVIEWER, id_number=cast.ID_NUMBERS[REVIEWER])
    for act, data in (("approve_collection", SURE), ("return_collection", {"reason": "照片不清"})):
        refused = reviewer.post(at(act, own.uid), data)
        assert refused.status_code == 400
        assert "不能办理与本人有关的业务，请由其他税务人员办理。" in words(refused)
    assert [entries(kind)[0].reason for kind in ("collection_approved", "collection_returned")] == ["own_affair"] * 2
    assert Collection.objects.waiting().get() == own


# --- The pages --------------------------------------------------------------------------------------------------------


@pytest.mark.rule("D27", "AUZ-08")
def test_what_is_asked_is_masked_until_shown_in_full_which_is_recorded(reviewer):
    collection, request = waiting(), ask_for_finance(actor("HC", "钱思远"))
    shown = {"collection": (collection, NAME, "13900000001"), "change": (request, SONG.name, SONG.mobile)}
    for name, (asked, *full) in shown.items():
        secret = [*full, asked.id_number]
        for where in (at("reviews"), at("waiting_changes"), at(name, asked.uid), at(f"approve_{name}", asked.uid)):
            page = reviewer.get(where).content.decode()
            assert not [text for text in secret if text in page], where
        page = reviewer.post(at(f"show_{name}", asked.uid)).content.decode()
        assert [text for text in secret if text in page] == secret
        assert reviewer.get(at(f"show_{name}", asked.uid)).status_code == 405
    by_name, of_firm = entries("number_shown")
    assert (by_name.target, of_firm.taxpayer) == (cast.person(NAME), cast.taxpayer("HC"))


@pytest.mark.rule("M16", "M17", "D26")
def test_another_name_is_pointed_out_and_approved_only_when_held_to_the_card(reviewer):
    collection = waiting("周文伯")
    page = words(reviewer.get(at("collection", collection.uid)))
    assert "登记的姓名与采集的不一致" in page
    assert "系统登记的姓名 周*博" in page
    where = at("approve_collection", collection.uid)
    refused = reviewer.post(where, SURE)
    assert refused.status_code == 400
    assert "请核对证件上的姓名后勾选" in words(refused)
    assert reviewer.post(where, {**SURE, "name_checked": "on"}).status_code == 302
    assert Collection.objects.get().record.person.name == "周文伯"
    assert "信息已变更，请刷新后重试" in words(reviewer.post(where, SURE))


@pytest.mark.rule("D26", "OTP-09")
def test_a_collection_is_returned_with_a_reason_that_the_phone_is_told(reviewer):
    where = at("return_collection", waiting().uid)
    assert "请填写退回原因，让对方知道怎样修改" in words(reviewer.post(where, {"reason": " "}))
    page = words(reviewer.post(where, {"reason": "证件照片不清晰"}, follow=True))
    assert "审核不通过" in page
    assert "证件照片不清晰" in page
    assert "未通过审核：证件照片不清晰" in reviewer.texts_to("13900000001")[-1]
    assert not cast.person(NAME).real_name_records.exists()
    again = reviewer.post(where, {"reason": "又"})
    assert (again.status_code, "信息已变更" in words(again)) == (400, True)


@pytest.mark.rule("M92", "M104", "D25")
def test_each_kind_of_change_is_shown_before_and_after(reviewer):
    by, clerk = actor("HC", "钱思远"), open_post("HC", "孙雅静")
    ended = changes.submit_end(clerk, by=by)
    assert "任职 在任 批准之日终止" in words(reviewer.get(at("change", ended.uid)))
    changes.withdraw(ended, by=by)
    moved = changes.submit_phones(clerk, mobile="19900000077", landline="", by=by)
    assert "移动电话 199****0003 199****0077" in words(reviewer.get(at("change", moved.uid)))
    assert M142 not in words(reviewer.get(at("return_change", moved.uid)))  # it speaks of the finance officer
    added = changes.submit_clerk(Details("韩梅梅", "resident", "210102199001010023", "19900000078"), by=by)
    assert "姓名 — 韩*梅" in words(reviewer.get(at("change", added.uid)))
    assert "没有扫描件" in words(reviewer.get(at("change", added.uid)))
    assert [row in words(reviewer.get(at("waiting_changes"))) for row in ("孙*静", "韩*梅")] == [True, True]


@pytest.mark.rule("D33")
def test_the_lists_are_paged_by_key_and_point_to_each_other(reviewer):
    for number in range(25):
        waiting(id_type="passport", id_number=f"E{number:08}")
    first = reviewer.get(at("reviews")).content.decode()
    older = re.search(r'rel="next" href="([^"]+)"', first)[1]
    second = reviewer.get(at("reviews") + older).content.decode()
    assert [page.count('<th scope="row"') for page in (first, second)] == [20, 5]
    assert "实名采集 （有待审核的）" in words(reviewer.get(at("waiting_misuse")))
    assert reviewer.get(at("reviews"), {"before": "x"}).status_code == 404


@pytest.mark.rule("AUZ-02", "VAL-04")
def test_what_is_not_there_or_not_sent_in_is_not_found(reviewer):
    unfinished = waiting(submitted_at=None)
    nobody = "00000000-0000-0000-0000-000000000000"
    for name, uid in (("collection", unfinished.uid), ("collection", nobody), ("change", nobody), ("scan", nobody)):
        assert reviewer.get(at(name, uid)).status_code == 404
    for act in ("approve", "return", "show"):
        assert reviewer.post(at(f"{act}_collection", unfinished.uid), SURE).status_code == 404


@pytest.mark.rule("M130", "D22")
def test_the_counter_resets_the_declaration_password_and_a_reviewer_may_not(at_counter, reviewer):
    where = at("renew_declaration", cast.taxpayer("HC").uid)
    assert where in at_counter.get(at("taxpayer", cast.taxpayer("HC").uid)).content.decode()
    assert "原申报密码立即作废" in words(at_counter.get(where))
    assert at_counter.post(where, {}).status_code == 400
    assert not entries("declaration_password_reset")
    assert "申报密码已重置" in words(at_counter.post(where, SURE, follow=True))
    [entry] = entries("declaration_password_reset")
    assert (entry.person, entry.taxpayer) == (cast.person(COUNTER), cast.taxpayer("HC"))
    assert "申报密码已重置" in at_counter.texts_to(cast.PHONES["钱思远"])[-1]
    refused = reviewer.post(where, SURE)
    assert (refused.status_code, "只有前台人员可以进行此操作" in words(refused)) == (403, True)
