"""短信验证码: what a code is good for, how long, how often, and what is left of it (D14, OTP-01 to OTP-13)."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import limits, notices, sealing, sms, throttles
from accounts.limits import (
    CODE_ADDRESS,
    CODE_CHECKS,
    CODE_DAY,
    CODE_GAP,
    CODE_HOUR,
    CODE_TOTAL,
    CODE_TOTAL_PARTS,
)
from accounts.models import AuditEntry, SmsCode, SmsMessage, Taxpayer, Throttle
from accounts.models.messages import FOR_STRANGERS, Purpose
from accounts.models.record import Kind
from accounts.sms import Binding

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def binding(person, firm) -> Binding:
    """A code to sign in by, in one passage through a door."""
    return Binding(person=person, purpose=Purpose.SIGN_IN, taxpayer=firm, login="a" * 32, phone=person.phone)


@pytest.fixture
def refused(by) -> Callable[..., str]:
    """Give a code that must be refused; the code of the refusal."""

    def check(binding: Binding, code: str) -> str:
        with pytest.raises(ValidationError) as caught:
            sms.check_code(binding, code, by=by)
        return caught.value.code

    return check


@pytest.fixture
def must_wait(by) -> Callable[[Binding], int]:
    """Ask for a code that must be refused; for how many seconds."""

    def ask(binding: Binding) -> int:
        with pytest.raises(ValidationError) as caught:
            sms.send_code(binding, by=by)
        assert caught.value.code == "sms_wait"
        return caught.value.params["seconds"]

    return ask


def age_counts(by: timedelta, *only: limits.Limit) -> None:
    """Let time go by for these counts, or for all: the database's clock counts, so the dates move instead."""
    for row in Throttle.objects.all():
        if not only or row.key.partition(":")[0] in {limit.name for limit in only}:
            Throttle.objects.filter(pk=row.pk).update(
                resets_at=F("resets_at") - by, blocked_until=F("blocked_until") - by
            )


def age_codes(by: timedelta) -> None:
    """Let time go by for every code."""
    SmsCode.objects.update(created_at=F("created_at") - by, expires_at=F("expires_at") - by)


def wrong(code: str) -> str:
    """Six other digits."""
    return f"{(int(code) + 1) % 1_000_000:06}"


# The code itself


@pytest.mark.rule("D14", "OTP-01")
def test_codes_have_six_digits_that_are_all_equally_likely_at_every_place(binding):
    for _ in range(1700):
        sms._make(binding, ())  # as `send_code` does, but for the limits
    codes = [re.search(r"验证码(\d+)，", message.text)[1] for message in SmsMessage.objects.all()]
    assert len(codes) == 1700
    assert {len(code) for code in codes} == {6}
    for place in range(6):
        seen = Counter(code[place] for code in codes)
        assert (
            sum((seen[digit] - 170) ** 2 / 170 for digit in "0123456789") < 55
        )  # nine degrees: one in a hundred million
    assert len(set(codes)) > 1680


@pytest.mark.rule("D14", "OTP-08", "PW-12", "LOG-05")
def test_neither_the_code_nor_the_phone_stands_anywhere_once_it_is_sent(binding, send, by, stored):
    code = send(binding)
    assert sms.check_code(binding, code, by=by) is None
    row = SmsCode.objects.get()
    assert re.fullmatch(r"[0-9a-f]{64}", row.code_hash)
    kept = stored()
    assert f"'{code}'" not in kept
    assert f"验证码{code}" not in kept
    assert binding.phone not in kept


@pytest.mark.rule("D14", "OTP-08")
def test_without_the_key_the_hash_of_a_code_cannot_be_reckoned(binding, settings):
    before = binding.hash("123456")
    settings.SECRET_KEY = "another" * 10
    assert binding.hash("123456") != before


@pytest.mark.rule("D14", "OTP-08")
def test_one_code_has_another_hash_for_everybody_and_everything(binding, other_person):
    others = [
        replace(binding, person=other_person),
        replace(binding, purpose=Purpose.STEP_UP),
        replace(binding, taxpayer=None),
        replace(binding, login="b" * 32),
        replace(binding, phone="13900000001"),
    ]
    assert len({each.hash("123456") for each in (binding, *others)}) == 6


# Good once, for five minutes


@pytest.mark.rule("D14")
def test_a_right_code_is_good_once(binding, send, by, refused):
    code = send(binding)
    sms.check_code(binding, f" {code} ", by=by)
    row = SmsCode.objects.get()
    assert row.used_at is not None
    assert row.used_at == row.closed_at
    assert refused(binding, code) == "sms_code"


@pytest.mark.rule("D14", "F16")
@pytest.mark.parametrize("end", ["used", "replaced", "tried", "closed"])
def test_a_code_made_before_the_databases_clock_was_set_back_ends_as_any_other(binding, send, by, refused, end):
    code = send(binding)
    age_codes(-timedelta(hours=1))
    if end == "used":
        sms.check_code(binding, code, by=by)
    elif end == "replaced":
        sms._make(binding, ())
    elif end == "tried":
        for _ in range(5):
            assert refused(binding, wrong(code)) == "sms_code"
    else:
        sms.close_codes(binding.person)
    row = SmsCode.objects.earliest("pk")
    assert row.closed_at == row.created_at
    assert row.used_at == (row.closed_at if end == "used" else None)


@pytest.mark.rule("D14", "OTP-02")
def test_a_code_lives_for_five_minutes_of_the_databases_clock(binding, send, by, refused):
    code = send(binding)
    row = SmsCode.objects.get()
    assert row.expires_at - row.created_at == timedelta(minutes=5)
    age_codes(timedelta(minutes=4, seconds=50))
    with transaction.atomic():
        sms.check_code(binding, code, by=by)
        transaction.set_rollback(True)
    age_codes(timedelta(seconds=10))
    assert refused(binding, code) == "sms_code"


@pytest.mark.rule("OTP-02")
@pytest.mark.parametrize("jump", [timedelta(hours=1), -timedelta(hours=1), timedelta(days=1)])
def test_the_applications_clock_neither_kills_nor_revives_a_code(binding, send, by, refused, jump):
    code = send(binding)
    with time_machine.travel(timezone.now() + jump, tick=False):
        with transaction.atomic():
            sms.check_code(binding, code, by=by)
            transaction.set_rollback(True)
        age_codes(timedelta(minutes=5))
        assert refused(binding, code) == "sms_code"


@pytest.mark.rule("D14")
def test_without_a_code_every_code_is_wrong(binding, refused):
    assert refused(binding, "123456") == "sms_code"
    assert refused(binding, "") == "sms_code"


@pytest.mark.rule("D14", "OTP-04")
def test_a_code_survives_four_wrong_tries(binding, send, by, refused):
    code = send(binding)
    for _ in range(4):
        assert refused(binding, wrong(code)) == "sms_code"
    sms.check_code(binding, code, by=by)


@pytest.mark.rule("D14", "OTP-04")
def test_a_code_dies_after_five_wrong_tries(binding, send, refused):
    code = send(binding)
    for _ in range(5):
        assert refused(binding, wrong(code)) == "sms_code"
    row = SmsCode.objects.get()
    assert row.failures == 5
    assert row.closed_at is not None
    assert row.used_at is None
    assert refused(binding, code) == "sms_code"
    assert SmsCode.objects.get().failures == 5


@pytest.mark.rule("D14", "OTP-05")
def test_ten_wrong_tries_over_two_codes_stop_the_person_for_ten_minutes(binding, send, by, refused):
    for _ in range(2):
        code = send(binding)
        for _ in range(5):
            assert refused(binding, wrong(code)) == "sms_code"
        age_counts(MINUTE, CODE_GAP)
    code = send(binding)
    with pytest.raises(ValidationError) as caught:
        sms.check_code(binding, code, by=by)
    assert caught.value.code == "sms_blocked"
    assert caught.value.params == {"minutes": 10}
    elsewhere = replace(binding, purpose=Purpose.STEP_UP, login="b" * 32)
    assert refused(elsewhere, "123456") == "sms_blocked"
    age_counts(timedelta(minutes=10), CODE_CHECKS)
    sms.check_code(binding, code, by=by)


@pytest.mark.rule("D14", "OTP-05")
def test_while_a_person_is_stopped_tries_cost_the_code_nothing(binding, send, refused):
    code = send(binding)
    for _ in range(10):
        throttles.fail(CODE_CHECKS, str(binding.person.uid))
    for _ in range(6):
        assert refused(binding, wrong(code)) == "sms_blocked"
    assert SmsCode.objects.get().failures == 0


@pytest.mark.rule("D14", "OTP-05")
def test_wrong_tries_stop_nobody_else_who_shares_the_phone(binding, other_person, send, by, refused):
    for _ in range(10):
        refused(binding, "000000")
    other = replace(binding, person=other_person)
    sms.check_code(other, send(other), by=by)


@pytest.mark.rule("D14", "OTP-05")
def test_ten_wrong_tries_in_an_hour_stop_a_person_whatever_was_right_in_between(binding, send, by, refused):
    for number in range(3):
        code = send(binding)
        for _ in range(4 if number < 2 else 2):
            assert refused(binding, wrong(code)) == "sms_code"
        if number < 2:
            sms.check_code(binding, code, by=by)
        age_counts(MINUTE, CODE_GAP)
    assert refused(binding, code) == "sms_blocked"


# Bound to person, purpose, taxpayer, login and phone


@pytest.mark.rule("D14", "OTP-07", "FLOW-02")
@pytest.mark.parametrize("part", ["person", "purpose", "taxpayer", "no taxpayer", "login", "phone"])
def test_a_code_is_worth_nothing_elsewhere(binding, other_person, send, by, refused, part):
    code = send(binding)
    elsewhere = {
        "person": lambda: replace(binding, person=other_person),
        "purpose": lambda: replace(binding, purpose=Purpose.CHANGE_PASSWORD),
        "taxpayer": lambda: replace(binding, taxpayer=Taxpayer.objects.create(code="210102600037341", name="另一家")),
        "no taxpayer": lambda: replace(binding, taxpayer=None),
        "login": lambda: replace(binding, login="b" * 32),
        "phone": lambda: replace(binding, phone="13900000001"),
    }[part]()
    assert refused(elsewhere, code) == "sms_code"
    sms.check_code(binding, code, by=by)


@pytest.mark.rule("D14", "OTP-07", "OTP-04")
def test_trying_a_code_in_another_login_counts_against_it(binding, send, refused):
    code = send(binding)
    elsewhere = replace(binding, login="b" * 32)
    for _ in range(5):
        assert refused(elsewhere, code) == "sms_code"
    assert refused(binding, code) == "sms_code"


@pytest.mark.rule("D14", "OTP-07")
@pytest.mark.parametrize("sent_for", list(Purpose))
@pytest.mark.parametrize("used_for", list(Purpose))
def test_a_code_serves_its_own_purpose_alone(binding, send, by, refused, sent_for, used_for):
    code = send(replace(binding, purpose=sent_for))
    if sent_for is used_for:
        sms.check_code(replace(binding, purpose=used_for), code, by=by)
    else:
        assert refused(replace(binding, purpose=used_for), code) == "sms_code"


@pytest.mark.rule("FLOW-04")
def test_closing_a_persons_codes_kills_them_for_that_purpose_alone(binding, send, by, refused):
    first = send(binding)
    age_counts(MINUTE, CODE_GAP)
    step_up = replace(binding, purpose=Purpose.STEP_UP)
    second = send(step_up)
    sms.close_codes(binding.person, Purpose.SIGN_IN)
    assert refused(binding, first) == "sms_code"
    sms.check_code(step_up, second, by=by)


# Another one


@pytest.mark.rule("D14", "OTP-06")
def test_a_new_code_kills_the_old(binding, send, by, refused):
    old = send(binding)
    age_counts(MINUTE, CODE_GAP)
    new = send(binding)
    if old != new:
        assert refused(binding, old) == "sms_code"
    sms.check_code(binding, new, by=by)


@pytest.mark.rule("D14", "OTP-06")
def test_a_new_code_kills_the_old_of_another_login_too(binding, send, by, refused):
    old = send(binding)
    age_counts(MINUTE, CODE_GAP)
    elsewhere = replace(binding, login="b" * 32)
    new = send(elsewhere)
    assert refused(binding, old) == "sms_code"
    sms.check_code(elsewhere, new, by=by)


@pytest.mark.rule("D14")
def test_a_new_code_leaves_alone_another_persons_who_shares_the_phone(binding, other_person, send, by):
    other = replace(binding, person=other_person)
    first = send(binding)
    age_counts(MINUTE, CODE_GAP)
    second = send(other)
    sms.check_code(binding, first, by=by)
    sms.check_code(other, second, by=by)


@pytest.mark.rule("D14")
def test_a_new_code_leaves_alone_the_same_persons_for_another_purpose(binding, send, by):
    first = send(binding)
    age_counts(MINUTE, CODE_GAP)
    second = send(replace(binding, purpose=Purpose.STEP_UP))
    sms.check_code(binding, first, by=by)
    sms.check_code(replace(binding, purpose=Purpose.STEP_UP), second, by=by)


@pytest.mark.rule("D14")
def test_the_database_keeps_one_open_code_for_person_and_purpose(binding, send):
    send(binding)
    twin = SmsCode.objects.get()
    twin.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)


# How often


@pytest.mark.rule("D14", "OTP-06")
def test_sixty_seconds_lie_between_two_codes_to_one_phone(binding, other_person, send, must_wait):
    assert sms.seconds_until_next(binding) == 0
    send(binding)
    assert 50 < must_wait(binding) <= 60
    assert 50 < sms.seconds_until_next(binding) <= 60
    assert must_wait(replace(binding, person=other_person, purpose=Purpose.STEP_UP)) > 0
    age_counts(timedelta(seconds=50), CODE_GAP)
    assert 0 < must_wait(binding) <= 10
    age_counts(timedelta(seconds=10), CODE_GAP)
    assert sms.seconds_until_next(binding) == 0
    send(binding)


@pytest.mark.rule("D14", "OTP-06")
def test_one_phone_gets_five_codes_an_hour(binding, send, must_wait):
    for _ in range(5):
        send(binding)
        age_counts(MINUTE, CODE_GAP)
    assert 55 * 60 < must_wait(binding) <= 3600
    assert sms.seconds_until_next(binding) == 0  # the countdown shows the gap alone
    send(replace(binding, phone="13900000001"))
    age_counts(HOUR, CODE_HOUR)
    send(binding)


@pytest.mark.rule("D14", "OTP-06")
def test_one_phone_gets_ten_codes_a_day(binding, send, must_wait):
    for _ in range(10):
        send(binding)
        age_counts(HOUR, CODE_GAP, CODE_HOUR)
    assert 23 * 3600 < must_wait(binding) <= 24 * 3600
    age_counts(timedelta(days=1), CODE_DAY)
    send(binding)


@pytest.mark.rule("D14", "OTP-06")
def test_a_refused_request_sends_nothing_and_leaves_the_open_code_alone(binding, send, by, must_wait):
    code = send(binding)
    must_wait(binding)
    assert SmsMessage.objects.count() == SmsCode.objects.count() == 1
    assert Throttle.objects.get(key__startswith="code_hour:").count == 1
    sms.check_code(binding, code, by=by)


@pytest.mark.rule("D14", "OTP-06")
@pytest.mark.parametrize("purpose", sorted(FOR_STRANGERS))
def test_what_a_stranger_asks_for_is_counted_apart(binding, send, must_wait, purpose):
    stranger = replace(binding, purpose=purpose, taxpayer=None)
    for _ in range(5):
        send(stranger)
        age_counts(MINUTE, CODE_GAP)
    assert must_wait(stranger) > 55 * 60
    for _ in range(5):
        send(binding)  # whoever gave a password isn't kept waiting by it
        age_counts(MINUTE, CODE_GAP)
    assert must_wait(binding) > 55 * 60


@pytest.mark.rule("D14", "D33")
def test_a_phone_is_counted_by_its_hash(binding, send):
    send(binding)
    names = {limit.name for limit in (CODE_GAP, CODE_HOUR, CODE_DAY)}
    subjects = {row.key.partition(":")[2] for row in Throttle.objects.all() if row.key.partition(":")[0] in names}
    assert subjects == {"after-password:" + sealing.lookup_hash(binding.phone)}


@pytest.mark.rule("OTP-06")
def test_one_address_gets_twenty_codes_an_hour_and_a_used_one_back(binding, send, by, must_wait):
    phones = [replace(binding, phone=f"139000000{n:02}") for n in range(23)]
    for each in phones[:20]:
        code = send(each)
    assert 55 * 60 < must_wait(phones[20]) <= 3600
    sms.check_code(phones[19], code, by=by)
    send(phones[20])
    assert must_wait(phones[21]) > 0
    elsewhere = replace(by, ip="192.0.2.2")
    sms.send_code(phones[21], by=elsewhere)
    age_counts(HOUR, CODE_ADDRESS)
    send(phones[22])


@pytest.mark.rule("OTP-12")
def test_the_whole_bureau_has_a_daily_budget(binding, send, must_wait):
    send(binding)
    Throttle.objects.filter(key=f"code_total:{binding.part_of_all}").update(count=CODE_TOTAL.count)
    age_counts(MINUTE, CODE_GAP)
    others = [replace(binding, phone=f"139000{number:05}") for number in range(1_000)]
    same, another = (
        next(each for each in others if (each.part_of_all == binding.part_of_all) is alike) for alike in (True, False)
    )
    assert must_wait(same) > 23 * 3600
    send(another)
    age_counts(timedelta(days=1), CODE_TOTAL)
    send(same)


@pytest.mark.rule("OTP-12")
def test_the_bureaus_budget_is_counted_in_parts_of_like_size_so_that_no_code_waits_for_all_others(binding):
    assert CODE_TOTAL.count * CODE_TOTAL_PARTS == 200_000
    phones = (f"139{number:08}" for number in range(4_000))
    sizes = Counter(replace(binding, phone=phone).part_of_all for phone in phones)
    assert len(sizes) == CODE_TOTAL_PARTS
    assert 180 < min(sizes.values()) <= max(sizes.values()) < 330  # of 250 each


# A phone that isn't the person's (D5)


@pytest.mark.rule("D5", "M43")
def test_pretending_sends_nothing_makes_no_code_and_is_recorded(binding, send, by, outgoing):
    code = send(binding)
    sms.send_if_same(replace(binding, phone="13900000001"), real_phone=binding.phone, by=by)
    assert len(outgoing()) == SmsMessage.objects.count() == SmsCode.objects.count() == 1
    entry = AuditEntry.objects.order_by("-seq")[0]
    assert (entry.kind, entry.result, entry.reason) == (Kind.CODE_SENT, "refused", "phone_differs")
    assert (entry.target, entry.taxpayer) == (binding.person, binding.taxpayer)
    sms.check_code(binding, code, by=by)  # the code that was sent to the right phone lives on


@pytest.mark.rule("D5", "OTP-06")
def test_a_wrong_phone_and_the_right_one_wait_alike(binding, by):
    elsewhere = replace(binding, phone="13900000001")
    sms.send_if_same(elsewhere, real_phone=binding.phone, by=by)
    refusals = []
    for typed in (elsewhere, binding):
        with pytest.raises(ValidationError) as caught:
            sms.send_if_same(typed, real_phone=binding.phone, by=by)
        refusals.append((caught.value.code, caught.value.message))
    assert refusals[0] == refusals[1]
    assert refusals[0][0] == "sms_wait"


@pytest.mark.rule("D5", "OTP-06")
def test_a_pause_that_another_door_began_does_not_tell_the_right_phone(binding, by):
    sms.send_code(binding, by=by)
    sms.send_if_same(binding, real_phone=binding.phone, by=by)  # as silent as for a wrong phone


# A stranger's codes: at doors that ask for no password, what he is told depends on nothing but what he typed (D21)


@pytest.mark.rule("D14", "D21", "RST-01", "OTP-06")
def test_that_a_strangers_phone_must_wait_is_recorded_and_not_told(binding, send, by, outgoing):
    by_name = replace(binding, purpose=Purpose.PERSON_SIGN_IN, taxpayer=None, typed="user name")
    code = send(by_name)
    recovery = replace(by_name, purpose=Purpose.FORGOTTEN, typed="number and phone")
    assert sms.seconds_until_next(recovery) == 0
    sms.send_code(recovery, by=by)
    assert sms.seconds_until_next(recovery) > 0
    assert len(outgoing()) == SmsCode.objects.count() == 1
    entry = AuditEntry.objects.order_by("-seq")[0]
    assert (entry.kind, entry.result, entry.reason) == (Kind.CODE_SENT, "refused", "code_gap")
    sms.check_code(by_name, code, by=by)


@pytest.mark.rule("D14", "D21", "OTP-05")
def test_a_strangers_wrong_tries_stop_the_person_at_every_such_door_and_are_told_at_one(binding, send, by, refused):
    by_name = replace(binding, purpose=Purpose.PERSON_SIGN_IN, taxpayer=None, typed="user name")
    recovery = replace(by_name, purpose=Purpose.FORGOTTEN, typed="number and phone")
    code = send(recovery)
    assert {refused(by_name, "000000") for _ in range(CODE_CHECKS.count)} == {"sms_code"}
    assert refused(by_name, "000000") == "sms_blocked"
    assert refused(recovery, code) == "sms_code"
    age_counts(timedelta(minutes=10), CODE_CHECKS)
    sms.check_code(recovery, code, by=by)


@pytest.mark.rule("D14", "D21")
def test_who_names_nobody_uses_up_no_real_phone(binding, send, by):
    claim = Binding(person=None, purpose=Purpose.FORGOTTEN, taxpayer=None, login="c" * 32, phone=binding.phone)
    for number in range(12):
        sms.send_code(replace(claim, typed=str(number)), by=by)
    send(replace(binding, purpose=Purpose.FORGOTTEN, typed="his own"))


# Nobody's code: the same work for what goes nowhere (D21)


@pytest.fixture
def decoy(binding) -> Binding:
    """A code asked for by who claimed to be somebody whom the portal doesn't know."""
    return Binding(person=None, purpose=Purpose.FORGOTTEN, taxpayer=None, login="c" * 32, phone="13900000009")


@pytest.mark.rule("D21", "RST-01")
def test_nobodys_code_goes_nowhere_and_is_never_right(decoy, by, outgoing, refused, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        sms.send_code(decoy, by=by)
    code = re.search(r"\d{6}", SmsMessage.objects.get().text)[0]
    for callback in callbacks:
        callback()
    assert outgoing() == []
    assert SmsMessage.objects.get().text == ""
    assert refused(decoy, code) == "sms_code"


@pytest.mark.rule("D21", "RST-01", "D3")
def test_nobody_is_slowed_and_stopped_as_somebody_is(decoy, binding, send, by, refused):
    known = replace(decoy, person=binding.person, phone=binding.phone)
    heard: dict[str, list[str]] = {"known": [], "nobody": []}
    for name, each in (("known", known), ("nobody", decoy)):
        for _ in range(3):
            sms.send_code(each, by=by)
            with pytest.raises(ValidationError) as caught:
                sms.send_code(each, by=by)
            heard[name].append(caught.value.code)
            heard[name] += [refused(each, "000000") for _ in range(5)]
            age_counts(MINUTE, CODE_GAP)
    assert heard["known"] == heard["nobody"]
    assert "sms_blocked" in heard["nobody"]


@pytest.mark.rule("D21", "RST-01")
def test_nobodys_code_costs_as_many_queries_as_somebodys(
    decoy, binding, by, refused, django_capture_on_commit_callbacks
):
    known = replace(decoy, person=binding.person, phone=binding.phone)
    costs = []
    for each in (known, decoy):
        with CaptureQueriesContext(connection) as queries, django_capture_on_commit_callbacks(execute=True):
            sms.send_code(each, by=by)
        with CaptureQueriesContext(connection) as tries:
            refused(each, "000000")
        costs.append((len(queries), len(tries)))
    assert costs[0] == costs[1]


# What the phone shows, and what is written down


@pytest.mark.rule("D14", "OTP-13")
@pytest.mark.parametrize("purpose", list(Purpose))
def test_the_text_names_bureau_firm_and_purpose_warns_and_has_no_link(binding, send, outgoing, settings, purpose):
    settings.BUREAU_NAME = "某省电子税务局"
    code = send(replace(binding, purpose=purpose))
    (message,) = outgoing()
    assert message["to"] == binding.phone
    for part in ("【某省电子税务局】", code, "测试有限公司", str(purpose.label), "5分钟内有效", "请勿转发"):
        assert part in message["text"]
    assert not re.search(r"https?:|www\.|//|\.(cn|com)\b", message["text"])
    assert "\n" not in message["text"]


@pytest.mark.rule("D14", "OTP-13")
def test_a_code_for_nobodys_firm_names_none(binding, send, outgoing):
    send(replace(binding, taxpayer=None))
    assert "“" not in outgoing()[0]["text"]


@pytest.mark.rule("CRY-01", "OTP-08", "LOG-05")
def test_a_message_is_sealed_while_it_waits_and_wiped_once_it_is_sent(
    binding, by, stored, outgoing, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        sms.send_code(binding, by=by)
    waiting = SmsMessage.objects.get()
    assert waiting.to == binding.phone
    assert "请勿转发" in waiting.text
    assert binding.phone not in stored()
    assert "请勿转发" not in stored()
    assert outgoing() == []
    for callback in callbacks:
        callback()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {connection.ops.quote_name('to')}, text FROM accounts_smsmessage")
        assert cursor.fetchall() == [("", "")]
    assert SmsMessage.objects.get().sent_at is not None
    assert len(outgoing()) == 1


@pytest.mark.rule("D28", "LOG-01")
def test_asking_and_checking_are_recorded_with_their_reasons_and_without_the_code(
    binding, send, by, refused, must_wait
):
    code = send(binding)
    must_wait(binding)
    refused(binding, wrong(code))
    sms.check_code(binding, code, by=by)
    entries = list(AuditEntry.objects.order_by("seq"))
    assert [(entry.kind, entry.result, entry.reason) for entry in entries] == [
        (Kind.CODE_SENT, "done", ""),
        (Kind.CODE_SENT, "refused", "code_gap"),
        (Kind.CODE_CHECKED, "refused", "sms_code"),
        (Kind.CODE_CHECKED, "done", ""),
    ]
    for entry in entries:
        assert (entry.target, entry.taxpayer, entry.ip) == (binding.person, binding.taxpayer, by.ip)
        assert entry.details == {"purpose": "sign_in"}


@pytest.mark.rule("LOG-02")
def test_a_code_that_could_not_be_recorded_is_not_sent_and_not_used_up(binding, send, by):
    code = send(binding)
    unrecordable = replace(by, via=Taxpayer())  # an entry can't point at a taxpayer that isn't stored
    age_counts(MINUTE, CODE_GAP)
    for act in (
        lambda: sms.send_code(binding, by=unrecordable),
        lambda: sms.check_code(binding, code, by=unrecordable),
    ):
        with pytest.raises(ValueError, match="unsaved related object"), transaction.atomic():
            act()
    assert SmsMessage.objects.count() == SmsCode.objects.count() == 1
    sms.check_code(binding, code, by=by)


@pytest.mark.rule("D10", "D27", "OTP-13")
def test_a_notice_names_the_bureau_and_goes_to_the_real_name_phone(
    person, outgoing, settings, django_capture_on_commit_callbacks
):
    settings.BUREAU_NAME = "某省电子税务局"
    with django_capture_on_commit_callbacks(execute=True):
        assert notices.tell(person, "您的办税身份已被冻结。") is True
    (message,) = outgoing()
    assert message["to"] == person.phone
    assert message["text"].startswith("【某省电子税务局】您的办税身份已被冻结。")


def test_nobody_is_told_who_has_no_real_name_phone(person):
    person.phone = ""
    assert notices.tell(person, "您的办税身份已被冻结。") is False
    assert not SmsMessage.objects.exists()


def test_tidying_deletes_codes_that_ended_long_ago(binding, send):
    send(binding)
    assert sms.tidy(timedelta(0)) == 0
    age_codes(timedelta(days=1))
    assert sms.tidy(timedelta(days=2)) == 0
    assert sms.tidy(timedelta(hours=1)) == 1


def test_the_counts_start_at_the_databases_time(binding, send):
    with time_machine.travel(timezone.now() + timedelta(days=3), tick=False):
        send(binding)
    row = Throttle.objects.annotate(now=Now()).get(key__startswith="code_day:")
    assert row.now < row.resets_at <= row.now + timedelta(days=1)


# --- What a page may not tell at a door without a password -----------------------------------------------------------


@pytest.mark.rule("D3", "D14", "D21", "OTP-06")
def test_a_phone_that_must_rest_gets_no_message_by_another_door_and_the_page_does_not_tell(binding, send, outgoing, by):
    send(replace(binding, purpose=Purpose.FORGOTTEN, taxpayer=None))
    other = replace(binding, purpose=Purpose.REGISTER, taxpayer=None)
    sms.send_code(other, by=by)  # nothing is said
    assert len(outgoing()) == 1
    entry = AuditEntry.objects.filter(kind="code_sent").latest("seq")
    assert (entry.reason, entry.details["purpose"]) == ("code_gap", "register")


@pytest.mark.rule("D3", "D14", "D21")
def test_the_pause_at_such_a_door_is_counted_by_what_was_typed(binding, send, must_wait):
    mine = replace(binding, purpose=Purpose.PERSON_SIGN_IN, taxpayer=None, typed="sunyajing")
    send(mine)
    assert must_wait(mine) > 0
    assert must_wait(replace(mine, person=None, phone="nobody:sunyajing")) > 0
    assert sms.seconds_until_next(replace(mine, typed="somebody")) == 0


@pytest.mark.rule("D3", "D14", "OTP-05")
def test_checks_that_are_stopped_at_one_door_look_like_wrong_codes_at_another(binding, send, by):
    asked = replace(binding, purpose=Purpose.FORGOTTEN, taxpayer=None)
    codes = []
    for _ in range(10):
        with pytest.raises(ValidationError) as refused:
            sms.check_code(asked, "000000", by=by)
        codes.append(refused.value.code)
    assert set(codes) == {"sms_code"}
    with pytest.raises(ValidationError) as refused:
        sms.check_code(asked, "000000", by=by)
    assert refused.value.code == "sms_blocked"
    elsewhere = replace(asked, purpose=Purpose.REGISTER)
    with pytest.raises(ValidationError) as refused:
        sms.check_code(elsewhere, send(elsewhere), by=by)
    assert refused.value.code == "sms_code"


@pytest.mark.rule("D21", "FLOW-09")
@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite looks elsewhere first, and serves few")
def test_a_claim_that_names_nobody_is_found_without_going_through_all_others_that_name_nobody(db):
    """Else the answer to it took longer with each of them, and so told that nobody was named."""
    connection.cursor().execute("SET LOCAL enable_seqscan = off")  # as if the table were large
    codes = SmsCode.objects.filter(person=None, purpose=Purpose.REGISTER, closed_at__isnull=True, bound_to="claim")
    assert "open_code_of_nobody" in codes.explain()
