"""Sign-ins once they are there: time, loss of the capacity, passwords that change, leaving (D16)."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from accounts import passwords
from accounts.models import AuditEntry, SignIn
from accounts.models.record import Kind
from accounts.models.signins import EndReason
from realname.models import Post
from staff.models import Membership
from tests import cast
from tests.visitor import words

M102 = "当前办税人与税务登记办税人信息不符，请通过变更税务登记维护办税人，并重新同步办税人信息。"
HOME = "/"


def later(**passed):
    return time_machine.travel(timezone.now() + timedelta(**passed), tick=False)


def is_out(visitor, because: str) -> bool:
    answer = visitor.get(HOME, follow=True)
    return answer.redirect_chain[-1][0] == reverse("login") and because in words(answer)


def change(name: str, **state) -> None:
    Membership.objects.filter(pk=cast.membership("HC", name).pk).update(**state)


@pytest.mark.rule("SES-03", "D16")
def test_fifteen_minutes_without_a_click_end_the_sign_in(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    with later(minutes=14, seconds=45):
        assert visitor.get(HOME).status_code == 200
    with later(minutes=30):
        assert is_out(visitor, "超过15分钟没有操作")


@pytest.mark.rule("SES-03", "D16")
def test_eight_hours_end_the_sign_in_however_busy_it_is(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    for minutes in range(10, 480, 10):
        with later(minutes=minutes):
            assert visitor.get(HOME).status_code == 200
    with later(hours=8):
        assert is_out(visitor, "已满8小时")


@pytest.mark.rule("D4", "M98", "SES-05", "M60")
def test_a_clerk_who_is_frozen_is_out_at_his_next_click_with_the_reason_and_who_can_mend_it(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    change("孙雅静", frozen_at=timezone.now())
    answer = visitor.get(HOME, follow=True)
    assert "办税人员已冻结" in words(answer)
    assert "【解冻】" in words(answer)
    assert SignIn.objects.get().ended_because == EndReason.CAPACITY_LOST
    entry = AuditEntry.objects.filter(kind=Kind.CAPACITY_LOST).get()
    assert (entry.person, entry.taxpayer, entry.reason) == (cast.person("孙雅静"), cast.taxpayer("HC"), "frozen")


@pytest.mark.rule("D4", "M57", "M58", "SES-05")
def test_a_removed_clerk_is_out_at_his_next_click(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    change("孙雅静", removed_at=timezone.now())
    assert is_out(visitor, "您已不是该企业的办税人员")


@pytest.mark.rule("D4", "D20", "M102", "SES-05")
def test_whom_the_register_no_longer_names_is_out_with_m102_before_any_other_reason(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    change("孙雅静", frozen_at=timezone.now())
    Post.objects.filter(person=cast.person("孙雅静"), taxpayer=cast.taxpayer("HC")).update(until=timezone.localdate())
    assert is_out(visitor, M102)


@pytest.mark.rule("D20", "D31", "SES-05")
def test_a_replaced_finance_officer_is_out_at_his_next_click(visitor):
    visitor.sign_in_by_password("HC", "林若兰")
    Post.objects.filter(person=cast.person("林若兰")).update(until=timezone.localdate())
    assert is_out(visitor, M102)


@pytest.mark.rule("M7", "SES-05")
def test_a_real_name_record_that_is_revoked_ends_the_sign_in(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    cast.person("孙雅静").real_name_records.update(revoked_at=timezone.now())
    assert is_out(visitor, "尚未实名采集")


@pytest.mark.rule("D16", "SES-05")
def test_the_enterprise_password_changed_elsewhere_ends_the_sign_in(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    passwords.store(cast.taxpayer("HC").credential, passwords.hash_new("Neues-Wort-2026"))
    assert is_out(visitor, "本次登录所用的密码已变更")


@pytest.mark.rule("D16", "SES-05")
def test_the_personal_password_changed_elsewhere_ends_the_sign_in_that_used_it(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    passwords.store(cast.membership("HC", "孙雅静").credential, passwords.hash_new("Neues-Wort-2026"))
    assert is_out(visitor, "本次登录所用的密码已变更")


@pytest.mark.rule("D7", "SES-05", "AUZ-05")
def test_an_identity_that_loses_its_functions_bites_at_the_next_click(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    assert visitor.get(reverse("staff:operations")).status_code == 200
    cast.membership("HC", "孙雅静").identities.get().grants.all().delete()
    assert visitor.get(reverse("staff:operations")).status_code == 403
    assert visitor.get(HOME).status_code == 200


@pytest.mark.rule("SES-04", "D16")
def test_leaving_ends_the_sign_in_on_the_server_and_clears_the_browsers_cache(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    session = visitor.cookies["session"].value
    for page in (HOME, reverse("staff:operations"), reverse("accounts:sign_ins")):  # the back button shows nothing
        assert visitor.get(page)["Cache-Control"] == "no-store"
    answer = visitor.post(reverse("sign_out"))
    assert answer["Clear-Site-Data"] == '"cache"'
    assert visitor.get(HOME).url.startswith(reverse("login"))
    visitor.cookies["session"] = session
    assert visitor.get(HOME).url.startswith(reverse("login"))
    assert SignIn.objects.get().ended_because == EndReason.SIGNED_OUT


@pytest.mark.rule("SES-06", "D16")
def test_a_second_sign_in_is_told_to_the_first_which_can_end_it(visitor, other_visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    assert "在另一处登录" not in words(visitor.get(HOME))
    other_visitor.sign_in_by_password("HC", "孙雅静")
    assert "您的身份于" in words(visitor.get(HOME))
    assert "在另一处登录" not in words(other_visitor.get(HOME))
    newer = SignIn.objects.latest("pk")
    visitor.post(reverse("accounts:end_sign_in", args=[newer.uid]))
    assert is_out(other_visitor, "您在另一处结束了本次登录")
    assert "在另一处登录" not in words(visitor.get(HOME))


@pytest.mark.rule("SES-06")
def test_it_was_me_ends_the_telling_and_nothing_else(visitor, other_visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    other_visitor.sign_in_by_password("HC", "孙雅静")
    visitor.post(reverse("accounts:acknowledge"))
    assert "在另一处登录" not in words(visitor.get(HOME))
    assert other_visitor.get(HOME).status_code == 200


@pytest.mark.rule("SES-07")
def test_a_person_sees_his_own_sign_ins_and_not_anothers(visitor, other_visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    other_visitor.sign_in_by_password("HC", "林若兰")
    page = words(visitor.get(reverse("accounts:sign_ins")))
    assert page.count("本次登录") == 1
    assert "结束" not in page.split("操作", 1)[1].split("本次登录")[0]
    foreign = SignIn.objects.get(person=cast.person("林若兰"))
    assert visitor.post(reverse("accounts:end_sign_in", args=[foreign.uid])).status_code == 404
    assert other_visitor.get(HOME).status_code == 200


@pytest.mark.rule("D16")
def test_signing_in_again_in_the_same_browser_ends_the_earlier_sign_in(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    visitor.sign_in_by_password("MH", "徐明湖")
    assert SignIn.objects.get(person=cast.person("孙雅静")).ended_because == EndReason.REPLACED
    assert "大连明湖餐饮店" in words(visitor.get(HOME))


@pytest.mark.rule("D16", "FLOW-11")
def test_a_session_that_no_door_of_the_portal_made_is_nobody(visitor):
    visitor.force_login(cast.person("钱思远"), backend="accounts.backends.PersonBackend")
    assert visitor.get(HOME).url.startswith(reverse("login"))


@pytest.mark.rule("SES-02", "FLOW-11")
def test_a_sign_ins_id_in_another_persons_session_is_nobody(visitor, other_visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    other_visitor.sign_in_by_password("HC", "林若兰")
    session = other_visitor.session
    session["sign_in"] = str(SignIn.objects.get(person=cast.person("孙雅静")).uid)
    session.save()
    assert other_visitor.get(HOME).url.startswith(reverse("login"))


@pytest.mark.rule("D16")
def test_a_form_shown_to_another_capacity_is_refused_and_nothing_is_done(visitor):
    visitor.sign_in_by_password("HC", "孙雅静")
    answer = visitor.post(reverse("accounts:acknowledge"), {"capacity": "somebody-else"})
    assert answer.status_code == 409
    assert "没有保存任何内容" in words(answer)
    assert visitor.get(HOME).status_code == 200
