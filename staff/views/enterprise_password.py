"""修改企业密码 (M80 to M82)."""

from functools import partial

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from accounts import browsers, signins
from accounts.pages import form_page, get_or_post
from accounts.requests import Request
from staff.decorators import lead_required
from staff.forms import ChangeEnterprisePasswordForm
from staff.services import enterprise_password


@sensitive_post_parameters("old_password", "new_password", "confirm_password")
@get_or_post
@lead_required
def change_enterprise_password(request: Request) -> HttpResponse:
    """旧密码, 新密码, 确认新密码, 验证码 of the enterprise password; LR and FR only."""
    form = ChangeEnterprisePasswordForm(request.POST if request.method == "POST" else None, request=request)
    if request.method == "POST" and form.is_valid():
        subject = partial(browsers.subject, request)
        old, new = form.cleaned_data["old_password"], form.cleaned_data["new_password"]
        try:
            credential = enterprise_password.change(old, new, subject=subject, by=request.actor)
        except ValidationError as refusal:
            form.add_error("new_password" if str(refusal.code).startswith("password_") else None, refusal)
        else:
            signins.renew_session(request, credential)
            messages.success(request, _("企业登录密码已修改，用原密码登录的其他人员已全部退出。请告知需要登录的人员。"))
            return redirect("staff:members")
    return form_page(request, "staff/change_enterprise_password.html", {"form": form, "picture": form.picture})
