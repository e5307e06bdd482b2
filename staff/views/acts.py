"""Acts on a member, each on a page that says what will happen, and to whom (M55 to M78)."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.audit import Kind
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from accounts.words import Words
from staff import finding, lacking
from staff.decorators import lead_required
from staff.forms import ActForm, FreezeForm, RightsForm
from staff.members import row_of
from staff.models import Membership
from staff.origins import AUTHORISATIONS, origin_of
from staff.services import members as services
from staff.told import in_words

Service = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Act:
    """What the page of an act says; `done` has a place for the name of whom it was done to."""

    kind: Kind
    title: Words
    consequence: Words
    button: Words
    done: Words
    is_dangerous: bool = False
    needs_phone: bool = False


REMOVE = Act(
    Kind.MEMBER_REMOVED,
    _("删除办税人员"),
    _(
        "确认后，该办税人员在本企业的身份和权限立即删除，不能再作为本企业人员登录；正在登录的，下一次点击即退出。操作记录会保留。"
    ),
    _("确认删除"),
    _("已删除%(name)s。"),
    is_dangerous=True,
)
WITHDRAW = replace(REMOVE, title=_("解除授权"), button=_("确认解除授权"), done=_("已解除%(name)s的授权。"))
"""The same act in the words of 用户授权管理 (M149, M150)."""
FREEZE = Act(
    Kind.MEMBER_FROZEN,
    _("冻结办税人员"),
    _(
        "确认后，该办税人员的身份立即锁定，不能作为本企业人员登录；正在登录的，下一次点击即退出。身份和权限会保留，解冻后恢复正常。"
    ),
    _("确认冻结"),
    _("已冻结%(name)s。"),
    is_dangerous=True,
)
UNFREEZE = Act(
    Kind.MEMBER_UNFROZEN,
    _("解冻办税人员"),
    _("确认后，该办税人员的身份立即恢复正常，可以登录办税。"),
    _("确认解冻"),
    _("已解冻%(name)s。"),
)
BIND = Act(
    Kind.MEMBER_BOUND,
    _("绑定自然人账户"),
    _(
        "确认后，该办税人员的个人登录密码即为他的自然人登录密码。原个人登录密码会保留，解绑后仍可使用。他以本企业身份的登录全部退出，需重新登录。"
    ),
    _("确认绑定"),
    _("已绑定%(name)s的自然人账户。"),
)
UNBIND = Act(
    Kind.MEMBER_UNBOUND,
    _("解绑自然人账户"),
    _(
        "确认后，该办税人员需使用原个人登录密码登录；没有设置过的，用短信登录后再设置。他以本企业身份的登录全部退出，需重新登录。"
    ),
    _("确认解绑"),
    _("已解绑%(name)s的自然人账户。"),
)
RESET = Act(
    Kind.PASSWORD_RESET,
    _("重置个人登录密码"),
    _(
        "确认后，该办税人员的个人登录密码作废，他的登录全部退出，并收到短信。24小时内他可以用111111或短信登录，登录后只能修改密码：旧密码为111111，并需短信验证码。"
    ),
    _("确认重置"),
    _("%(name)s的密码已重置为111111，24小时内有效，请通知本人登录修改。"),
    is_dangerous=True,
    needs_phone=True,
)
END = Act(
    Kind.SIGN_IN_ENDED,
    _("结束登录"),
    _("确认后，该办税人员以本企业身份进行的登录全部结束，可以重新登录。"),
    _("确认结束"),
    _("已结束%(name)s的全部登录。"),
)
RIGHTS = Act(
    Kind.MEMBER_CHANGED,
    _("修改权限"),
    _("保存后，该办税人员下一次点击即按新的身份和权限办理。"),
    _("保存"),
    _("%(name)s的权限已修改。"),
)


@dataclass(frozen=True, slots=True)
class WayOut:
    """A link to what comes first: another act on the same member, or another page."""

    url_name: str
    label: Words
    is_of_member: bool = True


WAYS_OUT = {
    "already_frozen": WayOut("staff:unfreeze", _("解冻")),
    "not_frozen": WayOut("staff:freeze", _("冻结")),
    "already_bound": WayOut("staff:unbind", _("解绑")),
    "not_bound": WayOut("staff:bind", _("绑定")),
    "bound": WayOut("staff:unbind", _("解绑")),
    "not_clerk": WayOut("staff:changes", _("变更税务登记"), is_of_member=False),
    "self": WayOut("staff:my_posts", _("我的任职"), is_of_member=False),
}
"""Where one goes on from an act that the membership's state doesn't allow, by the refusal's code."""
_FIELDS = {
    (Kind.MEMBER_FROZEN, "until_in_the_past"): "until",
    (Kind.MEMBER_CHANGED, "until_in_the_past"): "valid_until",
}
"""The field that a refusal is about."""


def _obstacle(request: Request, act: Act, membership: Membership) -> dict[str, Any]:
    """Why the act can't be done as the membership stands, and the way out: nobody is offered what must fail."""
    refusal = services.obstacle_to(act.kind, membership, by=request.actor)
    if refusal is None:
        return {}
    found: dict[str, Any] = {"obstacle": refusal.messages[0]}
    way = WAYS_OUT.get(str(refusal.code))
    if way is not None:
        url = _of_member(request, way.url_name, membership.uid) if way.is_of_member else reverse(way.url_name)
        found |= {"way_out_url": url, "way_out": way.label}
    return found


def _of_member(request: Request, url_name: str, uid: uuid.UUID) -> str:
    """Another page of the same member, from which the way back to the list is the same."""
    return reverse(url_name, args=[uid]) + origin_of(request).query


def _act(request: Request, uid: uuid.UUID, act: Act, service: Service, form: ActForm, **more: Any) -> HttpResponse:
    """Show the act's page, or do the act; a refusal comes back on the page, a lost race with 409."""
    membership = finding.member(uid, by=request.actor)
    if request.method != "POST" and membership.removed_at is not None:
        messages.warning(request, _("该办税人员已删除，不能再对其操作。"))
        return redirect(_of_member(request, "staff:member", uid))
    if request.method == "POST" and form.is_valid():
        asked = {**form.cleaned_data, **more}
        try:
            service(membership, **asked, by=request.actor)
        except ValidationError as refusal:
            del asked["version"]
            if refusal.code == "stale" and services.has_just_done(act.kind, membership, **asked, by=request.actor):
                return _done(request, act, membership)  # the same form sent twice: one effect, same answer (F12)
            form.add_error(_FIELDS.get((act.kind, str(refusal.code))), refusal)
        else:
            return _done(request, act, membership)
    return _show(request, act, membership, form)


def _show(request: Request, act: Act, membership: Membership, form: ActForm) -> HttpResponse:
    context = {"act": act, "form": form, "membership": membership, "row": row_of(membership)}
    context |= {"origin": origin_of(request), **_obstacle(request, act, membership)}
    return form_page(request, "staff/act.html", context)


def _done(request: Request, act: Act, membership: Membership) -> HttpResponse:
    """Back to where in which list the act was begun: 企业人员维护, or 用户授权管理 (M150)."""
    messages.success(request, act.done % {"name": membership.person.masked_name})
    if act.needs_phone and row_of(membership).phone.problem:
        text = _("%(name)s目前收不到短信验证码，不能修改密码：请先按列表中的提示核对手机号码。")
        messages.warning(request, text % {"name": membership.person.masked_name})
    return redirect(origin_of(request).url)


def _act_form(request: Request, uid: uuid.UUID) -> ActForm:
    if request.method == "POST":
        return ActForm(request.POST)
    return ActForm(initial={"version": finding.member(uid, by=request.actor).version})


@get_or_post
@lead_required
def remove(request: Request, uid: uuid.UUID) -> HttpResponse:
    """删除 (M55 to M59)."""
    act = WITHDRAW if origin_of(request).url_name == AUTHORISATIONS.url_name else REMOVE
    return _act(request, uid, act, services.remove, _act_form(request, uid))


@get_or_post
@lead_required
def freeze(request: Request, uid: uuid.UUID) -> HttpResponse:
    """冻结 (M60 to M63), with reason and end."""
    if request.method != "POST":
        version = finding.member(uid, by=request.actor).version
        return _act(request, uid, FREEZE, services.freeze, FreezeForm(initial={"version": version}))
    form = FreezeForm(request.POST)
    until = form.cleaned_data.get("until") if form.is_valid() else None
    return _act(request, uid, FREEZE, services.freeze, form, until=_midnight(until))


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


@get_or_post
@lead_required
def unfreeze(request: Request, uid: uuid.UUID) -> HttpResponse:
    """解冻 (M64, M65)."""
    return _act(request, uid, UNFREEZE, services.unfreeze, _act_form(request, uid))


@get_or_post
@lead_required
def bind(request: Request, uid: uuid.UUID) -> HttpResponse:
    """绑定 (M67 to M69)."""
    return _act(request, uid, BIND, services.bind, _act_form(request, uid))


@get_or_post
@lead_required
def unbind(request: Request, uid: uuid.UUID) -> HttpResponse:
    """解绑 (M70, M71)."""
    return _act(request, uid, UNBIND, services.unbind, _act_form(request, uid))


@get_or_post
@lead_required
def reset_password(request: Request, uid: uuid.UUID) -> HttpResponse:
    """重置密码 (M75, M76, M100)."""
    return _act(request, uid, RESET, services.reset_password, _act_form(request, uid))


@get_or_post
@lead_required
def end_sign_ins(request: Request, uid: uuid.UUID) -> HttpResponse:
    """结束登录 (SES-07)."""
    return _act(request, uid, END, services.end_sign_ins, _act_form(request, uid))


@get_or_post
@lead_required
def change_rights(request: Request, uid: uuid.UUID) -> HttpResponse:
    """Which identities he has, 管理权限, and his last day; what he gains and loses is shown before it is saved."""
    membership = finding.member(uid, by=request.actor)
    if request.method != "POST":
        return _act(request, uid, RIGHTS, services.change_rights, _rights_form(membership))
    finding.refuse_foreign_identities(request.POST.getlist("identities"), by=request.actor)
    form = RightsForm(request.POST, taxpayer=membership.taxpayer)
    if "reopen" in request.POST:
        return _show(request, RIGHTS, membership, form)
    is_valid = form.is_valid()
    if is_valid and "reviewed" not in request.POST and (review := _review(request, membership, form)):
        return review
    last_day = form.cleaned_data.get("valid_until") if is_valid else None
    answer = _act(request, uid, RIGHTS, services.change_rights, form, valid_until=_end_of(last_day))
    if is_valid and form.is_valid() and (warning := lacking.warning_of(form.cleaned_data["identities"])):
        messages.warning(request, warning % {"name": membership.person.masked_name})
    return answer


def _review(request: Request, membership: Membership, form: RightsForm) -> HttpResponse | None:
    """What he gains and loses, before it is saved; None where no function changes, and he has some left (M96)."""
    identities = form.cleaned_data["identities"]
    gains, loses = services.effects_of(membership, identities)
    warning = lacking.warning_of(identities)
    if not (gains or loses or warning) or form.cleaned_data["version"] != membership.version:
        return None
    if services.obstacle_to(RIGHTS.kind, membership, by=request.actor) is not None:
        return None
    context = {
        "row": row_of(membership),
        "gains": in_words(gains) if gains else "",
        "loses": in_words(loses) if loses else "",
        "warning": warning % {"name": membership.person.masked_name} if warning else "",
        "origin": origin_of(request),
        "sent": [(name, value) for name in form.fields for value in request.POST.getlist(name)],
    }
    return page(request, "staff/rights_review.html", context)


def _end_of(day: date | None) -> datetime | None:
    """The midnight that ends this day: on its last day a member may still act."""
    start = _midnight(day)
    return start + timedelta(days=1) if start else None


def _rights_form(membership: Membership) -> RightsForm:
    initial = {
        "version": membership.version,
        "identities": list(membership.identities.values_list("uid", flat=True)),
        "is_manager": membership.is_manager,
        "valid_until": membership.last_day,
    }
    return RightsForm(initial=initial, taxpayer=membership.taxpayer)
