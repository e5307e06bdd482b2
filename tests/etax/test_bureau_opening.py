"""授权开户, 重置企业密码 and unlocking at the counter: services (M79, M131, M132, M136, D13, D16, D22)."""

import pytest
from django.core.exceptions import PermissionDenied
from django.test import TestCase
from django.urls import reverse

from accounts import passwords, throttles
from accounts.limits import CODE_CHECKS, PASSWORD
from accounts.models import AuditEntry, Credential, SignIn, Taxpayer
from accounts.models.signins import EndReason, Proof
from agencies.services import recognition
from staff import enterprise, natural
from staff.services import opening, unlocking
from staff.services.opening import Paper, Shown
from tests import cast
from tests.etax.officers import REVIEWER, officer, sign_in
from tests.staff.acting import actor, entries, refusal
from tests.visitor import words

pytestmark = pytest.mark.usefixtures("world")

NEW = "91210102MA0KH0016J"
OPENING = Shown("李经办", (Paper.LICENCE, Paper.HANDLER_ID))
RESETTING = Shown("李经办", (Paper.STATEMENT, Paper.HANDLER_ID))


def unopened(code: str = NEW, kind: str = Taxpayer.Kind.ENTERPRISE) -> Taxpayer:
    return Taxpayer.objects.create(code=code, name="沈阳开户有限公司", kind=kind)


def reset(firm: Taxpayer, **changed) -> opening.FirstPassword:
    first = opening.draw()
    given = {"version": opening.version_of(firm), "first": first, "shown": RESETTING, "by": officer()}
    opening.reset_password(firm, **{**given, **changed})
    return first


@pytest.mark.rule("D22", "PW-12")
def test_a_first_password_is_random_readable_and_passes_the_strictest_policy(settings):
    settings.PASSWORD_POLICY = "dengbao"
    drawn = [opening.draw() for _n in range(5)]
    assert len({first.password for first in drawn}) == len({first.number for first in drawn}) == 5
    for first in drawn:
        assert len(first.password) == 12
        assert not set(first.password) & set("0O1lIiZSBgqocCpPuUvVwWxXzk")
        passwords.validate_new(first.password, passwords.Setting(person=cast.person("王晓敏")))
        assert first.password not in repr(first)
        assert first.hashed not in repr(first)


@pytest.mark.rule("M79", "D22", "D28")
def test_opening_gives_a_password_that_must_be_changed_and_writes_one_entry_without_it():
    firm, first = unopened(), opening.draw()
    opening.open_account(firm, first=first, shown=OPENING, by=officer())
    firm = Taxpayer.objects.select_related("credential").get(pk=firm.pk)
    assert firm.is_open
    assert firm.credential.must_change
    assert passwords.check(firm.credential, first.password)
    (entry,) = entries("taxpayer_opened")
    assert (entry.taxpayer, entry.person, entry.proof) == (firm, cast.person("顾前程"), "officer_sms")
    wanted = {"certificate": first.number, "handler": "李*办", "papers": ["handler_id", "licence"]}
    assert entry.details == wanted


@pytest.mark.rule("D22")
def test_what_is_open_is_not_opened_again():
    code = refusal(opening.open_account, cast.taxpayer("HC"), first=opening.draw(), shown=OPENING, by=officer())
    assert code == "opened_already"


@pytest.mark.rule("M79", "D22")
def test_a_taxpayer_that_nobody_knew_is_made_and_opened_at_once():
    first, given = opening.draw(), {"name": "沈阳新开有限公司", "kind": Taxpayer.Kind.AGENCY, "shown": OPENING}
    made = opening.open_new_account(NEW, first=first, by=officer(), **given)
    assert Taxpayer.objects.get(code=NEW) == made
    assert len(entries("taxpayer_opened")) == 1
    assert refusal(opening.open_new_account, NEW, first=first, by=officer(), **given) == "taxpayer_known"


@pytest.mark.rule("M131", "M136")
@pytest.mark.parametrize("papers", [(), (Paper.STATEMENT,), (Paper.HANDLER_ID,), (Paper.LICENCE, Paper.POWER)])
def test_without_statement_and_handlers_id_nothing_is_reset(papers):
    firm = cast.taxpayer("HC")
    before = Credential.objects.filter(pk=firm.credential_id).values().get()
    given = {"version": 1, "first": opening.draw(), "shown": Shown("李经办", papers), "by": officer()}
    assert refusal(opening.reset_password, firm, **given) == "papers_missing"
    assert Credential.objects.filter(pk=firm.credential_id).values().get() == before


@pytest.mark.rule("M132", "D16", "D22")
def test_a_reset_ends_what_the_old_password_signed_in_tells_the_leads_and_unlocks(own_folder):
    firm = cast.taxpayer("HC")
    session = SignIn.objects.create(
        person=cast.person("孙雅静"),
        taxpayer=firm,
        proof=Proof.ENTERPRISE_SMS,
        enterprise_credential=firm.credential,
        enterprise_version=firm.credential.version,
    )
    word = enterprise.account_word(firm.code)
    for subject in (word, f"{word}@browser"):
        for _n in range(5):
            throttles.fail(PASSWORD, subject)
    with TestCase.captureOnCommitCallbacks(execute=True):
        first = reset(firm)
    firm = Taxpayer.objects.select_related("credential").get(pk=firm.pk)
    assert passwords.check(firm.credential, first.password)
    assert not passwords.check(firm.credential, cast.ENTERPRISE_PASSWORDS["HC"])
    assert SignIn.objects.get(pk=session.pk).why_over() == EndReason.PASSWORD_CHANGED
    assert throttles.longest_wait([(PASSWORD, word)]) == 0
    sent = (own_folder / "sms.jsonl").read_text()
    assert sent.count("已在税务机关前台重置") == 2
    for name in ("钱思远", "林若兰"):
        assert cast.PHONES[name] in sent
    assert first.password not in sent
    assert len(entries("enterprise_password_reset")) == 1


@pytest.mark.rule("D22", "REL-01")
def test_of_two_clicks_only_one_resets():
    firm = cast.taxpayer("HC")
    version = opening.version_of(firm)
    first = reset(firm, version=version)
    again = {"version": version, "first": opening.draw(), "shown": RESETTING, "by": officer()}
    assert refusal(opening.reset_password, firm, **again) == "stale"
    assert passwords.check(Credential.objects.get(taxpayer_owner=firm), first.password)


@pytest.mark.rule("D22")
def test_what_is_not_open_is_not_reset():
    given = {"version": 0, "first": opening.draw(), "shown": RESETTING, "by": officer()}
    assert refusal(opening.reset_password, unopened(), **given) == "not_open"


@pytest.mark.rule("D4", "D22", "D28", "SES-05")
def test_closing_an_account_puts_everybody_out_until_it_is_opened_anew(visitor, own_folder):
    visitor.sign_in_by_password("HC", "孙雅静")
    with TestCase.captureOnCommitCallbacks(execute=True):
        opening.close_account(cast.taxpayer("HC"), shown=RESETTING, by=officer())
    assert "该企业在电子税务局的账户已注销" in words(visitor.get("/", follow=True))
    assert visitor.give_enterprise_password("HC").status_code == 400
    sent = (own_folder / "sms.jsonl").read_text()
    assert sent.count("已在税务机关前台注销") == 2
    (entry,) = entries("taxpayer_cancelled")
    assert (entry.taxpayer, entry.details) == (
        cast.taxpayer("HC"),
        {"handler": "李*办", "papers": ["handler_id", "statement"]},
    )
    assert refusal(opening.close_account, cast.taxpayer("HC"), shown=RESETTING, by=officer()) == "not_open"
    opening.open_account(cast.taxpayer("HC"), first=opening.draw(), shown=OPENING, by=officer())
    assert cast.membership("HC", "孙雅静").identities.exists()


@pytest.mark.rule("M53", "D23")
def test_an_agency_that_is_closed_acts_for_nobody_and_a_synchronisation_says_so():
    opening.close_account(cast.taxpayer("XD"), shown=RESETTING, by=officer())
    assert recognition.synchronise(by=actor("HC", "钱思远")).gone == 1


@pytest.mark.rule("D22", "AUZ-01")
def test_an_account_is_closed_only_with_the_papers_only_where_it_is_open_and_at_the_counter():
    close = opening.close_account
    assert refusal(close, cast.taxpayer("HC"), shown=Shown("李经办", ()), by=officer()) == "papers_missing"
    assert refusal(close, unopened(), shown=RESETTING, by=officer()) == "not_open"
    with pytest.raises(PermissionDenied):
        close(cast.taxpayer("HC"), shown=RESETTING, by=officer(REVIEWER))
    assert cast.taxpayer("HC").is_open


@pytest.mark.rule("D22")
def test_the_counters_page_closes_an_account_after_telling_what_happens(visitor):
    sign_in(visitor)
    where = reverse("bureau:close_account", args=[cast.taxpayer("HC").uid])
    assert f'href="{where}"' in visitor.get(reverse("bureau:taxpayer", args=[cast.taxpayer("HC").uid])).content.decode()
    assert "下一次点击即退出" in words(visitor.get(where))
    answer = visitor.post(where, {"handler": "李经办", "papers": ["statement", "handler_id"]}, follow=True)
    assert "已注销：须重新在前台授权开户" in words(answer)
    assert where not in answer.content.decode()


@pytest.mark.rule("D17", "D22")
def test_a_payer_of_social_insurance_keeps_the_printed_password():
    reset(cast.taxpayer("CG"))
    assert not cast.taxpayer("CG").credential.must_change


@pytest.mark.rule("D22", "AUZ-01")
@pytest.mark.parametrize("who", ["reviewer", "natural person", "legal representative", "officer by another door"])
def test_nobody_but_the_counter_opens_resets_or_unlocks(who):
    by = {
        "reviewer": lambda: officer(REVIEWER),
        "natural person": lambda: officer("孙雅静"),
        "legal representative": lambda: actor("HC", "钱思远"),
        "officer by another door": lambda: officer(proof=Proof.PERSON_SMS),
    }[who]()
    firm, first = cast.taxpayer("HC"), opening.draw()
    acts = (
        lambda: opening.open_account(unopened(), first=first, shown=OPENING, by=by),
        lambda: opening.open_new_account(
            "91210102MA0KH0024D", name="新", kind="enterprise", first=first, shown=OPENING, by=by
        ),
        lambda: opening.reset_password(firm, version=1, first=first, shown=RESETTING, by=by),
        lambda: unlocking.unlock_taxpayer(firm, by=by),
        lambda: unlocking.unlock_person(cast.person("孙雅静"), by=by),
    )
    for act in acts:
        with pytest.raises(PermissionDenied):
            act()
    reasons = list(AuditEntry.objects.filter(kind="act_refused").values_list("reason", flat=True))
    assert reasons == ["not_counter" if who == "reviewer" else "not_officer"] * 5
    assert passwords.check(cast.taxpayer("HC").credential, cast.ENTERPRISE_PASSWORDS["HC"])


def lock(limit, subject: str) -> None:
    for _n in range(limit.count):
        throttles.fail(limit, subject)
    assert throttles.wait(limit, subject)


@pytest.mark.rule("D13", "OTP-05")
def test_unlocking_a_person_opens_every_password_and_code_of_his_in_every_browser():
    person = cast.person("孙雅静")
    own = natural.account_word("sunyajing")
    member = f"member:{cast.taxpayer('HC').uid}:{person.uid}"
    other = natural.account_word("hechenxi")
    counts = [(PASSWORD, own), (PASSWORD, f"{own}@b"), (PASSWORD, member), (CODE_CHECKS, str(person.uid))]
    counts.append((CODE_CHECKS, f"stranger:{person.uid}"))
    for limit, subject in (*counts, (PASSWORD, other)):
        lock(limit, subject)
    assert throttles.longest_wait(unlocking.counts_of_person(person)) > 0
    unlocking.unlock_person(person, by=officer())
    assert [throttles.wait(limit, subject) for limit, subject in counts] == [0] * 5
    assert throttles.wait(PASSWORD, other)
    (entry,) = entries("unlocked")
    assert (entry.target, entry.taxpayer) == (person, None)


@pytest.mark.rule("D13")
def test_unlocking_a_taxpayer_leaves_the_password_and_other_firms_alone():
    lock(PASSWORD, enterprise.account_word(cast.CODES["HC"]))
    lock(PASSWORD, enterprise.account_word(cast.CODES["YF"]))
    unlocking.unlock_taxpayer(cast.taxpayer("HC"), by=officer())
    assert not throttles.wait(PASSWORD, enterprise.account_word(cast.CODES["HC"]))
    assert throttles.wait(PASSWORD, enterprise.account_word(cast.CODES["YF"]))
    assert passwords.check(cast.taxpayer("HC").credential, cast.ENTERPRISE_PASSWORDS["HC"])
    assert entries("unlocked")[0].taxpayer == cast.taxpayer("HC")
