"""认定, 修改, 取消, 拒绝, 申请, 撤回, 指定, 分组: the services, their refusals and their words."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import call_command
from django.utils import timezone

from accounts.models import AuditEntry, SmsMessage, Taxpayer
from accounts.models.record import Kind
from accounts.models.signins import Proof
from agencies import lists
from agencies.models import ClientGroup, Engagement, Handler
from agencies.services import engagements, groups, recognition, requests
from agencies.services.handlers import name_handlers
from staff import functions
from staff.services import identities
from tests import cast
from tests.agencies.acting import engagement, handler, identity, terms, today
from tests.etax.tables import rows
from tests.staff.acting import actor, entries, newcomer, refusal
from tests.visitor import words

SAID = "accounts.AuditEntry"


@pytest.fixture
def hc(world):
    return actor("HC", "钱思远")


@pytest.fixture
def xd(world):
    return actor("XD", "冯天宇")


@pytest.fixture
def hx(world):
    return actor("HX", "高振华")


def words_of(service, *args, **kwargs) -> tuple[str, str]:
    """Code and words of the refusal; nothing but the record may have changed."""
    before = rows((SAID, "accounts.Throttle"))
    with pytest.raises(ValidationError) as caught:
        service(*args, **kwargs)
    assert rows((SAID, "accounts.Throttle")) == before
    return str(caught.value.code), caught.value.messages[0]


@pytest.mark.rule("M53", "D23", "LOG-01")
def test_recognising_unasked_makes_one_engagement_one_entry_and_tells_the_agency(world):
    by = actor("MH", "徐明湖")
    found = recognition.recognise(cast.taxpayer("HX"), terms=terms("MH"), by=by)
    assert (found.agency.name, found.client.name) == ("大连恒信财税咨询有限公司", "大连明湖餐饮店")
    assert (found.identity.name, found.valid_from, found.valid_until) == ("查询员", today(), None)
    assert found.is_usable
    (entry,) = entries(Kind.ENGAGEMENT_RECOGNISED)
    assert entry.details["functions"] == sorted(functions.branch_codes("query"))
    assert (entry.details["name"], entry.details["identity"]) == ("大连恒信财税咨询有限公司", "查询员")
    assert SmsMessage.objects.count() == 1


@pytest.mark.rule("D23")
def test_what_cannot_be_lent_is_dropped_and_named(hc):
    all_of_it = terms("HC", "全量办税")
    assert all_of_it.lent == functions.LENDABLE
    assert all_of_it.dropped == functions.ALL - functions.LENDABLE
    found = recognition.recognise(cast.taxpayer("HX"), terms=all_of_it, by=hc)
    Handler.objects.create(engagement=found, person=cast.person("高振华"))
    assert entries(Kind.ENGAGEMENT_RECOGNISED)[-1].details["functions"] == sorted(functions.LENDABLE)


@pytest.mark.rule("D23")
@pytest.mark.parametrize(
    ("agency", "changed", "code", "said"),
    [
        ("HC", {}, "own_firm", "不能认定本机构为自己的代理机构。"),
        ("MH", {}, "not_an_agency", "请先【同步代理机构信息】"),
        ("XD", {}, "already_recognised", "已经认定该代理机构。如需调整，请在列表中【修改】。"),
        ("HX", {"name": "空身份"}, "nothing_lent", "该权限身份没有可以出借给代理机构的功能。"),
        ("HX", {"key": "MH"}, "foreign_identity", "请从列表中选择权限身份。"),
        ("HX", {"valid_from": today(-1)}, "from_in_the_past", "开始日期不能早于今天。"),
        ("HX", {"valid_from": today(3), "valid_until": today(2)}, "dates_inverted", "截止日期不能早于开始日期。"),
    ],
)
def test_a_recognition_is_refused_with_its_reason(hc, agency, changed, code, said):
    told = words_of(recognition.recognise, cast.taxpayer(agency), terms=terms(**changed), by=hc)
    assert told[0] == code
    assert said in told[1]


@pytest.mark.rule("D23")
def test_a_cancelled_agency_cannot_be_recognised_nor_found_in_the_register(hc):
    assert cast.taxpayer("HX") in lists.register_of_agencies("大连恒信")
    Taxpayer.objects.filter(pk=cast.taxpayer("HX").pk).update(cancelled_at=timezone.now())
    code, _said = words_of(recognition.recognise, cast.taxpayer("HX"), terms=terms(), by=hc)
    assert code == "not_an_agency"
    assert cast.taxpayer("HX") not in lists.register_of_agencies("大连恒信")


@pytest.mark.rule("D23")
def test_the_clients_leads_are_told_on_their_home_page_which_recognition_ends_soon(visitor):
    visitor.sign_in_by_password("HC", "钱思远")
    rows = Engagement.objects.filter(pk=engagement("HC").pk)
    agency = f"“{engagement('HC').agency.name}”的代理认定将于"
    for days, is_told in ((31, False), (30, True), (0, True)):
        rows.update(valid_until=today(days))
        assert (agency in words(visitor.get("/"))) == is_told


@pytest.mark.rule("D23")
def test_an_expired_recognition_is_closed_and_made_anew(hc):
    found = engagement("HC")
    Engagement.objects.filter(pk=found.pk).update(valid_until=today(-1))
    fresh = recognition.recognise(cast.taxpayer("XD"), terms=terms(), by=hc)
    found.refresh_from_db()
    assert (found.ended_because, found.identity, found.lent_name) == ("expired", None, "全量办税")
    assert found.lent_functions == sorted(functions.LENDABLE)
    assert fresh.pk != found.pk


@pytest.mark.rule("D23")
def test_tidy_ends_what_is_overdue_so_that_its_identity_can_be_deleted(hc):
    found = engagement("HC")
    for member in identity("HC", "全量办税").memberships.all():
        member.identities.clear()
    assert refusal(identities.delete, identity("HC", "全量办税"), version=1, by=hc) == "lent"
    Engagement.objects.filter(pk=found.pk).update(valid_until=today(-1))
    call_command("tidy")
    identities.delete(identity("HC", "全量办税"), version=1, by=hc)
    assert engagements.end_overdue() == 0


@pytest.mark.rule("D23", "STF-03")
def test_a_change_keeps_the_first_day_and_an_old_version_loses(hc):
    found = engagement("HC")
    last_day = found.valid_until
    wanted = replace(terms(), valid_from=found.valid_from, valid_until=today(10))
    recognition.change(found, version=1, terms=wanted, by=hc)
    found.refresh_from_db()
    assert (found.identity.name, found.valid_until, found.version) == ("查询员", today(10), 2)
    (entry,) = entries(Kind.ENGAGEMENT_CHANGED)
    assert entry.details_in_words[:2] == [
        "出借的权限身份：全量办税 → 查询员",
        f"截止日期：{last_day} → {today(10)}",
    ]
    assert words_of(recognition.change, found, version=1, terms=wanted, by=hc) == ("stale", "信息已变更，请刷新后重试")
    late = replace(wanted, valid_until=today(-1))
    assert words_of(recognition.change, found, version=2, terms=late, by=hc) == (
        "until_in_the_past",
        "截止日期不能早于今天。",
    )


@pytest.mark.rule("D23")
def test_what_was_never_recognised_cannot_be_changed_or_cancelled_and_what_was_not_declined(hc):
    asked, standing = engagement("HC", "HX"), engagement("HC")
    said = "该代理机构尚未认定，请先接受或拒绝申请。"
    assert words_of(recognition.change, asked, version=1, terms=terms(), by=hc) == ("not_recognised", said)
    assert words_of(recognition.cancel, asked, by=hc) == ("not_recognised", said)
    told = words_of(recognition.decline, standing, by=hc)
    assert told == ("not_pending", "该代理机构的申请已经处理。")


@pytest.mark.rule("M53", "D23")
def test_cancelling_keeps_what_was_lent_in_words_and_tells_leads_and_handlers(hc):
    found = engagement("HC")
    recognition.cancel(found, note="不再委托", by=hc)
    found.refresh_from_db()
    assert (found.ended_because, found.note, found.identity, found.lent_name) == (
        "cancelled",
        "不再委托",
        None,
        "全量办税",
    )
    assert {person.name for person in found.handlers.all()} == {"邓丽娟", "罗建平"}
    assert SmsMessage.objects.count() == 3
    assert entries(Kind.ENGAGEMENT_CANCELLED)[0].details["reason_given"] == "不再委托"
    assert words_of(recognition.cancel, found, by=hc)[0] == "over"


@pytest.mark.rule("D23", "D8", "AUZ-01")
@pytest.mark.parametrize("who", [("HC", "郑海涛"), ("HC", "孙雅静")])
def test_nobody_but_a_lead_recognises_changes_cancels_declines_or_synchronises(world, who):
    by, found = actor(*who), engagement("HC")
    before = rows((SAID,))
    for service, given in (
        (recognition.recognise, {"terms": terms()}),
        (recognition.change, {"version": 1, "terms": terms()}),
        (recognition.cancel, {}),
        (recognition.decline, {}),
    ):
        with pytest.raises(PermissionDenied):
            service(cast.taxpayer("HX") if service is recognition.recognise else found, **given, by=by)
    with pytest.raises(PermissionDenied):
        recognition.synchronise(by=by)
    assert rows((SAID,)) == before


@pytest.mark.rule("D23", "AUZ-06")
def test_a_handler_acting_for_the_client_may_do_none_of_it(world):
    by, found = handler("罗建平", "HC"), engagement("HC")
    before = rows((SAID,))
    for service, given in ((recognition.cancel, {}), (recognition.decline, {}), (requests.withdraw, {"version": 1})):
        with pytest.raises(PermissionDenied):
            service(found, **given, by=by)
    with pytest.raises(PermissionDenied):
        requests.propose(cast.CODES["YF"], by=by)
    with pytest.raises(PermissionDenied):
        name_handlers(found, version=1, people=[], by=by)
    assert rows((SAID,)) == before


@pytest.mark.rule("D15")
def test_a_weak_sign_in_needs_a_code_first(world):
    weak = actor("HC", "钱思远", proof=Proof.ENTERPRISE_PASSWORD)
    assert refusal(recognition.cancel, engagement("HC"), by=weak) == "code_needed"
    assert refusal(recognition.recognise, cast.taxpayer("HX"), terms=terms(), by=weak) == "code_needed"


@pytest.mark.rule("D23")
@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        ("XD", "own_firm", "委托企业不能是本机构。"),
        ("CG", "client_not_found", "纯社保户、未开通电子税务局或已注销的纳税人不能委托代理。"),
        (None, "client_not_found", "纯社保户、未开通电子税务局或已注销的纳税人不能委托代理。"),
        ("HC", "already_open", "该企业已有待确认的申请或有效的认定，不需要再申请。"),
    ],
)
def test_a_request_is_refused_with_its_reason_and_recorded(xd, key, code, said):
    number = cast.CODES[key] if key else "91210102MA0ZZ00991"
    told = words_of(requests.propose, number, by=xd)
    assert told[0] == code
    assert said in told[1]
    assert [entry.reason for entry in entries(Kind.ENGAGEMENT_PROPOSED)] == [code]


@pytest.mark.rule("D23", "D13")
def test_requests_to_one_firm_are_limited(hx):
    for _ in range(5):
        found = requests.propose(cast.CODES["YF"], by=hx)
        requests.withdraw(found, version=1, by=hx)
    code, said = words_of(requests.propose, cast.CODES["YF"], by=hx)
    assert code == "too_many_requests"
    assert "小时后再试" in said


@pytest.mark.rule("D23")
def test_another_agency_may_be_a_client(hx):
    found = requests.propose(cast.CODES["XD"], by=hx)
    recognition.recognise(cast.taxpayer("HX"), terms=terms("XD", "代理专员"), by=actor("XD", "冯天宇"))
    found.refresh_from_db()
    assert found.is_usable


@pytest.mark.rule("D23")
def test_what_is_recognised_is_not_withdrawn(xd):
    code, said = words_of(requests.withdraw, engagement("HC"), version=1, by=xd)
    assert code == "not_pending"
    assert "解除代理请联系委托企业取消" in said


@pytest.mark.rule("D23", "D8")
def test_only_leads_and_managers_of_an_agency_ask_and_name(world):
    for by in (actor("XD", "罗建平"), actor("HC", "钱思远")):
        with pytest.raises(PermissionDenied):
            requests.propose(cast.CODES["YF"], by=by)
        with pytest.raises(PermissionDenied):
            name_handlers(engagement("MH"), version=1, people=[], by=by)
        with pytest.raises(PermissionDenied):
            groups.add(name="一组", by=by)


@pytest.mark.rule("D23")
def test_naming_sets_who_acts_and_by_whom_and_tells_who_is_concerned(xd):
    found, lead = engagement("MH"), cast.person("冯天宇")
    name_handlers(found, version=1, people=[lead], by=xd)
    assert [(row.person, row.named_by) for row in found.namings.all()] == [(lead, lead)]
    (entry,) = entries(Kind.HANDLERS_CHANGED, target=None)
    told = {each.target.name: each.details_in_words for each in entries(Kind.HANDLERS_CHANGED, target__isnull=False)}
    assert told == {"冯天宇": ["指定为代办人员", "大连明湖餐饮店"], "罗建平": ["不再是代办人员", "大连明湖餐饮店"]}
    assert (entry.details["added"], entry.details["removed"]) == (1, 1)
    assert SmsMessage.objects.count() == 2
    assert words_of(name_handlers, found, version=1, people=[lead], by=xd)[0] == "stale"


@pytest.mark.rule("D23")
def test_naming_is_refused_for_who_may_not_act_and_for_the_clients_own_people(xd, monkeypatch):
    found = engagement("MH")
    own = newcomer(cast.taxpayer("XD"), 1)
    cast.taxpayer("MH").memberships.create(person=own)
    code, said = words_of(name_handlers, found, version=1, people=[own], by=xd)
    assert (code, said) == (
        "four_roles",
        f"不能指定{own.masked_name}：该人员是“大连明湖餐饮店”自己的办税员，不能同时担任其代办人员。",
    )
    member = cast.membership("XD", "邓丽娟")
    member.frozen_at = timezone.now()
    member.save()
    name_handlers(engagement("HC"), version=1, people=[own], by=xd)
    code, said = words_of(name_handlers, engagement("HC"), version=2, people=[member.person], by=xd)
    assert (code, said) == ("not_usable", "不能指定邓*娟：办税人员已冻结")
    monkeypatch.setattr("agencies.services.handlers.MOST", 1)
    code, said = words_of(name_handlers, engagement("HC"), version=2, people=[own, cast.person("冯天宇")], by=xd)
    assert (code, said) == ("too_many_handlers", "一家委托企业最多指定1名代办人员。")
    asked = engagement("HC", "HX")
    code, said = words_of(name_handlers, asked, version=1, people=[], by=actor("HX", "高振华"))
    assert (code, said) == ("not_recognised", "委托企业确认后才能指定代办人员。")


@pytest.mark.rule("D23")
def test_groups_have_a_name_once_hold_clients_and_let_them_go(xd):
    group = groups.add(name="餐饮", by=xd)
    assert words_of(groups.add, name="餐饮", by=xd) == ("group_name_taken", "已有同名的分组，请换一个名称。")
    groups.place(engagement("MH"), version=1, group=group, by=xd)
    found = lists.engagements_of(cast.taxpayer("XD"), {"group": group})
    assert [each.client.name for each in found] == ["大连明湖餐饮店"]
    foreign = ClientGroup.objects.create(agency=cast.taxpayer("HX"), name="别家")
    told = words_of(groups.place, engagement("MH"), version=2, group=foreign, by=xd)
    assert told == ("foreign_group", "请从列表中选择分组。")
    groups.delete(group, by=xd)
    assert engagement("MH").group is None
    assert AuditEntry.objects.filter(kind=Kind.CLIENT_GROUP_CHANGED, reason="").count() == 3


@pytest.mark.rule("D23")
def test_what_expires_within_thirty_days_is_found(xd):
    agency = cast.taxpayer("XD")
    Engagement.objects.filter(pk=engagement("HC").pk).update(valid_until=today(30))
    assert [each.client.name for each in lists.engagements_of(agency, {"expiring": True})] == ["沈阳海川贸易有限公司"]
    Engagement.objects.filter(pk=engagement("HC").pk).update(valid_until=today(31))
    assert not lists.engagements_of(agency, {"expiring": True}).exists()
    assert timedelta(days=30) == lists.SOON
