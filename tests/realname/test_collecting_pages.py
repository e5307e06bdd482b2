"""实名采集, page by page: the way through, bad input at every step, and passages that are somebody else's."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, Person
from realname import collecting as services
from realname.models import Collection, Photo
from staff.models import Identity
from tests import cast
from tests.realname import cards
from tests.realname.collecting import (
    NAME,
    PAGES,
    act,
    agree,
    at,
    fill_in,
    go_to,
    officer,
    prove_phone,
    send_photo,
    sent_in,
    tell_who,
    wait_a_minute,
)
from tests.visitor import words

PHONE = cast.PHONES[NAME]


@pytest.mark.rule("M7", "M8", "M15", "M86", "M87", "D18", "D26")
def test_zhou_wenbo_collects_is_approved_links_himself_and_can_be_added_in_yunfan(visitor, other_visitor):
    entry = words(visitor.get(at("collect")))
    assert "首次采集" in entry
    assert "到税务机关前台办理" in entry
    collection = sent_in(visitor)
    page = words(visitor.get(at("result")))
    assert "已提交，待审核" in page
    assert "199****0004" in page
    assert PHONE not in page
    assert cast.person(NAME).phone == ""

    act(services.approve, collection, by=officer())
    person = cast.person(NAME)
    assert person.phone == PHONE
    assert person.real_name_records.get(revoked_at=None).method == "app"
    assert "您的实名采集已审核通过，实名手机号为199****0004" in visitor.texts_to(PHONE)[-1]
    assert "检测成功" in words(visitor.get(at("result")))

    wait_a_minute()
    who = {"name": NAME, "id_type": "resident", "id_number": cast.ID_NUMBERS[NAME], "phone": PHONE, "agreement": "on"}
    visitor.post_with_picture(reverse("staff:register"), who)
    visitor.post(reverse("staff:register_code"), {"code": visitor.code_on(PHONE)})
    account = {"username": "zhouwenbo", "new_password": "Wenbo-nat-2026", "confirm_password": "Wenbo-nat-2026"}
    assert visitor.post(reverse("staff:register_account"), account).url == reverse("staff:natural_login")
    natural = {"username": "zhouwenbo", "password": "Wenbo-nat-2026", "agreement": "on"}
    assert visitor.post_with_picture(reverse("staff:natural_login"), natural).url == reverse("home")
    assert "确认关联" in words(visitor.get(reverse("staff:my_posts")))
    visitor.post(reverse("staff:link_post", args=[person.posts.get().pk]))

    other_visitor.go_to_verify("YF", "王晓敏")
    other_visitor.verify_by_sms(cast.PHONES["王晓敏"])
    other_visitor.set_password("Xiaomin-2026-ok")
    Identity.objects.create(taxpayer=cast.taxpayer("YF"), name="全量办税")
    candidate = {"name": NAME, "id_type": "resident", "id_number": cast.ID_NUMBERS[NAME]}
    found = words(other_visitor.post(reverse("staff:search_candidate"), candidate))
    assert "未查询到该人员信息" not in found
    assert "周*博" in found


@pytest.mark.rule("D26", "FLOW-08")
@pytest.mark.parametrize("way", ["new", "supplement", "change"])
def test_known_and_unknown_people_see_the_same_pages(visitor, other_visitor, way):
    known = tell_who(visitor, "孙雅静", way=way, phone="13900000001")
    unknown = tell_who(other_visitor, NAME, way=way, phone="13911110001", id_number="11010519491231002X")
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url) == (302, at("collect_code"))
    pages = [words(each.get(at("collect_code"))) for each in (visitor, other_visitor)]
    assert pages[0] == pages[1]
    assert [prove_phone(visitor, "13900000001").url, prove_phone(other_visitor, "13911110001").url] == [
        at("consent"),
        at("consent"),
    ]


@pytest.mark.rule("D26", "OTP-07", "OTP-13")
def test_the_phone_typed_gets_the_code_though_nobody_is_known_by_it(visitor):
    tell_who(visitor, phone="13900000001")
    assert "用于实名采集" in visitor.texts_to("13900000001")[0]
    assert visitor.texts_to(PHONE) == []
    assert prove_phone(visitor, "13900000001").url == at("consent")
    assert "短信验证码错误或已过期" in words(visitor.post(at("collect_code"), {"code": "123456"}))


@pytest.mark.rule("OTP-06", "D14")
def test_a_phone_is_sent_no_second_code_within_a_minute_whoever_asks(visitor, other_visitor):
    tell_who(visitor)
    again = tell_who(other_visitor, "孙雅静", phone=PHONE)
    assert again.status_code == 400
    assert "秒后重新获取" in words(again)
    assert visitor.post(at("collect_send")).status_code == 400
    assert len(visitor.texts_to(PHONE)) == 1


@pytest.mark.rule("FLOW-02", "OTP-07")
def test_another_visitors_passage_and_code_are_worth_nothing(visitor, other_visitor):
    go_to(visitor, "collect_code")
    code = visitor.code_on(PHONE)
    assert other_visitor.post(at("collect_code"), {"code": code}).url == at("collect")
    tell_who(other_visitor, phone="13900000009")
    assert "短信验证码错误或已过期" in words(other_visitor.post(at("collect_code"), {"code": code}))
    assert visitor.post(at("collect_code"), {"code": code}).url == at("consent")
    for page in PAGES[2:]:
        assert other_visitor.get(at(page)).status_code == 302, page
    assert not Photo.objects.exists()


@pytest.mark.rule("FLOW-01", "FLOW-07")
def test_no_step_can_be_skipped_and_each_leads_to_the_first_that_is_missing(visitor):
    go_to(visitor, "consent")
    for page in ("card_front", "card_back", "details", "face", "result"):
        assert visitor.get(at(page)).url == at("consent"), page
    assert send_photo(visitor, "face").url == at("consent")
    agree(visitor)
    assert visitor.get(at("face")).url == at("card_front")
    assert not Photo.objects.exists()


@pytest.mark.rule("FLOW-01")
def test_a_passage_is_over_after_half_an_hour_and_says_so(visitor):
    go_to(visitor, "card_back")
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        answer = visitor.get(at("card_back"), follow=True)
    assert "实名采集已超过30分钟" in words(answer)


@pytest.mark.rule("FLOW-07", "REL-01")
def test_sending_in_twice_makes_one_collection(visitor):
    sent_in(visitor)
    assert send_photo(visitor, "face").url == at("result")
    assert Collection.objects.count() == 1
    assert AuditEntry.objects.filter(kind="collection_submitted").count() == 1
    assert Photo.objects.count() == 3


@pytest.mark.rule("D26")
def test_who_has_sent_in_and_proves_the_same_phone_again_sees_how_it_stands(visitor, other_visitor):
    sent_in(visitor)
    wait_a_minute()
    tell_who(other_visitor)
    assert prove_phone(other_visitor, PHONE).url == at("result")
    assert "已提交，待审核" in words(other_visitor.get(at("result")))
    assert Collection.objects.count() == 1


@pytest.mark.rule("D26", "M86")
def test_who_asks_anew_is_told_what_became_of_what_he_sent_in(visitor, other_visitor):
    collection = sent_in(visitor)
    act(services.return_to_person, collection, "证件反面缺角", by=officer())
    wait_a_minute()
    tell_who(other_visitor)
    answer = other_visitor.get(prove_phone(other_visitor, PHONE).url)
    assert "提交的采集没有通过审核，原因：证件反面缺角" in words(answer)
    wait_a_minute()
    tell_who(other_visitor, phone="13900000001")
    assert "证件反面缺角" not in words(other_visitor.get(prove_phone(other_visitor, "13900000001").url))


@pytest.mark.rule("D26")
def test_the_same_document_from_another_phone_waits_for_the_first(visitor, other_visitor):
    sent_in(visitor)
    go_to(other_visitor, "face", phone="13900000001")
    refused = send_photo(other_visitor, "face")
    assert refused.status_code == 400
    assert "该证件已有一份采集正在审核" in words(refused)


@pytest.mark.rule("D26", "FIL-06")
def test_what_waits_can_be_taken_back_and_its_pictures_are_gone(visitor, own_folder):
    collection = sent_in(visitor)
    answer = visitor.post(at("withdraw_collection"), follow=True)
    assert "已撤回，照片已删除" in words(answer)
    collection.refresh_from_db()
    assert collection.outcome == "withdrawn"
    assert collection.consent_withdrawn_at
    assert not [path for path in (own_folder / "photos").rglob("*") if path.is_file()]
    wait_a_minute()
    go_to(visitor, "consent")


@pytest.mark.rule("OTP-10", "D26")
def test_who_is_known_is_told_on_his_own_phone_that_somebody_collects_in_his_name(visitor):
    sent_in(visitor, "孙雅静", phone="13900000001")
    told = visitor.texts_to(cast.PHONES["孙雅静"])
    assert len(told) == 1
    assert "有人用手机号139****0001为您的身份证件提交了实名采集" in told[0]
    assert cast.person("孙雅静").phone == cast.PHONES["孙雅静"]
    assert "139****0001" in words(visitor.get(at("result")))


@pytest.mark.rule("D26", "M17")
def test_the_result_of_a_returned_collection_says_why_and_what_to_do(visitor):
    collection = sent_in(visitor)
    act(services.return_to_person, collection, "证件反面缺角", by=officer())
    page = words(visitor.get(at("result")))
    assert "证件反面缺角" in page
    assert "重新采集" in page
    assert "未通过审核：证件反面缺角" in visitor.texts_to(PHONE)[-1]


@pytest.mark.rule("M7", "M8", "D4")
def test_who_cannot_be_chosen_for_want_of_a_real_name_is_led_here(visitor):
    visitor.give_enterprise_password("YF")
    page = visitor.get(reverse("staff:choose_person")).content.decode()
    assert "该人员尚未实名采集" in page
    assert f'href="{at("collect")}"' in page


# --- Bad input at every step -----------------------------------------------------------------------------------------


@pytest.mark.rule("D29", "VAL-01", "VAL-03", "VAL-04")
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": ""}, "请填写姓名"),
        ({"name": "周\u202e文博"}, "含有无法显示的字符"),
        ({"id_number": "210102198502280018"}, "身份证件号码有误"),
        ({"id_number": "x" * 5000}, "最多60个字符"),
        ({"id_type": "library"}, "请从列表中选择证件类型"),
        ({"id_type": "passport"}, "身份证件号码有误"),
        ({"phone": "12345"}, "手机号码应为11位数字"),
        ({"phone": ["19900000004", "19900000005"]}, "同一项目只能填写一个值"),
        ({"captcha": "wrong"}, "验证码错误或已过期"),
    ],
)
def test_the_first_page_refuses_what_cannot_be_and_sends_nothing(visitor, changed, said):
    answer = tell_who(visitor, **changed)
    assert answer.status_code == 400
    assert said in words(answer)
    assert not visitor.messages.exists()


@pytest.mark.rule("M17")
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"former_id_type": "passport"}, "须同时填写"),
        ({"former_id_number": "E12345678"}, "须同时填写"),
        ({"former_id_type": "passport", "former_id_number": "!"}, "身份证件号码有误"),
        ({"former_id_type": "resident", "former_id_number": cast.ID_NUMBERS[NAME]}, "原证件与新证件相同"),
    ],
)
def test_a_change_names_the_former_document_whole_or_not_at_all(visitor, changed, said):
    answer = tell_who(visitor, way="change", **changed)
    assert answer.status_code == 400
    assert said in words(answer)


@pytest.mark.rule("FIL-06")
@pytest.mark.parametrize(
    ("data", "said"),
    [({}, "请先阅读并勾选同意"), ({"agreed": "on", "version": "2020-01"}, "已更新"), ({"agreed": "on"}, "已更新")],
)
def test_without_consent_to_the_text_in_force_no_picture_is_taken(visitor, data, said):
    go_to(visitor, "consent")
    answer = visitor.post(at("consent"), data)
    assert answer.status_code == 400
    assert said in words(answer)
    assert Collection.objects.get().consented_at is None


@pytest.mark.rule("FIL-06")
def test_consent_is_written_down_with_version_and_time(visitor):
    go_to(visitor, "card_front")
    collection = Collection.objects.get()
    assert (collection.consent_version, collection.consented_at is not None) == ("2026-11", True)
    assert AuditEntry.objects.get(kind="consent_given").details == {"version": "2026-11"}


@pytest.mark.rule("FIL-01", "VAL-04")
@pytest.mark.parametrize("page", ["card_front", "face"])
def test_a_photo_page_refuses_what_is_no_picture(visitor, page):
    go_to(visitor, page)
    for data in (
        {},
        {"photo": "words"},
        {"photo": cards.upload(b"")},
        {"photo": cards.upload(b"<svg/>")},
        {"photo": [cards.upload(cards.jpeg()), cards.upload(cards.jpeg())]},
    ):
        answer = visitor.post(at(page), data)
        assert answer.status_code == 400, data
        assert "照片" in words(answer)
    kept = 0 if page == "card_front" else 2
    assert Photo.objects.kept().count() == kept


@pytest.mark.rule("FIL-02")
def test_a_file_above_five_megabytes_is_refused_in_words_and_a_body_above_eight_at_the_gate(visitor):
    go_to(visitor, "card_front")
    large = visitor.post(at("card_front"), {"photo": cards.upload(b"\xff\xd8" + b"0" * (5 * 1024 * 1024))})
    assert large.status_code == 400
    assert "照片文件超过5MB" in words(large)
    huge = visitor.post(at("card_front"), {"photo": cards.upload(b"0" * (8 * 1024 * 1024))})
    assert huge.status_code == 413
    elsewhere = visitor.post(reverse("login"), {"photo": cards.upload(b"0" * (300 * 1024))})
    assert elsewhere.status_code == 413


@pytest.mark.rule("M86")
def test_a_card_may_come_from_the_files_instead_of_the_camera(visitor):
    go_to(visitor, "card_front")
    assert send_photo(visitor, "card_front", field="file").url == at("card_back")
    page = visitor.get(at("card_back")).content.decode()
    assert 'capture="environment"' in page
    assert page.count('accept="image/jpeg,image/png"') == 2


@pytest.mark.rule("M86")
@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"valid_until": ""}, "请填写证件有效期的截止日期"),
        ({"valid_until": "2020-01-31"}, "已过有效期"),
        ({"valid_until": "31.1.2039"}, "请填写日期"),
        ({"valid_until": "9999-12-31"}, "2199"),
        ({"has_no_end": "on"}, "已勾选长期有效"),
    ],
)
def test_the_details_need_a_card_that_is_valid(visitor, data, said):
    go_to(visitor, "details")
    answer = fill_in(visitor, **data)
    assert answer.status_code == 400
    assert said in words(answer)


@pytest.mark.rule("M86", "D27")
def test_the_details_show_the_number_masked_and_a_card_may_have_no_end(visitor):
    go_to(visitor, "details")
    page = words(visitor.get(at("details")))
    assert "2101**********0019" in page
    assert cast.ID_NUMBERS[NAME] not in page
    assert visitor.post(at("details"), {"has_no_end": "on"}).url == at("face")
    assert Collection.objects.get().valid_until is None


@pytest.mark.rule("FIL-05")
def test_the_eleventh_picture_of_a_phone_in_a_day_is_refused(visitor):
    go_to(visitor, "card_front")
    for _ in range(10):
        assert send_photo(visitor, "card_front", b"no picture").status_code == 400
    refused = send_photo(visitor, "card_front")
    assert refused.status_code == 400
    assert "已达10张" in words(refused)


@pytest.mark.rule("CRY-01")
def test_the_session_holds_neither_number_nor_phone_in_clear(visitor):
    tell_who(visitor)
    told = str(dict(visitor.session.items()))
    for secret in (cast.ID_NUMBERS[NAME], PHONE, NAME):
        assert secret not in told


@pytest.mark.rule("D26")
def test_somebody_whom_nobody_knows_becomes_a_person_only_when_approved(visitor):
    go_to(visitor, "result", NAME, id_number="11010519491231002X", phone="13900000001")
    collection = Collection.objects.get()
    assert not Person.objects.by_id_number("resident", "11010519491231002X").exists()
    act(services.approve, collection, by=officer())
    assert Person.objects.by_id_number("resident", "11010519491231002X").get().phone == "13900000001"


@pytest.mark.rule("M86")
def test_a_picture_that_went_wrong_can_be_taken_again_from_each_later_page(visitor):
    go_to(visitor, "card_back")
    for page in ("card_back", "details", "face"):
        assert at("card_front") in visitor.get(at(page)).content.decode()
        assert visitor.get(at("card_front")).status_code == 200
        if page == "card_back":
            send_photo(visitor, "card_back")
        elif page == "details":
            fill_in(visitor)
