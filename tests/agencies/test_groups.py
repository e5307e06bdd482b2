"""委托企业分组, several clients at once, and what stays when an engagement is renewed."""

import pytest
from django.urls import reverse

from accounts.audit import Kind
from agencies.models import ClientGroup, Engagement
from agencies.services import groups, recognition
from staff.models import Membership
from tests import cast
from tests.agencies.acting import engagement, terms, today
from tests.staff.acting import actor, entries
from tests.visitor import words

LIST, TOGETHER = reverse("agencies:engagements"), reverse("agencies:together")


@pytest.fixture
def lead(visitor):
    visitor.sign_in_by_sms("XD", "冯天宇")
    return visitor


@pytest.fixture
def group(world):
    return groups.add(name="餐饮", by=actor("XD", "冯天宇"))


def both() -> list[str]:
    """The public ids of 信达's two clients."""
    return [str(engagement(key).uid) for key in ("HC", "MH")]


def handlers_of(client: str) -> set[str]:
    return {person.name for person in engagement(client).handlers.all()}


@pytest.mark.rule("D23", "F12")
def test_a_group_is_deleted_after_a_page_that_says_how_many_are_in_it_and_twice_is_once(lead, group):
    groups.place(engagement("MH"), version=1, group=group, by=actor("XD", "冯天宇"))
    where = reverse("agencies:delete_group", args=[group.uid])
    assert "其中的1家委托企业不再分组" in words(lead.get(where))
    assert ClientGroup.objects.exists()
    assert [lead.post(where).url for _again in range(2)] == [reverse("agencies:groups")] * 2
    assert not ClientGroup.objects.exists()
    assert len([entry for entry in entries(Kind.CLIENT_GROUP_CHANGED) if entry.details.get("deleted")]) == 1


@pytest.mark.rule("D23", "D28", "F12")
def test_a_group_is_renamed_and_keeps_its_clients(lead, group):
    groups.place(engagement("MH"), version=1, group=group, by=actor("XD", "冯天宇"))
    groups.add(name="零售", by=actor("XD", "冯天宇"))
    where = reverse("agencies:rename_group", args=[group.uid])
    assert 'value="餐饮"' in lead.get(where).content.decode()
    assert "已有同名的分组" in words(lead.post(where, {"name": "零售"}))
    assert [lead.post(where, {"name": "餐饮企业"}).status_code for _again in range(2)] == [302, 302]
    assert engagement("MH").group.name == "餐饮企业"
    (entry,) = [each for each in entries(Kind.CLIENT_GROUP_CHANGED, result="done") if each.details.get("after")]
    assert "名称：餐饮 → 餐饮企业" in entry.details_in_words


@pytest.mark.rule("D23", "AUZ-02")
def test_another_agencys_group_is_not_renamed(lead):
    foreign = ClientGroup.objects.create(agency=cast.taxpayer("HX"), name="别家")
    assert lead.post(reverse("agencies:rename_group", args=[foreign.uid]), {"name": "x"}).status_code == 404
    assert lead.get(reverse("agencies:delete_group", args=[foreign.uid])).status_code == 404


@pytest.mark.rule("D23", "F12")
def test_ticked_clients_go_into_a_group_at_once(lead, group):
    page = lead.get(LIST).content.decode()
    assert all(f'name="engagement" value="{uid}"' in " ".join(page.split()) for uid in both())
    assert "已勾选2家委托企业。" in words(lead.get(TOGETHER, {"engagement": both()}))
    data = {"engagement": both(), "act": "place", "group": str(group.uid)}
    assert [lead.post(TOGETHER, data).url for _again in range(2)] == [LIST, LIST]
    assert "已保存2家委托企业。" in words(lead.get(LIST))
    assert {engagement(key).group for key in ("HC", "MH")} == {group}
    assert len([each for each in entries(Kind.CLIENT_GROUP_CHANGED) if each.details.get("engagement")]) == 2


@pytest.mark.rule("D23", "D28")
def test_a_handler_is_named_for_ticked_clients_at_once_told_once_and_taken_away_again(lead):
    who = cast.person("冯天宇")
    data = {"engagement": both(), "people": [str(who.uid)]}
    lead.post(TOGETHER, {**data, "act": "name"})
    assert handlers_of("HC") == {"邓丽娟", "罗建平", "冯天宇"}
    assert handlers_of("MH") == {"罗建平", "冯天宇"}
    told = [text for text in lead.texts_to(who.phone) if "代办人员" in text]
    assert ["等2家企业的代办人员" in text for text in told] == [True]
    assert len(entries(Kind.HANDLERS_CHANGED, target=who)) == 2
    lead.post(TOGETHER, {**data, "act": "unname"})
    assert "冯天宇" not in handlers_of("HC") | handlers_of("MH")


@pytest.mark.rule("D23")
def test_one_clients_refusal_stops_no_other_and_is_said_and_recorded(lead):
    data = {"engagement": both(), "people": [str(cast.person("邓丽娟").uid)], "act": "name"}
    engagement("HC").namings.filter(person=cast.person("邓丽娟")).delete()
    lead.post(TOGETHER, data)
    said = words(lead.get(LIST))
    assert "已保存1家委托企业。" in said
    assert "“大连明湖餐饮店”没有保存：不能指定邓*娟" in said
    assert "邓丽娟" in handlers_of("HC")
    (refused,) = entries(Kind.HANDLERS_CHANGED, result="refused")
    assert (refused.reason, refused.details["name"]) == ("four_roles", "大连明湖餐饮店")


@pytest.mark.rule("AUZ-02", "AUZ-03", "D23")
def test_together_nothing_is_done_to_another_agencys_client_or_to_none(lead, group):
    for foreign in (str(engagement("HC", "HX").uid), "x"):
        assert lead.post(TOGETHER, {"engagement": [*both(), foreign], "act": "place"}).status_code == 404
    assert lead.get(TOGETHER).url == LIST
    assert "请先在列表中勾选委托企业" in words(lead.get(LIST))
    answer = lead.post(TOGETHER, {"engagement": both(), "act": "name"})
    assert answer.status_code == 400
    assert "请至少勾选一名人员。" in words(answer)
    assert lead.post(TOGETHER, {"engagement": both(), "act": "name", "people": ["x"]}).status_code == 400


@pytest.mark.rule("D23", "AUZ-06")
def test_renewed_after_it_ran_out_it_keeps_group_and_handlers_but_for_who_may_not_act(world, group):
    found = engagement("HC")
    groups.place(found, version=1, group=group, by=actor("XD", "冯天宇"))
    Membership.objects.create(taxpayer=cast.taxpayer("HC"), person=cast.person("邓丽娟"))  # 四员
    Engagement.objects.filter(pk=found.pk).update(valid_from=today(-9), valid_until=today(-1))
    fresh = recognition.recognise(cast.taxpayer("XD"), terms=terms(), by=actor("HC", "钱思远"))
    assert (fresh.pk == found.pk, fresh.group) == (False, group)
    assert handlers_of("HC") == {"罗建平"}
    entry = entries(Kind.HANDLERS_CHANGED)[-1]
    assert (entry.person, entry.taxpayer, entry.target.name) == (None, cast.taxpayer("XD"), "罗建平")


@pytest.mark.rule("D23")
def test_recognised_again_after_a_cancellation_nobody_is_named_but_the_group_stays(world, group):
    found, by = engagement("HC"), actor("HC", "钱思远")
    groups.place(found, version=1, group=group, by=actor("XD", "冯天宇"))
    recognition.cancel(found, by=by)
    assert recognition.recognise(cast.taxpayer("XD"), terms=terms(), by=by).group == group
    assert handlers_of("HC") == set()
