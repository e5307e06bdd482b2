"""Who opens an agency's own pages, whose engagements they show, and what a lost race says there."""

import re

import pytest
from django.urls import reverse

from accounts.audit import Kind
from agencies.models import ClientGroup
from agencies.services import groups
from tests import cast
from tests.agencies.acting import engagement, identity, sign_in, today
from tests.etax.tables import rows
from tests.staff.acting import actor, entries, version_on
from tests.visitor import words

LISTS = ("engagements", "propose", "groups", "acted")
OF_ONE = ("engagement", "withdraw", "handlers")
_REFRESH = re.compile(r'href="([^"]+)">刷新')


@pytest.fixture
def lead(visitor):
    visitor.sign_in_by_sms("XD", "冯天宇")
    return visitor


@pytest.mark.rule("AUZ-01", "D8", "D23")
def test_the_agencys_lead_opens_them_all(lead):
    for name in LISTS:
        assert lead.get(reverse(f"agencies:{name}")).status_code == 200
    for name in ("engagement", "handlers"):
        assert lead.get(reverse(f"agencies:{name}", args=[engagement("HC").uid])).status_code == 200


@pytest.mark.rule("AUZ-01", "D8", "D23")
def test_a_manager_opens_them_and_a_plain_handler_sees_his_clients_only(visitor, other_visitor):
    member = cast.membership("XD", "罗建平")
    member.is_manager = True
    member.save()
    visitor.sign_in_by_sms("XD", "罗建平")
    assert visitor.get(reverse("agencies:engagements")).status_code == 200
    other_visitor.sign_in_by_sms("XD", "邓丽娟")
    for name in LISTS:
        assert other_visitor.get(reverse(f"agencies:{name}")).status_code == 403
    assert other_visitor.get(reverse("agencies:clients")).status_code == 200


@pytest.mark.rule("D15")
def test_a_password_sign_in_needs_a_code_for_them(visitor):
    sign_in(visitor, "冯天宇")
    assert visitor.get(reverse("agencies:engagements")).url.startswith(reverse("staff:step_up"))


@pytest.mark.rule("AUZ-02")
@pytest.mark.parametrize("name", [*OF_ONE, "place"])
def test_another_agencys_engagement_is_404_like_one_that_does_not_exist(lead, name):
    uid = engagement("HC", "HX").uid
    method = lead.post if name == "place" else lead.get
    foreign = method(reverse(f"agencies:{name}", args=[uid]))
    missing = method(reverse(f"agencies:{name}", args=[cast.taxpayer("HC").uid]))
    assert foreign.status_code == missing.status_code == 404


@pytest.mark.rule("AUZ-02")
@pytest.mark.parametrize("name", ["recognition", "cancel", "decline", "change"])
def test_another_clients_engagement_is_404(visitor, name):
    visitor.sign_in_by_sms("MH", "徐明湖")
    assert visitor.get(reverse(f"agencies:{name}", args=[engagement("HC").uid])).status_code == 404
    assert visitor.get(reverse("agencies:recognise", args=[cast.taxpayer("HC").uid])).status_code == 404


@pytest.mark.rule("AUZ-02")
def test_another_agencys_group_is_neither_chosen_nor_deleted(lead):
    group = ClientGroup.objects.create(agency=cast.taxpayer("HX"), name="别家")
    assert lead.post(reverse("agencies:delete_group", args=[group.uid])).status_code == 404
    where = reverse("agencies:place", args=[engagement("HC").uid])
    assert lead.post(where, {"version": 1, "group": str(group.uid)}).status_code == 404
    assert len(entries(Kind.NOT_FOUND)) == 2
    answer = lead.post(where, {"version": 1, "group": "x"})
    assert answer.status_code == 400
    assert "请从列表中选择分组。" in words(answer)
    assert engagement("HC").group is None
    assert "别家" not in words(lead.get(reverse("agencies:groups")))


@pytest.mark.rule("AUZ-02", "AUZ-03", "D23")
@pytest.mark.parametrize("name", ["review_recognition", "save_recognition", "review_change", "save_change"])
def test_another_firms_identity_is_not_lent_and_its_id_is_404_and_recorded(visitor, name):
    visitor.sign_in_by_sms("HC", "钱思远")
    before = rows(("accounts.AuditEntry", "accounts.SignIn", "sessions.Session"))
    uid = cast.taxpayer("HX").uid if name.endswith("recognition") else engagement("HC").uid
    data = {"version": 1, "identity": str(identity("MH", "查询员").uid), "valid_from": today().isoformat()}
    where = reverse(f"agencies:{name}", args=[uid])
    for foreign in (data["identity"], str(uid)):
        assert visitor.post(where, {**data, "identity": foreign}).status_code == 404
    assert "请从列表中选择权限身份。" in words(visitor.post(where, {**data, "identity": "x"}))
    assert [entry.details["what"] for entry in entries(Kind.NOT_FOUND)] == ["identity", "identity"]
    assert rows(("accounts.AuditEntry", "accounts.SignIn", "sessions.Session")) == before


@pytest.mark.rule("STF-03")
@pytest.mark.parametrize(
    ("name", "who", "data"),
    [
        ("save_change", ("HC", "钱思远"), {}),
        ("handlers", ("XD", "冯天宇"), {}),
        ("place", ("XD", "冯天宇"), {"group": ""}),
    ],
)
def test_the_second_of_two_tabs_is_told_with_409(visitor, name, who, data):
    found = engagement("HC")
    groups.place(found, version=1, group=None, by=actor("XD", "冯天宇"))
    visitor.sign_in_by_sms_later(*who)
    if name == "save_change":
        data = {"identity": str(found.identity.uid), "valid_from": found.valid_from.isoformat(), "identity_version": 1}
    answer = visitor.post(reverse(f"agencies:{name}", args=[found.uid]), {"version": 1, **data})
    assert answer.status_code == 409
    assert "信息已变更，请刷新后重试" in words(answer)
    anew = _REFRESH.search(answer.content.decode())[1]
    shown = visitor.get(anew)
    assert (shown.status_code, version_on(shown)) == (200, "2")
    if name != "place":  # whose button is the only one that its old form could be sent by
        assert '<button class="button">' not in answer.content.decode()


@pytest.mark.rule("D16", "D23", "STF-03")
@pytest.mark.parametrize(("act", "of"), [("cancel", "XD"), ("decline", "HX")])
def test_no_change_that_the_agency_makes_meanwhile_puts_off_the_end(visitor, act, of):
    visitor.sign_in_by_sms("HC", "钱思远")
    found = engagement("HC", of)
    where = reverse(f"agencies:{act}", args=[found.uid])
    shown = version_on(visitor.get(where))
    groups.place(found, version=1, group=None, by=actor(of, {"XD": "冯天宇", "HX": "高振华"}[of]))
    assert visitor.post(where, {"version": shown}).url == reverse("agencies:recognitions")
    found.refresh_from_db()
    assert found.ended_at is not None


TERMS = {
    "identity": "查询员",
    "identity_version": 1,
    "valid_from": today().isoformat(),
    "valid_until": today(9).isoformat(),
}


@pytest.mark.rule("F12")
@pytest.mark.parametrize(
    ("who", "name", "of", "data", "kind"),
    [
        (("HC", "钱思远"), "cancel", "XD", {"note": "不再委托"}, Kind.ENGAGEMENT_CANCELLED),
        (("HC", "钱思远"), "decline", "HX", {}, Kind.ENGAGEMENT_DECLINED),
        (("HC", "钱思远"), "save_change", "XD", TERMS, Kind.ENGAGEMENT_CHANGED),
        (("HC", "钱思远"), "save_recognition", "HX", TERMS, Kind.ENGAGEMENT_RECOGNISED),
        (("XD", "冯天宇"), "handlers", "XD", {"people": ["罗建平"]}, Kind.HANDLERS_CHANGED),
        (("XD", "冯天宇"), "place", "XD", {"group": ""}, Kind.CLIENT_GROUP_CHANGED),
        (("XD", "冯天宇"), "groups", "", {"name": "东区"}, Kind.CLIENT_GROUP_CHANGED),
        (("XD", "冯天宇"), "propose", "", {"code": cast.CODES["YF"]}, Kind.ENGAGEMENT_PROPOSED),
        (("HX", "高振华"), "withdraw", "HX", {}, Kind.ENGAGEMENT_WITHDRAWN),
    ],
)
def test_the_same_form_sent_twice_has_one_effect_and_the_same_answer(visitor, who, name, of, data, kind):
    visitor.sign_in_by_sms(*who)
    found = engagement("HC", of) if of else None
    uid = cast.taxpayer(of).uid if name == "save_recognition" else found and found.uid
    where = reverse(f"agencies:{name}", args=[uid] if uid else [])
    named = {"identity": identity("HC", "查询员").uid} if "identity" in data else {}
    named |= {"people": [str(cast.person(each).uid) for each in data["people"]]} if "people" in data else {}
    answers = [visitor.post(where, {"version": 1, **data, **named}) for _again in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0].url == answers[1].url
    assert len(entries(kind, result="done", target=None)) == 1


@pytest.mark.rule("F12", "STF-03")
def test_handlers_that_differ_are_no_second_sending_and_what_was_ticked_stays_ticked(visitor):
    visitor.sign_in_by_sms("XD", "冯天宇")
    where = reverse("agencies:handlers", args=[engagement("HC").uid])
    data = {"version": 1, "people": [str(cast.person("罗建平").uid)]}
    visitor.post(where, data)
    answer = visitor.post(where, {**data, "people": [str(cast.person("冯天宇").uid)]})
    assert answer.status_code == 409
    assert [person.name for person in engagement("HC").handlers.all()] == ["罗建平"]
    ticked = re.findall(r'value="([0-9a-f-]{36})"\s+checked', answer.content.decode())
    assert ticked == [str(cast.person("冯天宇").uid)]


@pytest.mark.rule("D23")
def test_the_whole_change_by_pages(visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    found = engagement("HC")
    page = words(visitor.get(reverse("agencies:change", args=[found.uid])))
    assert "修改代理认定" in page
    data = {
        "version": 1,
        "identity": str(cast.taxpayer("HC").identities.get(name="查询员").uid),
        "valid_from": found.valid_from.isoformat(),
        "valid_until": today(30).isoformat(),
    }
    review = words(visitor.post(reverse("agencies:review_change", args=[found.uid]), data))
    assert "是最后一天，过后自动失效。" in review
    assert "全量发票查询" in review
    saved = visitor.post(reverse("agencies:save_change", args=[found.uid]), {**data, "identity_version": 1})
    assert saved.url == reverse("agencies:recognitions")
    listed = words(visitor.get(saved.url))
    assert "即将到期" in listed
    assert words(visitor.get(reverse("agencies:recognition", args=[found.uid]))).count("发票") > 0


@pytest.mark.rule("D33", "D23")
def test_clients_are_found_by_part_of_the_name_the_number_and_the_group(visitor):
    group = groups.add(name="餐饮", by=actor("XD", "冯天宇"))
    groups.place(engagement("MH"), version=1, group=group, by=actor("XD", "冯天宇"))
    sign_in(visitor, "罗建平")
    where = reverse("agencies:clients")
    for query, name in (
        ("search=明湖", "大连明湖餐饮店"),
        ("search=9221 0202", "大连明湖餐饮店"),
        (f"group={group.uid}", "大连明湖餐饮店"),
    ):
        page = words(visitor.get(f"{where}?{query}"))
        assert name in page
        assert "沈阳海川" not in page
    assert "没有符合条件的委托企业" in words(visitor.get(f"{where}?search=查无此户"))


@pytest.mark.rule("D33")
def test_the_list_of_a_handler_is_paged_by_key(visitor, monkeypatch):
    monkeypatch.setattr("agencies.views.clients.PAGE_SIZE", 1)
    sign_in(visitor, "罗建平")
    first = visitor.get(reverse("agencies:clients"))
    assert "大连明湖餐饮店" in words(first)
    assert "沈阳海川" not in words(first)
    second = visitor.get(f"{reverse('agencies:clients')}?before={engagement('MH').pk}")
    assert "沈阳海川贸易有限公司" in words(second)
