"""Engagements that end by themselves or by the register, and pages that their end has overtaken."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from accounts.audit import Kind
from accounts.models import AuditEntry, SmsMessage, Taxpayer
from agencies import lists
from agencies.models import Engagement
from agencies.services import recognition, requests
from agencies.services.handlers import name_handlers
from tests import cast
from tests.agencies.acting import engagement, identity, today
from tests.staff.acting import actor, entries
from tests.visitor import words

CLIENTS_ACTS, AGENCYS_ACTS = ("cancel", "decline", "change"), ("handlers", "withdraw")


def led(visitor, name: str, found: Engagement) -> tuple[str, str]:
    """Where the page of an act leads, and what is said there."""
    answer = visitor.get(reverse(f"agencies:{name}", args=[found.uid]))
    assert answer.status_code == 302
    return answer.url, words(visitor.get(answer.url))


@pytest.mark.rule("D23", "STF-03")
@pytest.mark.parametrize("name", [*CLIENTS_ACTS, *AGENCYS_ACTS])
def test_an_act_on_what_is_over_leads_to_the_page_that_says_so(visitor, name):
    found = engagement("HC")
    recognition.cancel(found, by=actor("HC", "钱思远"))
    who, page = (("HC", "钱思远"), "recognition") if name in CLIENTS_ACTS else (("XD", "冯天宇"), "engagement")
    visitor.sign_in_by_sms(*who)
    url, said = led(visitor, name, found)
    assert url == reverse(f"agencies:{page}", args=[found.uid])
    assert "该代理关系的状态为“已取消”，不能再进行此操作。" in said


@pytest.mark.rule("D23", "STF-03")
@pytest.mark.parametrize("name", ["cancel", "change", "handlers"])
def test_what_is_only_asked_for_is_not_cancelled_changed_or_named_for(visitor, name):
    found = engagement("HC", "HX")
    visitor.sign_in_by_sms(*(("HC", "钱思远") if name in CLIENTS_ACTS else ("HX", "高振华")))
    _url, said = led(visitor, name, found)
    assert "尚未认定" in said or "委托企业确认后才能指定代办人员" in said


@pytest.mark.rule("D23", "STF-03")
@pytest.mark.parametrize(
    ("name", "data"), [("cancel", {}), ("save_change", {}), ("handlers", {"people": []}), ("place", {"group": ""})]
)
def test_a_form_sent_after_the_end_is_answered_by_the_state_and_not_by_refresh(visitor, name, data):
    found = engagement("HC")
    of_client = name in ("cancel", "save_change")
    visitor.sign_in_by_sms(*(("HC", "钱思远") if of_client else ("XD", "冯天宇")))
    recognition.cancel(found, by=actor("HC", "林若兰"))
    if name == "save_change":
        data = {"identity": str(identity("HC", "查询员").uid), "identity_version": 1, "valid_from": today().isoformat()}
    answer = visitor.post(reverse(f"agencies:{name}", args=[found.uid]), {"version": 1, **data})
    assert answer.status_code == 302
    assert "该代理关系的状态为“已取消”" in words(visitor.get(answer.url))


@pytest.mark.rule("D23")
def test_who_is_recognised_already_is_not_recognised_again(visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    answer = visitor.get(reverse("agencies:recognise", args=[cast.taxpayer("XD").uid]))
    assert answer.url == reverse("agencies:recognition", args=[engagement("HC").uid])


def overdue() -> Engagement:
    found = engagement("HC")
    Engagement.objects.filter(pk=found.pk).update(valid_from=today(-9), valid_until=today(-1))
    return found


@pytest.mark.rule("D28", "LOG-01", "D23")
def test_what_runs_out_is_an_entry_of_its_own_by_nobody_and_told_to_whom_it_concerns(world):
    found = overdue()
    call_command("tidy")
    (entry,) = entries(Kind.ENGAGEMENT_ENDED)
    assert (entry.person, entry.taxpayer, entry.details["engagement"]) == (None, found.client, str(found.uid))
    assert entry.details_in_words == ["原因：已到期", "辽宁信达税务师事务所有限公司"]
    told = {message.to for message in SmsMessage.objects.all()}
    people = ("钱思远", "林若兰", "冯天宇", "邓丽娟", "罗建平")
    assert told == {cast.person(name).phone for name in people}
    assert SmsMessage.objects.count() == len(people)


@pytest.mark.rule("D28", "LOG-01", "M53")
def test_what_a_synchronisation_ends_is_named_and_told(world):
    Taxpayer.objects.filter(pk=cast.taxpayer("HX").pk).update(cancelled_at=timezone.now())
    overdue()
    recognition.synchronise(by=actor("HC", "钱思远"))
    ended = {entry.details["name"]: entry for entry in entries(Kind.ENGAGEMENT_ENDED)}
    assert {name: entry.details["reason_given"] for name, entry in ended.items()} == {
        "大连恒信财税咨询有限公司": "代理机构已注销",
        "辽宁信达税务师事务所有限公司": "已到期",
    }
    assert {entry.person.name for entry in ended.values()} == {"钱思远"}
    assert AuditEntry.objects.order_by("-seq").first().kind == Kind.AGENCIES_SYNCED
    assert cast.person("罗建平").phone in {message.to for message in SmsMessage.objects.all()}


@pytest.mark.rule("D23")
def test_however_many_run_out_on_one_day_each_person_gets_one_message(world):
    overdue()
    Engagement.objects.filter(pk=engagement("MH").pk).update(valid_from=today(-9), valid_until=today(-1))
    call_command("tidy")
    phones = [message.to for message in SmsMessage.objects.all()]
    assert phones.count(cast.person("冯天宇").phone) == 1


@pytest.mark.rule("D28", "LOG-01")
def test_a_refusal_says_whom_and_what_it_was_about(world):
    by, who = actor("XD", "冯天宇"), cast.person("邓丽娟")
    with pytest.raises(ValidationError):
        name_handlers(engagement("MH"), version=1, people=[who], by=by)
    entry = entries(Kind.HANDLERS_CHANGED)[-1]
    assert (entry.reason, entry.target) == ("four_roles", who)
    assert entry.details["engagement"] == str(engagement("MH").uid)
    with pytest.raises(ValidationError):
        requests.propose("91210102MA0ZZ00991", by=by)
    entry = entries(Kind.ENGAGEMENT_PROPOSED)[-1]
    assert "纳税人识别号：9121**********0991" in entry.details_in_words
    with pytest.raises(ValidationError):
        requests.propose(cast.CODES["HC"], by=by)
    assert "沈阳海川贸易有限公司" in entries(Kind.ENGAGEMENT_PROPOSED)[-1].details_in_words


@pytest.mark.rule("M53", "D33")
def test_an_agency_is_found_by_any_part_of_its_name(world):
    for text in ("信达", "辽宁信达", "税务师", cast.CODES["XD"][:8]):
        assert cast.taxpayer("XD") in lists.register_of_agencies(text)
    assert not lists.register_of_agencies("海川").exists()
