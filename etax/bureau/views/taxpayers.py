"""One taxpayer at the counter: his people's pre-conditions, opening, reset, unlocking, record."""

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts import officers, throttles
from accounts.audit import Kind
from accounts.keypages import keys_of
from accounts.models import Taxpayer
from accounts.pages import form_page, get_or_post, page
from accounts.refusals import refusals_recorded
from accounts.requests import Request
from etax.bureau import printing, records
from etax.bureau.forms import CloseForm, ConfirmForm, OpenNewForm, ResetForm, ShownForm
from etax.bureau.preconditions import report_on
from etax.bureau.views.acts import about_taxpayer, act_page, counter_required, data_of
from staff import standing
from staff.forms import OperationsFilterForm
from staff.operations import entries_of
from staff.services import declaration, opening, unlocking
from staff.services.opening import FirstPassword, Shown
from staff.views.acts import Act

_PEOPLE = 20

OPEN = Act(
    Kind.TAXPAYER_OPENED,
    _("授权开户"),
    _(
        "确认后，该纳税人开通电子税务局，系统生成初始企业密码，并下载一份凭证。密码只出现在凭证上，请立即打印，当面交给经办人。"
    ),
    _("确认开户并下载凭证"),
    _("已开户。"),
)
RESET = Act(
    Kind.ENTERPRISE_PASSWORD_RESET,
    _("重置企业密码"),
    _(
        "确认后，原企业密码立即作废，用它登录的人员全部退出；系统生成新的初始密码，并下载一份凭证。密码只出现在凭证上，请立即打印，当面交给经办人。"
    ),
    _("确认重置并下载凭证"),
    _("已重置。"),
    is_dangerous=True,
)
RENEW = Act(
    Kind.DECLARATION_PASSWORD_RESET,
    _("重置申报密码"),
    _(
        "确认后，原申报密码立即作废，系统生成临时申报密码，不在这里显示：由法定代表人（业主）、财务负责人登录后，在【税费申报及缴纳】中查看。他们会收到短信。"
    ),
    _("确认重置"),
    _("申报密码已重置，请告知企业登录查看临时申报密码。"),
    is_dangerous=True,
)
CLOSE = Act(
    Kind.TAXPAYER_CANCELLED,
    _("注销开户"),
    _(
        "确认后，该纳税人在电子税务局的账户立即注销：所有人员都不能再为其办税，正在登录的，下一次点击即退出；人员和权限保留，重新开户后恢复。"
    ),
    _("确认注销"),
    _("已注销。"),
    is_dangerous=True,
)
UNLOCK = Act(
    Kind.UNLOCKED,
    _("解除企业密码锁定"),
    _("确认后，该纳税人因连续输错企业密码的锁定立即解除，密码不变。"),
    _("确认解除"),
    _("已解除锁定。"),
)


def _found(uid: uuid.UUID) -> Taxpayer:
    return get_object_or_404(Taxpayer.objects.select_related("credential"), uid=uid)


def _url(taxpayer: Taxpayer) -> str:
    return reverse("bureau:taxpayer", args=[taxpayer.uid])


@require_safe
def taxpayer(request: Request, uid: uuid.UUID) -> HttpResponse:
    """The firm, and for each of its people why he can or can't sign in; twenty clerks a page."""
    officers.require(request.actor)
    firm = _found(uid)
    people, older = standing.page_of(firm, before=keys_of(request).get("before"), size=_PEOPLE)
    is_due = standing.first_sign_in_is_due(firm)
    context = {
        "taxpayer": firm,
        "kind": Taxpayer.Kind(firm.kind).label,
        "is_social_insurance": firm.kind == Taxpayer.Kind.SOCIAL_INSURANCE,
        "locked_minutes": -(-throttles.longest_wait(unlocking.counts_of_taxpayer(firm)) // 60),
        "first_is_due": is_due,
        "reports": [report_on(each, first_is_due=is_due) for each in people],
        "older_url": f"?before={older}" if older else "",
    }
    return page(request, "bureau/taxpayer.html", context)


@get_or_post
@counter_required
def open_account(request: Request, uid: uuid.UUID) -> HttpResponse:
    """授权开户 of a taxpayer that the register knows: the answer to the form is the certificate (M79, D22)."""
    firm, form = _found(uid), ShownForm(data_of(request))

    def do(first: FirstPassword, shown: Shown) -> Taxpayer:
        opening.open_account(firm, first=first, shown=shown, by=request.actor)
        return firm

    return _issue(request, OPEN, form, do, about=firm)


@get_or_post
@counter_required
def open_new_account(request: Request) -> HttpResponse:
    """授权开户 of a taxpayer that isn't known yet."""
    form = OpenNewForm(data_of(request))

    def do(first: FirstPassword, shown: Shown) -> Taxpayer:
        given = {name: form.cleaned_data[name] for name in ("code", "name", "kind")}
        return opening.open_new_account(**given, first=first, shown=shown, by=request.actor)

    return _issue(request, OPEN, form, do)


@get_or_post
@counter_required
def reset_password(request: Request, uid: uuid.UUID) -> HttpResponse:
    """重置企业密码 (M131, M132, M136)."""
    firm = _found(uid)
    form = ResetForm(data_of(request), initial={"version": opening.version_of(firm)})

    def do(first: FirstPassword, shown: Shown) -> Taxpayer:
        version = form.cleaned_data["version"]
        opening.reset_password(firm, version=version, first=first, shown=shown, by=request.actor)
        return firm

    return _issue(request, RESET, form, do, about=firm)


def _issue(
    request: Request,
    act: Act,
    form: ShownForm,
    do: Callable[[FirstPassword, Shown], Taxpayer],
    *,
    about: Taxpayer | None = None,
) -> HttpResponse:
    """Show the act's page; or make password and paper first, then do the act, and only then hand the paper out."""
    if request.method == "POST" and form.is_valid():
        shown = Shown(form.cleaned_data["handler"], form.cleaned_data["papers"])
        subject = about or Taxpayer(**{name: form.cleaned_data[name] for name in ("code", "name", "kind")})
        first = opening.draw()
        paper = printing.paper(request, subject, first, title=act.title, handler=shown.handler)
        try:
            with refusals_recorded(act.kind, by=request.actor, taxpayer=about):
                do(first, shown)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return printing.download(paper, first)
    context: dict[str, Any] = {"act": act, "form": form, "facts": about_taxpayer(about) if about else []}
    context["back_url"] = _url(about) if about else reverse("bureau:index")
    return form_page(request, "bureau/issue.html", context)


@get_or_post
@counter_required
def renew_declaration(request: Request, uid: uuid.UUID) -> HttpResponse:
    """重置申报密码 (M130)."""
    firm = _found(uid)
    return act_page(
        request,
        RENEW,
        ConfirmForm(data_of(request)),
        lambda data: declaration.renew(firm, by=request.actor),
        back=_url(firm),
        facts=about_taxpayer(firm),
        taxpayer=firm,
    )


@get_or_post
@counter_required
def close_account(request: Request, uid: uuid.UUID) -> HttpResponse:
    """注销开户 (D22)."""
    firm = _found(uid)
    return act_page(
        request,
        CLOSE,
        CloseForm(data_of(request)),
        lambda data: opening.close_account(firm, shown=Shown(data["handler"], data["papers"]), by=request.actor),
        back=_url(firm),
        facts=about_taxpayer(firm),
        taxpayer=firm,
    )


@get_or_post
@counter_required
def unlock_taxpayer(request: Request, uid: uuid.UUID) -> HttpResponse:
    """解除企业密码锁定 (D13)."""
    firm = _found(uid)
    return act_page(
        request,
        UNLOCK,
        ConfirmForm(data_of(request)),
        lambda data: unlocking.unlock_taxpayer(firm, by=request.actor),
        back=_url(firm),
        facts=about_taxpayer(firm),
        taxpayer=firm,
    )


@require_safe
def taxpayer_record(request: Request, uid: uuid.UUID) -> HttpResponse:
    """The record of one taxpayer; looking at it is recorded (D28)."""
    firm, form = _found(uid), OperationsFilterForm(request.GET)
    find = partial(entries_of, firm)
    return records.record_page(request, form, find, heading=firm.name, back=_url(firm), taxpayer=firm)
