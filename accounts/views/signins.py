"""登录设备: a person's own sign-ins, and the way out."""

import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import signins
from accounts.acting import open_while_acting
from accounts.models import SignIn
from accounts.models.signins import EndReason
from accounts.pages import page
from accounts.requests import Request

_MOST = 50


@require_POST
@login_not_required
def sign_out(request: Request) -> HttpResponse:
    """End this sign-in on the server, and let the browser forget the pages it saw (SES-04)."""
    sign_in = request.actor.sign_in
    if sign_in is not None:
        signins.end(sign_in, EndReason.SIGNED_OUT, by=request.actor)
    signins.leave(request)
    messages.success(request, EndReason.SIGNED_OUT.label)
    response = redirect(signins.door_of(sign_in) if sign_in else "login")
    response["Clear-Site-Data"] = '"cache"'
    return response


@require_safe
@open_while_acting
def sign_ins(request: Request) -> HttpResponse:
    """My sign-ins that are live now (SES-07)."""
    newest = signins.listed(by=request.actor)[:_MOST]
    return page(request, "accounts/sign_ins.html", {"sign_ins": newest, "has_others": len(newest) > 1})


@require_POST
@open_while_acting
def end_sign_in(request: Request, uid: uuid.UUID) -> HttpResponse:
    """End one of my other sign-ins; it is out at its next click."""
    sign_in = get_object_or_404(SignIn, uid=uid, person=request.actor.person)
    signins.end(sign_in, EndReason.ENDED_BY_OWNER, by=request.actor)
    signins.forget_told_of(sign_in)
    messages.success(request, _("已结束该处登录。"))
    return redirect("accounts:sign_ins")


@require_POST
@open_while_acting
def end_other_sign_ins(request: Request) -> HttpResponse:
    """End all my sign-ins but this one."""
    ended = signins.end_others(by=request.actor)
    messages.success(request, _("已结束其他%(count)s处登录。") % {"count": ended} if ended else _("没有其他登录。"))
    return redirect("accounts:sign_ins")


@require_POST
@open_while_acting
def acknowledge(request: Request) -> HttpResponse:
    """It was me who signed in elsewhere: stop telling me (SES-06)."""
    if request.actor.sign_in is not None and request.actor.sign_in.told_of is not None:
        signins.forget_told_of(request.actor.sign_in.told_of)
    return redirect("home")
