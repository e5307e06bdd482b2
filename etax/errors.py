"""Error pages in the portal's style: what happened, why, and the next step (CFG-06)."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import problems
from accounts.actor import Actor
from accounts.pages import PageResponse, page
from etax import display

_DATABASE_RETRY = 5


@dataclass(frozen=True, slots=True)
class Words:
    """Heading, explanation and next step of one status."""

    heading: Promise | str
    text: Promise | str
    next_step: Promise | str


_WORDS = {
    400: Words(
        _("请求无法识别"), _("提交的内容不完整或格式不正确，系统没有做任何处理。"), _("请返回上一页，重新填写后提交。")
    ),
    403: Words(_("没有权限"), _("您当前的身份不能进行此操作。"), _("请联系法定代表人（业主）或财务负责人。")),
    404: Words(_("页面不存在"), _("您访问的页面不存在，或不属于您当前的办税身份。"), _("请从首页重新进入。")),
    405: Words(
        _("操作方式不正确"), _("该地址不能这样打开，系统没有做任何处理。"), _("请从首页重新进入，并使用页面上的按钮。")
    ),
    409: Words(
        _("办税身份已切换"),
        _("该页面是在另一个办税身份下打开的，为避免办错企业，系统没有保存任何内容。"),
        _("请核对右上角的纳税人名称，从首页重新进入后再提交。"),
    ),
    413: Words(_("提交的内容过大"), _("提交的内容超过了允许的大小，系统没有做任何处理。"), _("请减小内容后重新提交。")),
    429: Words(_("操作过于频繁"), _("来自您所在网络的请求过多，系统暂时放慢了处理。"), _("请稍候片刻再试。")),
    500: Words(
        _("系统出现错误"),
        _("系统没有完成您的操作，错误已自动记录。"),
        _("请稍后重试；如仍有问题，请把请求编号告诉税务机关前台。"),
    ),
    503: Words(
        _("系统繁忙"),
        _("当前登录人数较多，或系统正在恢复。您的操作没有被处理，不会重复。"),
        _("请等待几秒后刷新页面重试。"),
    ),
}
_WHILE_ACTING = Words(
    _("没有权限"),
    _("您正在代理委托企业，不能进行此操作。"),
    _("办理本企业的业务，请先点击页面上方的【退出代理】；需要更多功能，请联系委托企业。"),
)
_NOT_YOUR_DUTY = Words(
    _("没有权限"), _("您的岗位不能进行此操作。"), _("请从税务人员后台重新进入，或请有相应岗位的人员办理。")
)
_STALE_FORM = Words(
    _("页面已过期"),
    _("该页面打开的时间过长，或您已在别处重新登录。为了安全，系统没有处理这次提交。"),
    _("请返回上一页并刷新，重新填写后提交。"),
)


def error_page(
    request: HttpRequest,
    status: int,
    *,
    words: Words | None = None,
    text: str = "",
    links: Sequence[Mapping[str, object]] = (),
    retry_after: int = 0,
    without_database: bool = False,
) -> HttpResponse:
    """The page of a status, with the request's number; `text` takes the place of the usual explanation.

    `links`, each with text and url, take the place of the usual way home.
    Other systems, which read no pages, are told the same as problem details.
    """
    said = words or _words_of(status)
    if request.path_info.startswith(problems.PREFIX):
        return _retry(
            problems.problem(request, status, "error", str(said.heading), str(text or said.text)), retry_after
        )
    context = _context(status, said, text or said.text, links, getattr(request, "request_id", ""))
    if without_database:
        return _retry(_bare(context), retry_after)
    try:
        response = page(request, "error.html", context, status=status)
    except (DatabaseError, InterfaceError):  # the page itself needs none, but messages and menu come from there
        response = _bare(context)
    return _retry(response, retry_after)


def _words_of(status: int) -> Words:
    return _WORDS.get(status) or _WORDS[500 if status >= 500 else 400]


def _context(
    status: int, said: Words, text: Promise | str, links: Sequence[Mapping[str, object]], request_id: str
) -> dict[str, Any]:
    home = {"text": _("返回首页"), "url": reverse("home")}
    return {
        "status": status,
        "heading": said.heading,
        "text": text,
        "next_steps": [{"text": said.next_step, "url": ""}, *(links or [home])],
        "request_id": request_id,
        "bureau_name": gettext(settings.BUREAU_NAME),
        "page_language": display.page_language(),
        "display_next": reverse("home"),
    }


def _bare(context: dict[str, Any]) -> HttpResponse:
    """The page without menu and messages."""
    return PageResponse(render_to_string("error.html", context), status=context["status"])


def page_for_nginx(status: int) -> str:
    """The page that nginx shows when it can't ask the portal; where the number stands, nginx puts in its own.

    Nobody reads the visitor's cookie there, so the page says the matter in every language, the portal's own first.
    """
    said = _words_of(status)
    number = SafeString('<!--# echo var="request_id" -->')
    first, *others = (code for code, _name in settings.LANGUAGES)
    with translation.override(first):
        context = _context(status, said, said.text, (), number)
        return render_to_string(
            "error_static.html",
            {**context, "home_url": reverse("home"), "others": [_spoken(said, code) for code in others]},
        )


def _spoken(said: Words, language: str) -> dict[str, str]:
    """The words in a language, and what HTML calls it."""
    with translation.override(language):
        return {
            "tag": display.page_language(),
            "heading": str(said.heading),
            "text": str(said.text),
            "next_step": str(said.next_step),
            "home": gettext("返回首页"),
        }


def is_database_down(exception: BaseException | None) -> bool:
    """Whether this says that the database is gone, hung, full or locked, rather than that we asked it nonsense."""
    return isinstance(exception, OperationalError | InterfaceError)


def database_down(request: HttpRequest) -> HttpResponse:
    """503 while the database doesn't answer: made without asking it anything more, so that it comes at once (F1)."""
    response = error_page(request, 503, retry_after=_DATABASE_RETRY, without_database=True)
    response.trouble = "database"  # type: ignore[attr-defined]  # what the figures call it
    return response


def _retry(response: HttpResponse, seconds: int) -> HttpResponse:
    if seconds:
        response["Retry-After"] = str(seconds)
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return error_page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403, with the refusal's own words where it has some."""
    actor = getattr(request, "actor", Actor())
    words = _WHILE_ACTING if actor.via is not None else _NOT_YOUR_DUTY if actor.is_officer else None
    return error_page(request, 403, words=words, text=str(exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404; the exception's text names models and is not shown."""
    return error_page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500; 503 where it was the database, met by a middleware, that didn't answer."""
    return database_down(request) if is_database_down(sys.exception()) else error_page(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form whose token is missing or old."""
    return error_page(request, 403, words=_STALE_FORM)
