"""Every refusal at a door, of a new password and of a switch is one entry that says who, where and why (D28)."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import passwords, sealing, signins
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.claims import Claim
from accounts.flows import Progress
from accounts.models import AuditEntry, Person, Throttle
from accounts.models.signins import EndReason, Proof
from realname.models import MisuseCase, Post
from staff import capacity, doors, ordinary, recovery, registration
from staff.models import Membership
from staff.services import declaration
from tests import cast
from tests.etax import officers
from tests.staff.acting import actor, as_himself, refusal, settle_yunfan
from tests.visitor import Visitor

pytestmark = [pytest.mark.rule("D28", "LOG-01"), pytest.mark.usefixtures("world")]
NEW, WEAK = "新的一天新的密码", "password"
BY = Actor(ip="192.0.2.1", request_id="f" * 32)
CHOOSE, BY_SMS, BY_PASSWORD = (
    reverse(f"staff:{name}") for name in ("choose_person", "verify_by_sms", "verify_by_password")
)


def later() -> None:
    """A minute later, as far as codes to phones go."""
    Throttle.objects.filter(key__startswith="code_gap").delete()


def uncollect(name: str) -> None:
    cast.person(name).real_name_records.update(revoked_at=timezone.now())


def freeze(name: str, key: str = "HC") -> None:
    Membership.objects.filter(taxpayer=cast.taxpayer(key), person=cast.person(name)).update(frozen_at=timezone.now())


def change_enterprise_password(key: str = "HC") -> None:
    passwords.store(cast.taxpayer(key).credential, passwords.hash_new(NEW))


def typed_twice(new: str) -> dict[str, str]:
    return {"new_password": new, "confirm_password": new}


# --- the natural person's and the officers' door ----------------------------------------------------------------------


def natural_by_password(visitor: Visitor) -> None:
    uncollect("何晨曦")
    as_himself(visitor, "何晨曦")


def natural_by_code(visitor: Visitor) -> None:
    visitor.post_with_picture(reverse("staff:natural_sms"), {"username": "hechenxi", "agreement": "on"})
    uncollect("何晨曦")
    visitor.post(reverse("staff:natural_sms_code"), {"code": visitor.code_on(cast.PHONES["何晨曦"])})


def officer_without_phone(visitor: Visitor) -> None:
    Person.objects.filter(pk=cast.person(officers.COUNTER).pk).update(phone="", phone_hash="")
    officers.give_password(visitor)


def officer_no_more(visitor: Visitor) -> None:
    officers.give_password(visitor)
    Person.objects.filter(pk=cast.person(officers.COUNTER).pk).update(is_staff=False)
    officers.give_code(visitor)


# --- the enterprise doors ---------------------------------------------------------------------------------------------


def frozen_before_the_code(visitor: Visitor) -> None:
    visitor.go_to_verify("HC", "孙雅静")
    visitor.post(reverse("staff:send_code"))
    freeze("孙雅静")
    visitor.post(BY_SMS, {"code": visitor.code_on(cast.PHONES["孙雅静"])})


def frozen_before_the_password(visitor: Visitor) -> None:
    visitor.go_to_verify("HC", "孙雅静")
    freeze("孙雅静")
    visitor.post(BY_PASSWORD, {"password": cast.PERSONAL_PASSWORDS["HC", "孙雅静"]})


def gone_before_the_password(visitor: Visitor) -> None:
    visitor.go_to_verify("HC", "孙雅静")
    Post.objects.filter(person=cast.person("孙雅静"), taxpayer=cast.taxpayer("HC")).delete()
    Membership.objects.filter(person=cast.person("孙雅静"), taxpayer=cast.taxpayer("HC")).delete()
    visitor.post(BY_PASSWORD, {"password": cast.PERSONAL_PASSWORDS["HC", "孙雅静"]})


def frozen_before_the_quick_code(visitor: Visitor) -> None:
    data = {"code": cast.CODES["HC"], "password": cast.ENTERPRISE_PASSWORDS["HC"]}
    visitor.post_with_picture(reverse("staff:quick_login"), data)
    visitor.post(reverse("staff:quick_person"), {"person": str(cast.person("孙雅静").uid)})
    freeze("孙雅静")
    visitor.post(reverse("staff:quick_code"), {"code": "123456", "agreement": "on"})


def agency_clerk_frozen(visitor: Visitor) -> None:
    data = {"code": cast.CODES["XD"], "password": cast.ENTERPRISE_PASSWORDS["XD"], "agreement": "on"}
    visitor.post_with_picture(reverse("agencies:agency_login"), data)
    visitor.post(reverse("agencies:agency_person"), {"person": str(cast.person("邓丽娟").uid)})
    freeze("邓丽娟", "XD")
    visitor.post(reverse("agencies:agency_password"), {"password": cast.PERSONAL_PASSWORDS["XD", "邓丽娟"]})


def somebody_of_another_firm(visitor: Visitor) -> None:
    visitor.give_enterprise_password("HC")
    visitor.choose("徐明湖")


def nobody_at_all(visitor: Visitor) -> None:
    visitor.give_enterprise_password("HC")
    visitor.post(CHOOSE, {"person": str(uuid4())})


def enterprise_password_changed_at_the_list(visitor: Visitor) -> None:
    visitor.give_enterprise_password("HC")
    change_enterprise_password()
    visitor.get(CHOOSE)


def enterprise_password_changed_at_the_choice(visitor: Visitor) -> None:
    visitor.give_enterprise_password("HC")
    change_enterprise_password()
    visitor.choose("孙雅静")


def enterprise_password_changed_at_the_end(visitor: Visitor) -> None:
    visitor.go_to_verify("HC", "孙雅静")
    change_enterprise_password()
    visitor.post(BY_PASSWORD, {"password": cast.PERSONAL_PASSWORDS["HC", "孙雅静"]})


def social_insurance_at_the_quick_door(visitor: Visitor) -> None:
    data = {"code": cast.CODES["CG"], "password": cast.ENTERPRISE_PASSWORDS["CG"]}
    visitor.post_with_picture(reverse("staff:quick_login"), data)


def weak_first_password(visitor: Visitor) -> None:
    visitor.go_to_verify("YF", "王晓敏")
    visitor.verify_by_sms(cast.PHONES["王晓敏"])
    visitor.set_password(WEAK)


# --- 忘记密码, 注册, 申报密码 -----------------------------------------------------------------------------------------


def prove_for_firm(visitor: Visitor, name: str) -> None:
    data = {"code": cast.CODES["HC"], "phone": cast.PHONES[name]}
    visitor.post_with_picture(reverse("staff:forgotten_enterprise"), data)
    code = visitor.code_on(cast.PHONES[name])
    visitor.post(reverse("staff:forgotten_enterprise_code"), {"code": code})


def recovery_by_a_clerk(visitor: Visitor) -> None:
    prove_for_firm(visitor, "孙雅静")


def recovery_without_link(visitor: Visitor) -> None:
    Post.objects.filter(taxpayer=cast.taxpayer("HC"), person=cast.person("林若兰")).update(linked_at=None)
    prove_for_firm(visitor, "林若兰")


def recovery_after_misuse(visitor: Visitor) -> None:
    prove_for_firm(visitor, "林若兰")
    MisuseCase.objects.create(taxpayer=cast.taxpayer("HC"), person=cast.person("林若兰"), statement="不是我")
    visitor.post(reverse("staff:forgotten_enterprise_password"), typed_twice(NEW))


def recovery_of_a_weak_firms_password(visitor: Visitor) -> None:
    prove_for_firm(visitor, "钱思远")
    visitor.post(reverse("staff:forgotten_enterprise_password"), typed_twice(WEAK))


def prove_for_himself(visitor: Visitor) -> None:
    data = {"username": "hechenxi", "phone": cast.PHONES["何晨曦"]}
    visitor.post_with_picture(reverse("staff:forgotten_person"), data)
    visitor.post(reverse("staff:forgotten_person_code"), {"code": visitor.code_on(cast.PHONES["何晨曦"])})


def recovery_of_a_weak_own_password(visitor: Visitor) -> None:
    prove_for_himself(visitor)
    visitor.post(reverse("staff:forgotten_person_password"), typed_twice(WEAK))


def recovery_after_another_phone(visitor: Visitor) -> None:
    prove_for_himself(visitor)
    hechenxi = cast.person("何晨曦")
    hechenxi.phone = "19900000098"
    hechenxi.save()
    visitor.post(reverse("staff:forgotten_person_password"), typed_twice(NEW))


def register(visitor: Visitor, username: str, password: str) -> None:
    name = "钱思远"
    who = {"name": name, "id_type": "resident", "id_number": cast.ID_NUMBERS[name], "phone": cast.PHONES[name]}
    visitor.post_with_picture(reverse("staff:register"), {**who, "agreement": "on"})
    visitor.post(reverse("staff:register_code"), {"code": visitor.code_on(cast.PHONES[name])})
    visitor.post(reverse("staff:register_account"), {"username": username, **typed_twice(password)})


def weak_registration(visitor: Visitor) -> None:
    register(visitor, "qiansiyuan", WEAK)


def anothers_name(visitor: Visitor) -> None:
    register(visitor, "sunyajing", NEW)


def reset_declaration(visitor: Visitor, new: str) -> None:
    visitor.sign_in_by_sms("HC", "钱思远")
    later()
    firm = cast.taxpayer("HC").uid
    visitor.post(reverse("staff:send_reset_code", args=[firm]))
    given = {**typed_twice(new), "code": visitor.code_on(cast.PHONES["钱思远"])}
    visitor.post(reverse("staff:reset_declaration_password", args=[firm]), given)


def weak_declaration(visitor: Visitor) -> None:
    reset_declaration(visitor, WEAK)


def declaration_like_the_firms(visitor: Visitor) -> None:
    reset_declaration(visitor, cast.ENTERPRISE_PASSWORDS["HC"])


@dataclass(frozen=True)
class Row:
    """What is done on the pages, and the one entry that is expected of it: kind, reason, and whom it names."""

    pages: Callable[[Visitor], None]
    kind: Kind
    reason: str
    person: str = ""
    target: str = ""
    firm: str = ""
    proof: str = ""


OFFICER, RECOVERED = officers.COUNTER, Kind.PASSWORD_RECOVERED
RESET = {"person": "钱思远", "firm": "HC", "proof": Proof.ENTERPRISE_SMS}
ROWS = (
    Row(natural_by_password, Kind.SIGN_IN, "not_collected", person="何晨曦", proof=Proof.PERSON_PASSWORD),
    Row(natural_by_code, Kind.SIGN_IN, "not_collected", person="何晨曦", proof=Proof.PERSON_SMS),
    Row(officer_without_phone, Kind.SIGN_IN, "no_phone", target=OFFICER),
    Row(officer_no_more, Kind.SIGN_IN, "start_again", target=OFFICER),
    Row(frozen_before_the_code, Kind.SIGN_IN, "frozen", target="孙雅静", firm="HC"),
    Row(frozen_before_the_password, Kind.SIGN_IN, "frozen", target="孙雅静", firm="HC"),
    Row(gone_before_the_password, Kind.SIGN_IN, "not_in_register", target="孙雅静", firm="HC"),
    Row(frozen_before_the_quick_code, Kind.SIGN_IN, "frozen", target="孙雅静", firm="HC"),
    Row(agency_clerk_frozen, Kind.SIGN_IN, "frozen", target="邓丽娟", firm="XD"),
    Row(somebody_of_another_firm, Kind.PERSON_CHOSEN, "not_listed", firm="HC"),
    Row(nobody_at_all, Kind.PERSON_CHOSEN, "not_listed", firm="HC"),
    Row(enterprise_password_changed_at_the_list, Kind.SIGN_IN, "start_again", firm="HC"),
    Row(enterprise_password_changed_at_the_choice, Kind.SIGN_IN, "start_again", target="孙雅静", firm="HC"),
    Row(enterprise_password_changed_at_the_end, Kind.SIGN_IN, "start_again", target="孙雅静", firm="HC"),
    Row(social_insurance_at_the_quick_door, Kind.SIGN_IN, "ordinary_only", firm="CG"),
    Row(weak_first_password, Kind.PASSWORD_SET, "password_too_common", person="王晓敏", target="王晓敏", firm="YF"),
    Row(recovery_by_a_clerk, RECOVERED, "not_lead", person="孙雅静", firm="HC"),
    Row(recovery_without_link, RECOVERED, "not_linked", person="林若兰", firm="HC"),
    Row(recovery_after_misuse, RECOVERED, "misused", person="林若兰", firm="HC"),
    Row(recovery_of_a_weak_firms_password, RECOVERED, "password_too_common", person="钱思远", firm="HC"),
    Row(recovery_of_a_weak_own_password, RECOVERED, "password_too_common", person="何晨曦"),
    Row(recovery_after_another_phone, RECOVERED, "start_again", person="何晨曦"),
    Row(weak_registration, Kind.ACCOUNT_REGISTERED, "password_too_common", person="钱思远"),
    Row(anothers_name, Kind.ACCOUNT_REGISTERED, "username_taken", person="钱思远"),
    Row(weak_declaration, Kind.DECLARATION_PASSWORD_RESET, "password_too_common", **RESET),
    Row(declaration_like_the_firms, Kind.DECLARATION_PASSWORD_RESET, "password_shared", **RESET),
)


def refused() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(result="refused").order_by("seq"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.pages.__name__)
def test_a_refusal_on_the_pages_is_one_entry_that_names_whom_the_done_one_would(visitor, row):
    row.pages(visitor)
    (entry,) = refused()
    named = (entry.person, entry.target, entry.taxpayer)
    assert (entry.kind, entry.reason) == (row.kind, row.reason)
    assert named == (
        cast.person(row.person) if row.person else None,
        cast.person(row.target) if row.target else None,
        cast.taxpayer(row.firm) if row.firm else None,
    )
    assert entry.proof == row.proof
    assert entry.reason_in_words not in ("", row.reason)
    assert entry.details == {}  # nothing of what was typed


# --- what no page leads to, or only two requests at once --------------------------------------------------------------


@pytest.fixture
def request_of(rf, visitor) -> HttpRequest:
    """A request of the visitor's browser, for the services that a page calls with it."""
    request = rf.post("/")
    request.session = visitor.session
    return request


def passage(request: HttpRequest, key: str, name: str) -> Progress:
    """A 普通登录 in which the enterprise password was right and this person is chosen."""
    progress = doors.begin(request, ordinary.DOOR, cast.taxpayer(key))
    doors.choose(progress, ordinary.DOOR, cast.person(name).uid, by=BY)
    return progress


def test_a_personal_password_that_changed_before_the_sign_in_is_a_refusal(request_of):
    progress = passage(request_of, "HC", "孙雅静")
    progress.establish("personal_version", "77")
    progress.establish("proof", Proof.ENTERPRISE_PASSWORD)
    chosen = doors.chosen_of(progress, ordinary.DOOR, by=BY)
    assert refusal(doors.finish, request_of, progress, chosen, by=BY) == "start_again"
    (entry,) = refused()
    assert (entry.kind, entry.reason, entry.target) == (Kind.SIGN_IN, "start_again", cast.person("孙雅静"))
    assert entry.taxpayer == cast.taxpayer("HC")


def test_a_passage_whose_time_is_over_was_refused_nothing(visitor):
    visitor.give_enterprise_password("HC")
    session = visitor.session
    session["flow"] = {**session["flow"], "started_at": "2026-01-01T00:00:00+00:00"}
    session.save()
    assert visitor.choose("孙雅静").url == reverse("login")
    assert refused() == []


def test_a_form_to_mend_is_no_refusal(visitor):
    prove_for_firm(visitor, "钱思远")
    address = reverse("staff:forgotten_enterprise_password")
    for data in ({}, {"new_password": NEW, "confirm_password": "another"}):
        assert visitor.post(address, data).status_code == 400
    visitor.post(CHOOSE, {"person": "nonsense"})
    assert refusal(registration.register, claimed(), "9abc", NEW, by=BY) == "username_rules"
    assert refused() == []


def test_a_switch_that_is_not_proven_and_one_of_a_sign_in_that_has_ended_are_an_entry_each(request_of):
    settle_yunfan()
    by = actor("HC", "孙雅静")
    choice = capacity.choice_of(request_of, cast.taxpayer("YF").uid, by=by)
    assert refusal(capacity.switch, request_of, choice, by=by) == "not_proven"
    himself = capacity.choice_of(request_of, by.person.uid, by=by)
    signins.end(by.sign_in, EndReason.ENDED_BY_OWNER, by=by)
    assert refusal(capacity.switch, request_of, himself, by=by) == "stale"
    told = [(entry.kind, entry.reason, entry.person, entry.taxpayer) for entry in refused()]
    switched = Kind.CAPACITY_SWITCHED
    assert told == [
        (switched, "not_proven", by.person, cast.taxpayer("YF")),
        (switched, "stale", by.person, cast.taxpayer("HC")),
    ]


def claimed(name: str = "钱思远", key: str | None = None) -> Claim:
    return Claim(cast.person(name), cast.PHONES[name], cast.taxpayer(key) if key else None)


def switch_twice(request: HttpRequest) -> str:
    by = actor("HC", "孙雅静")
    himself = capacity.choice_of(request, by.person.uid, by=by)
    capacity.switch(request, himself, by=by)
    return refusal(capacity.switch, request, himself, by=by)


def first_password_twice(request: HttpRequest) -> str:
    progress = passage(request, "YF", "王晓敏")
    progress.establish("proof", Proof.ENTERPRISE_SMS)
    chosen = doors.chosen_of(progress, ordinary.DOOR, by=BY)
    progress.establish("phone", sealing.lookup_hash(chosen.phone.number))
    ordinary.set_first_password(progress, chosen, NEW, by=BY)
    again = doors.chosen_of(progress, ordinary.DOOR, by=BY)
    doors.finish(request, progress, again, by=BY)
    return refusal(ordinary.set_first_password, progress, again, NEW, by=BY)


def recovery_twice(_request: HttpRequest) -> str:
    recovery.set_enterprise_password(claimed(key="HC"), NEW, by=BY)
    return refusal(recovery.set_enterprise_password, claimed(key="HC"), NEW, by=BY)


def registration_twice(_request: HttpRequest) -> str:
    registration.register(claimed(), "qiansiyuan", NEW, by=BY)
    return refusal(registration.register, claimed(), "qiansiyuan", NEW, by=BY)


@pytest.mark.parametrize(
    ("twice", "code"),
    [
        (switch_twice, "stale"),
        (first_password_twice, "password_unchanged"),
        (recovery_twice, "password_unchanged"),
        (registration_twice, "username_taken"),
    ],
)
def test_what_the_second_of_two_equal_clicks_meets_is_no_entry(request_of, twice, code):
    assert twice(request_of) == code
    assert refused() == []


def test_the_password_that_was_forgotten_given_as_the_new_one_is_a_refusal():
    old = cast.ENTERPRISE_PASSWORDS["HC"]
    assert refusal(recovery.set_enterprise_password, claimed(key="HC"), old, by=BY) == "password_unchanged"
    assert [(entry.kind, entry.reason) for entry in refused()] == [(Kind.PASSWORD_RECOVERED, "password_unchanged")]


def test_a_second_registration_is_a_refusal_in_words_of_its_own():
    assert refusal(registration.register, claimed("孙雅静"), "another", NEW, by=BY) == "account_known"
    (entry,) = refused()
    assert (entry.kind, entry.person, entry.reason_in_words) == (
        Kind.ACCOUNT_REGISTERED,
        cast.person("孙雅静"),
        "已有自然人账户",
    )


def test_a_declaration_password_that_cannot_be_proven_or_changed_meanwhile_is_one_entry(monkeypatch):
    by, firm = actor("HC", "钱思远"), cast.taxpayer("HC")
    monkeypatch.setattr(declaration.sms, "check_code", lambda *args, **kwargs: declaration._first_of(firm))
    assert refusal(declaration.reset, firm, NEW, "123456", by=by) == "stale"
    Person.objects.filter(pk=by.person.pk).update(phone="", phone_hash="")
    by.person.refresh_from_db()
    assert refusal(declaration.reset, firm, NEW, "123456", by=by) == "no_real_name_phone"
    told = [(entry.kind, entry.reason, entry.person, entry.taxpayer) for entry in refused()]
    kind = Kind.DECLARATION_PASSWORD_RESET
    assert told == [(kind, "stale", by.person, firm), (kind, "no_real_name_phone", by.person, firm)]


def test_the_initial_password_of_the_counter_stands_in_the_record_in_its_own_words():
    printed = AuditEntry(reason="password_printed")
    assert printed.reason_in_words == "企业登录密码须先由法定代表人（业主）或财务负责人修改"
