"""What a lent identity carries: who may add to it, who is told, and that what was read is what is lent (D23)."""

import re

import pytest
from django.urls import reverse

from accounts.audit import Kind
from accounts.models import SmsMessage
from agencies.models import Engagement
from agencies.services import recognition
from staff import functions
from staff.services import identities
from tests import cast
from tests.agencies.acting import act_for, engagement, identity, terms, today
from tests.etax.tables import rows
from tests.staff.acting import actor, entries, refusal
from tests.visitor import words

ISSUE = "tax.invoice.issue"


@pytest.fixture
def lent(world):
    """海川 lends 信达 its queries alone; nobody of the firm has that identity."""
    found = engagement("HC")
    recognition.change(found, version=1, terms=terms(valid_from=found.valid_from), by=actor("HC", "钱思远"))
    what = identity("HC", "查询员")
    what.memberships.clear()
    return what


@pytest.fixture
def manager(world):
    """郑海涛, 管理权限 and every function, but neither LR nor FR."""
    member = cast.membership("HC", "郑海涛")
    member.identities.add(identity("HC", "全量办税"))
    by = actor("HC", "郑海涛")
    assert by.is_manager
    assert not by.is_lead
    assert by.holds(ISSUE)
    return by


def widen(what, by, *more: str) -> None:
    codes = [*identities.held_by(what), *more]
    identities.change(what, version=what.version, name=what.name, description="", codes=codes, by=by)


@pytest.mark.rule("D23", "D8")
def test_who_is_no_lead_adds_nothing_to_a_lent_identity_and_is_told_who_can(lent, manager):
    before = rows(("accounts.AuditEntry",))
    with pytest.raises(Exception, match="法定代表人（业主）或财务负责人在【身份维护】中修改") as caught:
        widen(lent, manager, ISSUE)
    assert caught.value.code == "lent_wider"
    assert "辽宁信达税务师事务所有限公司" in caught.value.messages[0]
    assert rows(("accounts.AuditEntry",)) == before
    assert entries(Kind.IDENTITY_CHANGED)[-1].reason == "lent_wider"


@pytest.mark.rule("D23", "D8", "D28")
@pytest.mark.parametrize("who", ["钱思远", "郑海涛"])
def test_who_may_changes_it_and_the_record_and_both_sides_leads_learn_of_it(lent, manager, who):
    SmsMessage.objects.all().delete()
    by = actor("HC", who)
    if by.is_lead:
        widen(lent, by, ISSUE)
    else:
        gone = min(identities.held_by(lent))
        codes = identities.held_by(lent) - {gone}
        identities.change(lent, version=1, name=lent.name, description="", codes=codes, by=by)
    entry = entries(Kind.ENGAGEMENT_CHANGED)[-1]
    assert entry.details["engagement"] == str(engagement("HC").uid)
    assert (entry.details["gained"] == [ISSUE]) == by.is_lead
    assert bool(entry.details["lost"]) != by.is_lead
    leads = {cast.person(name).phone for name in ("钱思远", "林若兰", "冯天宇")}
    assert leads <= {message.to for message in SmsMessage.objects.all()}


@pytest.mark.rule("D23")
def test_what_cannot_be_lent_and_an_identity_that_is_not_lent_concern_no_agency(lent, manager):
    before = len(entries(Kind.ENGAGEMENT_CHANGED))
    widen(identity("HC", "空身份"), manager, ISSUE)
    kept_back = min(functions.ALL - functions.LENDABLE - identities.held_by(lent))
    widen(lent, manager, kept_back)
    assert len(entries(Kind.ENGAGEMENT_CHANGED)) == before


def review(visitor, address: str, data: dict) -> dict:
    """What the form on the page of confirmation carries."""
    page = visitor.post(address, data).content.decode()
    return dict(
        re.findall(r'name="(version|identity|identity_version|valid_from|valid_until)"\s+value="([^"]*)"', page)
    )


@pytest.mark.rule("D23", "STF-03", "M53")
@pytest.mark.parametrize("act", ["recognition", "change"])
def test_what_was_read_is_what_is_lent_or_the_confirmation_is_409_and_says_why(visitor, act):
    visitor.sign_in_by_sms("HC", "钱思远")
    found = engagement("HC")
    uid = cast.taxpayer("HX").uid if act == "recognition" else found.uid
    chosen = identity("HC", "查询员")
    data = {"version": "1", "identity": str(chosen.uid), "valid_from": today().isoformat(), "valid_until": ""}
    data |= {"valid_from": found.valid_from.isoformat()} if act == "change" else {}
    shown = review(visitor, reverse(f"agencies:review_{act}", args=[uid]), data)
    widen(chosen, actor("HC", "林若兰"), ISSUE)
    saving = reverse(f"agencies:save_{act}", args=[uid])
    answer = visitor.post(saving, shown)
    assert answer.status_code == 409
    assert "权限身份“查询员”在您查看之后已被修改，没有保存。" in words(answer)
    assert not Engagement.objects.recognised().filter(identity=chosen).exists()
    again = review(visitor, reverse(f"agencies:review_{act}", args=[uid]), data)
    assert visitor.post(saving, again).url == reverse("agencies:recognitions")
    assert Engagement.objects.recognised().filter(identity=chosen).exists()
    assert visitor.post(saving, {**again, "identity_version": ""}).status_code in (302, 400)


@pytest.mark.rule("D23", "M25")
def test_a_lent_identity_is_not_deleted_and_the_words_say_to_whom_it_is_lent_and_who_mends_it_where(lent):
    by = actor("HC", "钱思远")
    with pytest.raises(Exception, match="先在【代理机构认定管理】中取消认定") as caught:
        identities.delete(lent, version=1, by=by)
    assert "“辽宁信达税务师事务所有限公司”" in caught.value.messages[0]
    assert "法定代表人（业主）或财务负责人" in caught.value.messages[0]
    Engagement.objects.filter(pk=engagement("HC").pk).update(valid_until=today(-1), valid_from=today(-9))
    identities.delete(lent, version=1, by=by)
    assert entries(Kind.ENGAGEMENT_ENDED)[-1].details["reason_given"] == "已到期"


@pytest.mark.rule("D23", "SES-05")
def test_what_a_lead_adds_the_handler_has_at_the_next_click(visitor, lent):
    act_for(visitor, "罗建平", "HC")
    where = reverse("staff:function", args=[ISSUE])
    assert visitor.get(where).status_code == 403
    widen(lent, actor("HC", "钱思远"), ISSUE)
    assert visitor.get(where).status_code == 200
    assert refusal(identities.delete, lent, version=2, by=actor("HC", "钱思远")) == "lent"
