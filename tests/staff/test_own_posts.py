"""解除 in 我的任职: leaving a firm by oneself, and what the page lists (D9, D16, D18)."""

from datetime import datetime, time, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse
from django.utils import timezone

from accounts.actor import Actor
from accounts.audit import Kind
from accounts.models import SignIn
from accounts.models.signins import EndReason, Proof
from staff import standing
from staff.models import Membership
from staff.services import own_posts
from tests import cast
from tests.staff.acting import actor, as_himself, entries, refusal, settle_yunfan, switch_with_password, to
from tests.visitor import words

POSTS, NAME = "/account/posts/", "孙雅静"
TOLD = "孙*静已解除在“沈阳海川贸易有限公司”的任职"


def page_of(key: str) -> str:
    return reverse("staff:leave_post", args=[cast.taxpayer(key).uid])


def herself(**sign_in) -> Actor:
    """孙雅静 as herself, a moment after a code."""
    person = cast.person(NAME)
    row = SignIn.objects.create(person=person, proof=Proof.PERSON_SMS, **{"code_at": timezone.now(), **sign_in})
    return Actor(person=person, sign_in=row)


def as_herself(visitor) -> None:
    as_himself(visitor, NAME)
    SignIn.objects.update(code_at=timezone.now())


@pytest.mark.rule("M57", "M58", "D18", "SES-05", "D28")
def test_leaving_ends_membership_identities_link_and_sessions_and_tells_the_leads(visitor, other_visitor):
    member = cast.membership("HC", NAME)
    other_visitor.sign_in_by_sms("HC", NAME)
    as_herself(visitor)
    page = words(visitor.get(page_of("HC")))
    for said in ("解除后立即生效", "权限身份全部取消", "历史记录保留", "再次确认关联", "会收到短信", "办税员"):
        assert said in page
    answer = visitor.post(page_of("HC"), follow=True)
    assert answer.redirect_chain[-1][0] == POSTS
    assert "已解除在“沈阳海川贸易有限公司”的任职" in words(answer)
    member.refresh_from_db()
    assert member.removed_at is not None
    assert (member.identities.count(), member.is_manager, member.version) == (0, False, 2)
    assert [post.linked_at for post in cast.person(NAME).posts.filter(taxpayer=member.taxpayer)] == [None]
    assert "您已解除在该企业的任职" in words(other_visitor.get("/", follow=True))
    assert SignIn.objects.get(taxpayer=member.taxpayer).ended_because == EndReason.LEFT
    entry = entries(Kind.POST_LEFT)[0]
    assert (entry.taxpayer, entry.target, entry.result) == (member.taxpayer, member.person, "done")
    assert entry.details["before"]["identities"] == ["全量办税"]
    assert entry.details["after"]["identities"] == []
    for lead in ("钱思远", "林若兰"):
        assert TOLD in visitor.texts_to(cast.PHONES[lead])[-1]


@pytest.mark.rule("M15", "M30", "D18", "D19")
@pytest.mark.usefixtures("world")
def test_after_leaving_she_is_not_linked_until_she_confirms_again():
    own_posts.leave(cast.taxpayer("HC"), by=herself())
    found = standing.of_person(cast.person(NAME), cast.taxpayer("HC"))
    assert found.problem is standing.NOT_LINKED


@pytest.mark.rule("D9", "D31", "D20")
@pytest.mark.parametrize(("name", "position"), [("钱思远", "法定代表人（业主）"), ("林若兰", "财务负责人")])
def test_a_lead_by_register_cannot_leave_here_and_is_told_where(visitor, name, position):
    visitor.sign_in_by_sms("HC", name)
    assert "以税务登记为准，不能在此解除" in words(visitor.get(page_of("HC")))
    assert "确认解除" not in words(visitor.get(page_of("HC")))
    answer = visitor.post(page_of("HC"))
    assert answer.status_code == 400
    assert f"您是税务登记中的{position}，不能在此解除，请通过【变更税务登记】或到税务机关前台办理。" in words(answer)
    assert refusal(own_posts.leave, cast.taxpayer("HC"), by=actor("HC", name)) == "lead"
    assert cast.membership("HC", name).removed_at is None
    assert [(entry.result, entry.reason) for entry in entries(Kind.POST_LEFT)] == [("refused", "lead")] * 2


@pytest.mark.rule("STF-03")
def test_there_must_be_something_to_leave(visitor):
    by = herself()
    own_posts.leave(cast.taxpayer("HC"), by=by)
    with pytest.raises(ValidationError) as caught:
        own_posts.leave(cast.taxpayer("HC"), by=by)
    assert (caught.value.code, caught.value.messages) == ("nothing_to_leave", ["您在该企业没有可以解除的任职。"])
    assert len(entries(Kind.POST_LEFT)) == 1
    as_herself(visitor)
    assert "您在该企业没有可以解除的任职" in words(visitor.get(page_of("HC")))


@pytest.mark.rule("D18")
@pytest.mark.usefixtures("world")
def test_a_clerk_of_the_register_who_was_never_added_takes_back_her_link():
    own_posts.leave(cast.taxpayer("YF"), by=herself())
    found = standing.of_person(cast.person(NAME), cast.taxpayer("YF"))
    assert found.problem is standing.NOT_LINKED
    assert entries(Kind.POST_LEFT)[0].details["before"] == {}


@pytest.mark.rule("D15", "STF-07")
def test_leaving_asks_for_a_fresh_code_on_the_page_and_in_the_service(visitor):
    visitor.sign_in_by_password("HC", NAME)
    assert visitor.get(page_of("HC")).url.startswith(reverse("staff:step_up"))
    assert visitor.post(page_of("HC")).url.startswith(reverse("staff:step_up"))
    by = herself(code_at=None)
    with pytest.raises(ValidationError) as caught:
        own_posts.leave(cast.taxpayer("HC"), by=by)
    assert (caught.value.code, caught.value.messages) == ("code_needed", ["请先通过短信验证码确认是您本人。"])
    with pytest.raises(PermissionDenied):
        own_posts.leave(cast.taxpayer("HC"), by=Actor())
    assert Membership.objects.open().filter(person=cast.person(NAME)).exists()


@pytest.mark.rule("AUZ-02")
def test_a_firm_that_does_not_name_me_is_missing(visitor):
    as_herself(visitor)
    assert visitor.get(page_of("MH")).status_code == 404
    assert visitor.post(page_of("MH")).status_code == 404
    assert visitor.post(reverse("staff:report_misuse", args=[cast.taxpayer("MH").uid])).status_code == 404


@pytest.mark.rule("D16")
def test_leaving_the_firm_one_is_signed_in_for_leads_out_and_after_a_switch_to_choosing(visitor, other_visitor):
    settle_yunfan()
    visitor.sign_in_by_sms("HC", NAME)
    switch_with_password(visitor, "YF")
    answer = visitor.post(page_of("YF"), follow=True)
    assert answer.redirect_chain[-1][0] == "/capacity/"
    assert "您已解除在该企业的任职" in words(answer)
    assert visitor.post(to(cast.taxpayer("HC").uid)).url == "/"
    answer = visitor.post(page_of("HC"), follow=True)
    assert answer.redirect_chain[-1][0] == reverse("login")
    assert "您已解除在该企业的任职，本次登录已结束。" in words(answer)


@pytest.mark.rule("D9", "D4", "M102")
def test_my_posts_say_of_every_firm_position_state_expiry_and_binding(visitor):
    settle_yunfan()
    last = timezone.localdate() + timedelta(days=40)
    ends = timezone.make_aware(datetime.combine(last + timedelta(days=1), time()))  # the first moment without
    Membership.objects.filter(person=cast.person(NAME), taxpayer=cast.taxpayer("HC")).update(valid_until=ends)
    Membership.objects.filter(person=cast.person(NAME), taxpayer=cast.taxpayer("YF")).update(frozen_at=timezone.now())
    now = timezone.now()
    Membership.objects.create(taxpayer=cast.taxpayer("MH"), person=cast.person(NAME), added_at=now, bound_at=now)
    as_himself(visitor, NAME)
    page = words(visitor.get(POSTS))
    assert page.count("办税员") >= 2
    for said in (
        "沈阳云帆科技有限公司",
        "沈阳海川贸易有限公司",
        "大连明湖餐饮店",
        last.strftime("%Y-%m-%d"),
        "长期",
        "办税人员已冻结",
        "【解冻】",
        "税务登记中已无此人员",
        "请通过变更税务登记维护办税人",
        "已绑定自然人登录密码",
        "个人登录密码",
        "解除",
        "非本人任职",
    ):
        assert said in page
