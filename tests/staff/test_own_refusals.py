"""Every refusal of what somebody does about himself, or sends to the bureau, is one entry with its reason (D28)."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import AuditEntry, SignIn
from accounts.models.signins import Proof
from realname import changes, misuse, posts
from realname.models import ChangeKind
from staff.services import enterprise_password, own_binding, own_password, own_phone, own_posts
from tests import cast
from tests.realname.test_changes import open_post
from tests.staff.acting import actor, entries, refusal

pytestmark = [pytest.mark.rule("D28"), pytest.mark.usefixtures("world")]
OLD = cast.PERSONAL_PASSWORDS["HC", "郑海涛"]


def lead():
    return actor("HC", "钱思远")


def clerk():
    return actor("HC", "郑海涛")


def bind(by):
    own_binding.bind(cast.membership("HC", by.person.name), version=1, by=by)


REFUSED = {
    "leave as a lead": (Kind.POST_LEFT, lead, lambda by: own_posts.leave(by.taxpayer, by=by), "lead"),
    "bind without an account": (Kind.MEMBER_BOUND, clerk, bind, "no_account"),
    "link twice": (Kind.POST_LINKED, lead, lambda by: posts.link(open_post("HC", "钱思远"), by=by), "already_linked"),
    "report where nothing is": (
        Kind.MISUSE_REPORTED,
        lead,
        lambda by: misuse.report(cast.taxpayer("MH"), statement="我不认识这家企业", by=by),
        "no_post",
    ),
    "end a lead's post": (
        Kind.CHANGE_SUBMITTED,
        lead,
        lambda by: changes.submit_end(open_post("HC", "林若兰"), by=by),
        "not_a_clerk",
    ),
    "change no phone": (
        Kind.CHANGE_SUBMITTED,
        lead,
        lambda by: changes.submit_phones(
            open_post("HC", "孙雅静"), mobile=open_post("HC", "孙雅静").mobile, landline="", by=by
        ),
        "phones_unchanged",
    ),
    "a password too short": (
        Kind.PASSWORD_CHANGED,
        clerk,
        lambda by: own_password.change(OLD, "kurz1", by=by),
        "password_too_short",
    ),
    "a wrong old password": (
        Kind.PASSWORD_CHANGED,
        clerk,
        lambda by: own_password.change("nonsense-2026", "Langes-Wort-2026", by=by),
        "wrong_old_password",
    ),
}


@pytest.mark.parametrize(
    ("kind", "act", "name"),
    [
        (Kind.ENTERPRISE_PASSWORD_CHANGED, enterprise_password.change, "钱思远"),
        (Kind.NATURAL_PASSWORD_CHANGED, own_password.change, "孙雅静"),
    ],
)
def test_a_password_that_breaks_a_rule_is_one_entry_that_tells_no_rule(kind, act, name):
    firms = kind == Kind.ENTERPRISE_PASSWORD_CHANGED
    person = cast.person(name)
    sign_in = SignIn.objects.create(person=person, proof=Proof.PERSON_SMS, code_at=timezone.now())
    by = actor("HC", name) if firms else Actor(person=person, sign_in=sign_in)
    old = cast.ENTERPRISE_PASSWORDS["HC"] if firms else cast.NATURAL_PASSWORDS[name]
    assert refusal(act, old, "kurz1", by=by) == "password_too_short"
    (entry,) = entries(kind)
    assert (entry.result, entry.person, entry.reason_in_words) == ("refused", person, "新密码不符合要求")
    assert refusal(act, f"{old}x", "Langes-Wort-2026", by=by) == "wrong_old_password"
    assert [entry.reason for entry in entries(kind)] == ["password_too_short", "wrong_old_password"]


@pytest.mark.parametrize("what", REFUSED)
def test_one_refusal_is_one_entry_with_its_reason_in_words(what):
    kind, who, act, code = REFUSED[what]
    by = who()
    before = AuditEntry.objects.count()
    assert refusal(act, by) == code
    assert AuditEntry.objects.count() == before + 1
    entry = AuditEntry.objects.latest("seq")
    assert (entry.kind, entry.result, entry.reason) == (kind, "refused", code)
    assert (entry.person, entry.taxpayer is not None) == (by.person, True)
    assert entry.reason_in_words not in ("", code)


def test_a_phone_that_cannot_be_changed_is_one_entry(rf):
    person = cast.person("周文博")  # not collected
    request = rf.post("/")
    request.session = {}
    by = Actor(person=person, sign_in=SignIn.objects.create(person=person, proof=Proof.PERSON_SMS))
    assert refusal(own_phone.begin, request, "19900000099", by=by) == "not_collected"
    assert [(entry.result, entry.reason) for entry in entries(Kind.PHONE_CHANGED)] == [("refused", "not_collected")]


def test_what_the_second_of_two_equal_clicks_meets_is_no_refusal():
    by = lead()
    request = changes.submit_end(open_post("HC", "孙雅静"), by=by)
    assert refusal(changes.submit_end, open_post("HC", "孙雅静"), by=by) == "request_open"
    assert [entry.result for entry in entries(Kind.CHANGE_SUBMITTED)] == ["done"]
    changes.withdraw(request, by=by)
    assert refusal(changes.withdraw, request, by=by) == "request_settled"
    assert [entry.result for entry in entries(Kind.CHANGE_WITHDRAWN)] == ["done"]
    own = clerk()
    misuse.report(own.taxpayer, statement="我不认识这家企业", by=own)
    with pytest.raises(ValidationError, match="已申报过"):
        misuse.report(own.taxpayer, statement="我不认识这家企业", by=own)
    assert [entry.result for entry in entries(Kind.MISUSE_REPORTED)] == ["done"]
    own_posts.leave(own.taxpayer, by=own)
    assert refusal(own_posts.leave, own.taxpayer, by=own) == "nothing_to_leave"
    assert [entry.result for entry in entries(Kind.POST_LEFT)] == ["done"]


def test_a_request_that_anothers_stands_in_the_way_of_is_a_refusal():
    first, second = open_post("HC", "孙雅静"), open_post("HC", "郑海涛")
    changes.submit_end(first, by=actor("HC", "林若兰"))
    by = lead()
    changes.submit_end(second, by=by)
    assert refusal(changes.submit_end, first, by=by) == "request_open"
    assert refusal(changes.submit_phones, first, mobile="19900000099", landline="", by=by) == "request_open"
    told = [(entry.result, entry.details["name"]) for entry in entries(Kind.CHANGE_SUBMITTED)]
    ended, phones = str(ChangeKind.CLERK_ENDED.label), str(ChangeKind.PHONES_CHANGED.label)
    assert told == [("done", ended), ("done", ended), ("refused", ended), ("refused", phones)]


def test_other_phones_for_the_same_post_are_another_request():
    by, post = lead(), open_post("HC", "孙雅静")
    changes.submit_phones(post, mobile="19900000098", landline="", by=by)
    assert refusal(changes.submit_phones, post, mobile="19900000099", landline="", by=by) == "request_open"
    assert [entry.result for entry in entries(Kind.CHANGE_SUBMITTED)] == ["done", "refused"]


def test_what_is_filled_in_wrong_is_a_mistake_and_no_refusal():
    before = AuditEntry.objects.count()
    by = lead()
    wrong = {"mobile": "123", "landline": ""}
    with pytest.raises(ValidationError):
        changes.submit_phones(open_post("HC", "孙雅静"), by=by, **wrong)
    with pytest.raises(ValidationError):
        misuse.report(by.taxpayer, statement=" ", by=by)
    assert AuditEntry.objects.count() == before
