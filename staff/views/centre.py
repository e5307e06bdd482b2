"""个人中心: its sections, 我的任职 with 关联, and binding."""

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.pages import page
from accounts.requests import Request
from realname import services as realname_services
from realname.models import Post
from staff import standing
from staff.decorators import fresh_code_required
from staff.forms import ActForm
from staff.models import Membership
from staff.services import own_binding

Service = Callable[..., None]


@require_safe
def centre(request: Request) -> HttpResponse:
    """个人中心, which other systems call 我的账户, 账户设置 or 系统设置: its sections (D1, M109, M120, M146)."""
    return page(request, "staff/centre.html")


@require_safe
def my_posts(request: Request) -> HttpResponse:
    """我的任职: every taxpayer whose register or portal names me, with position, state, and what I may do."""
    person = request.actor.person
    assert person is not None  # noqa: S101 - the page is closed to visitors
    return page(request, "staff/my_posts.html", {"standings": standing.of_capacities(person)})


@require_POST
def link_post(request: Request, pk: int) -> HttpResponse:
    """关联: confirm that I work for this taxpayer (M15, D18)."""
    post = get_object_or_404(Post, pk=pk, person=request.actor.person)
    try:
        realname_services.link(post, by=request.actor)
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
    membership = get_object_or_404(Membership, uid=uid, person=request.actor.person)
    form = ActForm(request.POST)
    try:
        service(membership, version=form.cleaned_data["version"] if form.is_valid() else 0, by=request.actor)
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
    else:
        messages.success(request, done)
    return redirect("staff:my_posts")
