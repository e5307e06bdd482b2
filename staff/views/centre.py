"""个人中心: its sections, 我的任职 with 关联, and binding."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.forms import Form
from accounts.pages import form_page, get_or_post, page
from accounts.requests import Request
from realname import misuse, posts
from realname.models import MisuseCase, Post
from staff import finding, standing
from staff.decorators import fresh_code_required
from staff.forms import ActForm, MisuseForm
from staff.services import own_binding, own_posts

Service = Callable[..., None]
_MOST_CASES = 20


@require_safe
def centre(request: Request) -> HttpResponse:
    """个人中心, which other systems call 我的账户, 账户设置 or 系统设置: its sections (D1, M109, M120, M146)."""
    return page(request, "staff/centre.html")


@require_safe
def my_posts(request: Request) -> HttpResponse:
    """我的任职: every taxpayer whose register or portal names me, with position, state, and what I may do."""
    person = request.actor.person
    assert person is not None  # noqa: S101 - the page is closed to visitors
    cases = MisuseCase.objects.filter(person=person).select_related("taxpayer").order_by("-pk")[:_MOST_CASES]
    return page(request, "staff/my_posts.html", {"standings": standing.of_capacities(person), "cases": cases})


@require_POST
def link_post(request: Request, pk: int) -> HttpResponse:
    """关联: confirm that I work for this taxpayer (M15, D18)."""
    post = get_object_or_404(Post, pk=pk, person=request.actor.person)
    try:
        posts.link(post, by=request.actor)
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
    else:
        messages.success(request, _("已确认与企业的关联。"))
    return redirect("staff:my_posts")


@require_POST
@fresh_code_required
def bind_own(request: Request, uid: uuid.UUID) -> HttpResponse:
    """绑定 my own membership (D9)."""
    return _own(request, uid, own_binding.bind, _("已绑定：在该企业登录时使用自然人登录密码。"))


@require_POST
@fresh_code_required
def unbind_own(request: Request, uid: uuid.UUID) -> HttpResponse:
    """解绑 my own membership (D9)."""
    return _own(request, uid, own_binding.unbind, _("已解绑：在该企业登录时使用原个人登录密码。"))


def _own(request: Request, uid: uuid.UUID, service: Service, done: str) -> HttpResponse:
    membership = finding.own_membership(uid, by=request.actor)
    form = ActForm(request.POST)
    try:
        service(membership, version=form.cleaned_data["version"] if form.is_valid() else 0, by=request.actor)
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
    else:
        messages.success(request, done)
    return redirect("staff:my_posts")


@get_or_post
@fresh_code_required
def leave_post(request: Request, uid: uuid.UUID) -> HttpResponse:
    """解除: what will happen, and then it does."""
    found = finding.own_standing(uid, by=request.actor)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            own_posts.leave(found.taxpayer, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, _("已解除在%(firm)s的任职。") % {"firm": f"“{found.taxpayer.name}”"})
            return redirect("staff:my_posts")
    return form_page(request, "staff/leave_post.html", {"form": form, "found": found})


@get_or_post
@fresh_code_required
def report_misuse(request: Request, uid: uuid.UUID) -> HttpResponse:
    """非本人任职: this firm uses my name without me (D35)."""
    found = finding.own_standing(uid, by=request.actor)
    form = MisuseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            statement = form.cleaned_data["statement"]
            misuse.report(found.taxpayer, statement=statement, by=request.actor)
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            messages.success(request, _("已提交非本人任职申报，您的身份在该企业已停止使用。"))
            return redirect("staff:my_posts")
    return form_page(request, "staff/report_misuse.html", {"form": form, "found": found})
