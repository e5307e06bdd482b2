"""税务登记人员 and 关联 at the counter (M15, M91, M92, M104, M106)."""

import uuid

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import numbers
from accounts.audit import Kind
from accounts.models import Taxpayer
from accounts.pages import get_or_post
from accounts.requests import Request
from etax.bureau.forms import ConfirmForm, EndPostForm, PhonesForm, PostForm
from etax.bureau.views.acts import (
    Fact,
    about_post,
    about_taxpayer,
    act_page,
    counter_required,
    data_of,
)
from realname import counter
from realname import posts as services
from realname.models import Post
from staff.views.acts import Act

ADD = Act(
    Kind.POST_ADDED,
    _("新增税务登记人员"),
    _(
        "确认后，该人员登记在该企业的税务登记中。法定代表人（业主）随即可以登录；财务负责人、办税员还须实名采集并与企业关联，办税员还须由企业添加。"
    ),
    _("确认新增"),
    _("已新增。请继续办理实名采集、关联。"),
)
LINK = Act(
    Kind.POST_LINKED,
    _("确认与企业关联"),
    _("请核对本人到场，并确认在该企业任职。确认后，该人员与企业关联，并收到短信。"),
    _("确认关联"),
    _("已关联。"),
)
PHONES = Act(
    Kind.POST_CHANGED,
    _("修改税务登记电话"),
    _("确认后，税务登记中该任职的电话按下面填写的修改；【移动电话】须与本人实名手机号一致，才能接收验证码。"),
    _("确认修改"),
    _("已修改。"),
)
MOVE = Act(
    Kind.POST_CHANGED,
    _("移到【移动电话】"),
    _("该人员的手机号码录在【固定电话】项目内，无法发送验证码。确认后，号码移到【移动电话】项目内，【固定电话】清空。"),
    _("确认移动"),
    _("已移到【移动电话】。"),
)
END = Act(
    Kind.POST_ENDED,
    _("终止任职"),
    _("确认后，从终止日期起，该人员不再是该企业的税务登记人员：正在登录的，下一次点击即退出；本人会收到短信。"),
    _("确认终止"),
    _("任职已终止。"),
    is_dangerous=True,
)


def _found(pk: int) -> Post:
    return get_object_or_404(Post.objects.select_related("taxpayer", "person"), pk=pk)


def _back(taxpayer: Taxpayer) -> str:
    return reverse("bureau:taxpayer", args=[taxpayer.uid])


@get_or_post
@counter_required
def add_post(request: Request, uid: uuid.UUID) -> HttpResponse:
    """新增税务登记人员 (M104)."""
    firm = get_object_or_404(Taxpayer, uid=uid)
    return act_page(
        request,
        ADD,
        PostForm(data_of(request)),
        lambda data: services.add(firm, **data, by=request.actor),
        back=_back(firm),
        facts=about_taxpayer(firm),
        taxpayer=firm,
    )


@get_or_post
@counter_required
def link(request: Request, pk: int) -> HttpResponse:
    """关联 at the counter (M15, D18)."""
    post = _found(pk)
    return act_page(
        request,
        LINK,
        ConfirmForm(data_of(request)),
        lambda data: counter.link(post, by=request.actor),
        back=_back(post.taxpayer),
        facts=about_post(post),
        taxpayer=post.taxpayer,
        target=post.person,
    )


def _phones_of(post: Post) -> list[Fact]:
    nothing = _("（空）")
    return [
        Fact(_("登记的移动电话"), numbers.mask_phone(post.mobile) or nothing),
        Fact(_("登记的固定电话"), numbers.mask_phone(post.landline) or nothing),
        Fact(_("实名手机号"), post.person.masked_phone or nothing),
    ]


@get_or_post
@counter_required
def change_phones(request: Request, pk: int) -> HttpResponse:
    """修改税务登记电话 (M17, M91)."""
    post = _found(pk)
    return act_page(
        request,
        PHONES,
        PhonesForm(data_of(request)),
        lambda data: services.change_phones(post, **data, by=request.actor),
        back=_back(post.taxpayer),
        facts=[*about_post(post), *_phones_of(post)],
        taxpayer=post.taxpayer,
        target=post.person,
    )


@get_or_post
@counter_required
def move_landline(request: Request, pk: int) -> HttpResponse:
    """【固定电话】 to 【移动电话】 (M92)."""
    post = _found(pk)
    return act_page(
        request,
        MOVE,
        ConfirmForm(data_of(request)),
        lambda data: services.move_landline(post, by=request.actor),
        back=_back(post.taxpayer),
        facts=[*about_post(post), *_phones_of(post)],
        taxpayer=post.taxpayer,
        target=post.person,
    )


@get_or_post
@counter_required
def end_post(request: Request, pk: int) -> HttpResponse:
    """终止任职 (D20, D31)."""
    post = _found(pk)
    return act_page(
        request,
        END,
        EndPostForm(data_of(request)),
        lambda data: services.end(post, **data, by=request.actor),
        back=_back(post.taxpayer),
        facts=about_post(post),
        taxpayer=post.taxpayer,
        target=post.person,
    )
