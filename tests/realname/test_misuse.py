"""非本人任职: the report, what it blocks, the bureau's decision, and what the database refuses (D35)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import SignIn, Taxpayer
from accounts.models.signins import Proof
from realname import misuse
from realname.models import MisuseCase, Post
from staff import recovery, standing
from staff.services import adding
from tests import cast
from tests.etax import officers
from tests.etax.officers import COUNTER, REVIEWER
from tests.staff.acting import actor, as_himself, entries, refusal, settle_yunfan, switch_with_password
from tests.visitor import words

pytestmark = pytest.mark.usefixtures("world")
NAME, POSTS = "孙雅静", "/account/posts/"
BLOCKED = "该人员已申报非本人任职，其在本企业的身份已停止使用"
STATEMENT = "我从未在该企业工作。"


def himself(name: str = NAME, **sign_in) -> Actor:
    """Somebody as himself, a moment after a code."""
    person = cast.person(name)
    row = SignIn.objects.create(person=person, proof=Proof.PERSON_SMS, **{"code_at": timezone.now(), **sign_in})
    return Actor(person=person, sign_in=row)


def officer() -> Actor:
    return officers.officer(REVIEWER)


def report(key: str = "HC", name: str = NAME) -> MisuseCase:
    return misuse.report(cast.taxpayer(key), statement=STATEMENT, by=himself(name))


def problem_of(name: str = NAME, key: str = "HC") -> str:
    found = standing.of_person(cast.person(name), cast.taxpayer(key)).problem
    return found.code if found else ""


def page_of(key: str) -> str:
    return reverse("staff:report_misuse", args=[cast.taxpayer(key).uid])


def as_herself(visitor) -> None:
    as_himself(visitor, NAME)
    SignIn.objects.update(code_at=timezone.now())


@pytest.mark.rule("D35", "D27", "D28", "CRY-01")
def test_the_report_is_made_in_ones_own_posts_and_blocks_at_once(visitor, other_visitor):
    other_visitor.sign_in_by_password("HC", NAME)
    as_herself(visitor)
    page = words(visitor.get(page_of("HC")))
    for said in ("沈阳海川贸易有限公司", "199****0003", "提交后立即生效", "办税员"):
        assert said in page
    assert cast.PHONES[NAME] not in page
    answer = visitor.post(page_of("HC"), {"statement": STATEMENT}, follow=True)
    assert "已提交非本人任职申报，您的身份在该企业已停止使用。" in words(answer)
    for said in (BLOCKED, "非本人任职申报", STATEMENT, "税务机关核实中"):
        assert said in words(answer)
    out = other_visitor.get("/", follow=True)
    assert out.redirect_chain[-1][0] == reverse("login")
    assert BLOCKED in words(out)
    assert "请等待税务机关核实" in words(out)
    assert "已申报在“沈阳海川贸易有限公司”的任职为非本人任职" in visitor.texts_to(cast.PHONES[NAME])[-1]
    entry = entries(Kind.MISUSE_REPORTED)[0]
    assert (entry.person, entry.target, entry.taxpayer) == (cast.person(NAME), cast.person(NAME), cast.taxpayer("HC"))
    case = MisuseCase.objects.get()
    assert entry.details == {"case": str(case.uid)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM realname_misusecase")
        assert STATEMENT not in cursor.fetchone()[0]


@pytest.mark.rule("D35", "D4")
def test_no_door_lets_the_identity_in(visitor):
    report()
    visitor.give_enterprise_password("HC")
    assert BLOCKED in words(visitor.get(reverse("staff:choose_person")))
    answer = visitor.choose(NAME)
    assert answer.status_code == 400
    assert BLOCKED in words(answer)
    data = {"code": cast.CODES["HC"], "password": cast.ENTERPRISE_PASSWORDS["HC"]}
    visitor.post_with_picture(reverse("staff:quick_login"), data)
    answer = visitor.post(reverse("staff:quick_person"), {"person": str(cast.person(NAME).uid)})
    assert BLOCKED in words(answer)
    assert entries(Kind.PERSON_CHOSEN)[-1].reason == "misused"


@pytest.mark.rule("D35", "D16")
def test_a_session_that_was_switched_there_is_led_to_choosing(visitor):
    settle_yunfan()
    visitor.sign_in_by_sms("HC", NAME)
    switch_with_password(visitor, "YF")
    report("YF")
    answer = visitor.get("/", follow=True)
    assert answer.redirect_chain[-1][0] == "/capacity/"
    assert BLOCKED in words(answer)


@pytest.mark.rule("D35", "M30", "STF-01")
def test_the_search_for_whom_to_add_finds_nobody():
    report("HC", "宋雨桐")
    by = actor("HC", "钱思远")
    whom = {"name": "宋雨桐", "id_type": "resident", "id_number": cast.ID_NUMBERS["宋雨桐"]}
    assert refusal(adding.find, **whom, by=by) == "candidate_not_found"


@pytest.mark.rule("D35", "D31")
def test_even_the_legal_representative_is_blocked_and_only_at_that_firm(visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    misuse.report(cast.taxpayer("HC"), statement=STATEMENT, by=himself("钱思远"))
    assert BLOCKED in words(visitor.get("/", follow=True))
    assert problem_of("钱思远") == "misused"
    assert problem_of(NAME) == ""


@pytest.mark.rule("D35", "D21", "M133")
def test_her_phone_no_longer_recovers_the_firms_password():
    firm, phone = cast.taxpayer("HC"), cast.PHONES["钱思远"]
    claim = recovery.claim_for_enterprise(firm.code, phone)
    assert claim.person == cast.person("钱思远")
    report("HC", "钱思远")
    assert recovery.claim_for_enterprise(firm.code, phone).person is None
    assert refusal(recovery.set_enterprise_password, claim, "海川里的第三艘船", by=Actor()) == "misused"


@pytest.mark.rule("D35", "D4", "M102")
def test_m102_comes_before_it():
    report()
    Post.objects.filter(person=cast.person(NAME), taxpayer=cast.taxpayer("HC")).update(until=timezone.localdate())
    assert problem_of() == "not_in_register"


@pytest.mark.rule("D35")
def test_what_the_report_is_refused_for_with_its_words():
    by, firm = himself(), cast.taxpayer("HC")
    refusals = {
        "no_statement": (lambda: misuse.report(firm, statement=" ", by=by), "请说明情况。"),
        "no_post": (
            lambda: misuse.report(cast.taxpayer("MH"), statement=STATEMENT, by=by),
            "该企业的税务登记中没有您的任职，无需申报。",
        ),
        "code_needed": (
            lambda: misuse.report(firm, statement=STATEMENT, by=himself(code_at=None)),
            "请先通过短信验证码确认是您本人。",
        ),
    }
    for code, (act, text) in refusals.items():
        with pytest.raises(ValidationError) as caught:
            act()
        assert (caught.value.code, caught.value.messages) == (code, [text])
    with pytest.raises(PermissionDenied):
        misuse.report(firm, statement=STATEMENT, by=Actor())
    assert not MisuseCase.objects.exists()
    assert [entry.reason for entry in entries(Kind.MISUSE_REPORTED)] == ["no_post"]


@pytest.mark.rule("D35", "STF-03")
def test_a_second_report_while_one_is_open_is_told_so(visitor):
    report()
    with pytest.raises(ValidationError) as caught:
        report()
    assert (caught.value.code, caught.value.messages) == ("already_reported", ["您已申报过，税务机关正在核实。"])
    assert len(entries(Kind.MISUSE_REPORTED)) == 1
    as_herself(visitor)
    answer = visitor.post(page_of("HC"), {"statement": STATEMENT})
    assert answer.status_code == 400
    assert "您已申报过，税务机关正在核实。" in words(answer)
    assert page_of("HC") not in visitor.get(POSTS).content.decode()


@pytest.mark.rule("D15", "STF-07")
def test_the_page_asks_for_a_fresh_code_first(visitor):
    as_himself(visitor, NAME)
    assert visitor.get(page_of("HC")).url.startswith(reverse("staff:step_up"))
    assert visitor.post(page_of("HC"), {"statement": STATEMENT}).url.startswith(reverse("staff:step_up"))
    assert not MisuseCase.objects.exists()


@pytest.mark.rule("VAL-03")
def test_a_report_without_words_is_refused(visitor):
    as_herself(visitor)
    answer = visitor.post(page_of("HC"), {"statement": "  "})
    assert answer.status_code == 400
    assert "请说明情况。" in words(answer)


@pytest.mark.rule("D35", "D28")
def test_upheld_the_posts_end_and_an_import_that_opens_them_again_does_not_lift_the_block(
    visitor, django_capture_on_commit_callbacks
):
    case, firm = report(), cast.taxpayer("HC")
    with django_capture_on_commit_callbacks(execute=True):
        misuse.decide(case, upheld=True, reason="经核实属冒用", by=officer())
    post = Post.objects.get(person=case.person, taxpayer=firm)
    assert post.until == timezone.localdate()
    assert problem_of() == "not_in_register"
    assert "经核实，您在“沈阳海川贸易有限公司”的任职确非本人任职，已予终止。" in visitor.texts_to(cast.PHONES[NAME])[-1]
    entry = entries(Kind.MISUSE_DECIDED)[0]
    assert (entry.person, entry.target, entry.taxpayer) == (cast.person("高明远"), case.person, firm)
    assert entry.details["outcome"] == "upheld"
    assert entry.details["posts_ended"] == 1
    assert "原因：经核实属冒用" in entry.details_in_words
    Post.objects.filter(pk=post.pk).update(until=None)
    assert problem_of() == "misused"
    tomorrow = timezone.localdate() + timedelta(days=1)
    Post.objects.filter(pk=post.pk).update(since=tomorrow)
    found = MisuseCase.objects.blocking(since=tomorrow)
    assert not found.exists()
    as_himself(visitor, NAME)
    page = words(visitor.get(POSTS))
    assert "属实：确非本人任职" in page
    assert "经核实属冒用" in page


@pytest.mark.rule("D35")
def test_rejected_the_block_is_lifted_and_she_may_report_again(visitor, django_capture_on_commit_callbacks):
    case = report()
    with django_capture_on_commit_callbacks(execute=True):
        misuse.decide(case, upheld=False, reason="有劳动合同", by=officer())
    assert problem_of() == ""
    assert "的任职属实，您的身份已恢复使用。" in visitor.texts_to(cast.PHONES[NAME])[-1]
    visitor.sign_in_by_password("HC", NAME)
    assert visitor.get("/").status_code == 200
    assert report().pk != case.pk
    assert problem_of() == "misused"


@pytest.mark.rule("D35", "D22")
def test_who_may_not_decide_and_what_is_refused():
    case = report()
    nobody = (Actor(), Actor(person=cast.person("钱思远")), Actor(person=cast.person(REVIEWER)))
    nobody += (officers.officer(COUNTER),)
    for by in nobody:
        with pytest.raises(PermissionDenied):
            misuse.decide(case, upheld=True, reason="x", by=by)
    own = cast.person(NAME)
    own.is_staff = True
    with pytest.raises(PermissionDenied):
        misuse.decide(case, upheld=False, reason="x", by=Actor(person=own))
    with pytest.raises(ValidationError) as caught:
        misuse.decide(case, upheld=True, reason=" ", by=officer())
    assert (caught.value.code, caught.value.messages) == ("no_reason", ["请填写核实意见。"])
    misuse.decide(case, upheld=False, reason="有劳动合同", by=officer())
    with pytest.raises(ValidationError) as caught:
        misuse.decide(case, upheld=True, reason="又", by=officer())
    assert (caught.value.code, caught.value.messages) == ("already_decided", ["该申报已经办结。"])
    assert len(entries(Kind.MISUSE_DECIDED)) == 1


@pytest.mark.rule("D35", "AUZ-01")
def test_no_reviewer_decides_about_himself_or_the_firm_that_he_works_for():
    case = report()
    Post.objects.create(taxpayer=case.taxpayer, person=cast.person(REVIEWER), position="clerk", since="2026-01-05")
    assert refusal(misuse.decide, case, upheld=False, reason="有劳动合同", by=officer()) == "own_affair"
    own = report("HC", REVIEWER)
    assert refusal(misuse.decide, own, upheld=True, reason="冒用", by=officer()) == "own_affair"
    assert entries(Kind.MISUSE_DECIDED) == []


NOW = timezone.now()


def a_case(**changed) -> MisuseCase:
    usual = {"taxpayer": cast.taxpayer("HC"), "person": cast.person(NAME), "statement": "x", "reported_at": NOW}
    return MisuseCase.objects.create(**{**usual, **changed})


def decided(**changed) -> MisuseCase:
    usual = {"decided_at": NOW, "decided_by": cast.person("高明远"), "outcome": "upheld"}
    return a_case(**{**usual, **changed})


REFUSED: dict[str, Callable[[], object]] = {
    "misuse_case_has_a_statement": lambda: a_case(statement=""),
    "misuse_case_outcome_is_known": lambda: decided(outcome="perhaps"),
    "misuse_case_decided_after_reported": lambda: decided(decided_at=NOW - timedelta(days=1)),
    "misuse_case_decided_by_somebody_with_an_outcome": lambda: decided(outcome=""),
    "misuse_case_not_decided_by_its_own_person": lambda: decided(decided_by=cast.person(NAME)),
    "one_open_misuse_case_per_person_and_taxpayer": lambda: (a_case(), a_case()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_database_refuses_what_a_constraint_forbids(name):
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        REFUSED[name]()
    columns = "realname_misusecase.taxpayer_id, realname_misusecase.person_id"  # what SQLite says of a unique index
    assert name in str(caught.value) or columns in str(caught.value)


def test_the_database_takes_what_is_whole():
    decided()
    decided(outcome="rejected")
    a_case()
    assert {constraint.name for constraint in MisuseCase._meta.constraints} == set(REFUSED)
    assert Taxpayer.objects.filter(misuse_cases__isnull=False).distinct().count() == 1


@pytest.mark.rule("D35", "M93")
def test_the_list_of_members_says_who_is_blocked_and_does_not_call_him_normal(visitor):
    visitor.sign_in_by_sms("HC", "钱思远")
    assert "孙*静" in words(visitor.get("/staff/", {"state": "normal"}))
    report(name="孙雅静")
    assert "孙*静" not in words(visitor.get("/staff/", {"state": "normal"}))
    assert "孙*静" in words(visitor.get("/staff/", {"state": "unusable"}))
    page = words(visitor.get(f"/staff/members/{cast.membership('HC', '孙雅静').uid}/"))
    assert "已申报非本人任职" in page
    assert "其在本企业的身份已停止使用" in page
    assert "状态 正常" not in page
