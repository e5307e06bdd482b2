"""The 扣缴客户端's interface: the check of a 申报密码 (M126, M127, D24); docs/declaration-api.yaml describes it."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from accounts import numbers, passwords, throttles
from accounts.limits import DECLARATION_CLIENT
from accounts.problems import problem
from accounts.requests import Request
from staff import declaration_clients
from staff.services import declaration
from staff.services.declaration import Answer

_LONGEST_BODY = 4096
_LONGEST_CODE = 60
_SHORTEST_CODE, _LONGEST_FOLDED = 15, 20


@dataclass(frozen=True, slots=True)
class Question:
    """What a client asks: whether this is the 申报密码 of this taxpayer."""

    taxpayer: str
    password: str


@csrf_exempt
@require_POST
@login_not_required
@sensitive_variables()
def check_declaration_password(request: Request) -> HttpResponse:
    """200 with the answer; 429 while the taxpayer or the client must wait; else 4xx with problem details."""
    client = declaration_clients.authenticated(request.headers.get("Authorization", ""))
    if not client:
        answer = problem(request, 401, "unauthorised", _("客户端的名称或密钥有误。"))
        answer["WWW-Authenticate"] = 'Basic realm="declaration", charset="UTF-8"'
        return answer
    obstacle = throttles.take((DECLARATION_CLIENT, client))
    if obstacle is not None:
        answer = problem(request, 429, "too-many-requests", _("该客户端核验过于频繁，请稍后再试。"))
        answer["Retry-After"] = str(obstacle[1])
        return answer
    if request.content_type != "application/json":
        return problem(request, 415, "media-type", _("请求应为application/json。"))
    if len(request.body) > _LONGEST_BODY:
        return problem(request, 413, "too-large", _("请求超过4096字节。"))
    try:
        question = _read(request.body)
    except ValidationError as refusal:
        return problem(request, 400, str(refusal.code), _("请求的内容有误。"), refusal.messages[0])
    return _answered(declaration.check(question.taxpayer, question.password, client, by=request.actor))


def _answered(checked: declaration.Checked) -> JsonResponse:
    said: dict[str, Any] = {"result": checked.answer.value, "message": str(checked.answer.label)}
    if checked.answer is not Answer.LOCKED:
        return JsonResponse(said)
    response = JsonResponse({**said, "retry_after": checked.retry_after}, status=429)
    response["Retry-After"] = str(checked.retry_after)
    return response


@sensitive_variables()
def _read(body: bytes) -> Question:
    """The question in a JSON object of two texts. Raises ValidationError, whose code tells what is wrong with it."""
    try:
        said = json.loads(body.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValidationError(_("请求不是有效的UTF-8 JSON。"), code="not-json") from error
    if not isinstance(said, dict) or set(said) != {"taxpayer", "password"}:
        raise ValidationError(_("请求应为一个对象，且只含taxpayer和password。"), code="members")
    for value in said.values():
        if not isinstance(value, str) or not _is_text(value):
            raise ValidationError(_("taxpayer和password应为不含控制字符的文本。"), code="not-text")
    code, password = said["taxpayer"], said["password"]
    folded = numbers.fold(code) if len(code) <= _LONGEST_CODE else ""
    if not (folded.isascii() and folded.isalnum() and _SHORTEST_CODE <= len(folded) <= _LONGEST_FOLDED):
        raise ValidationError(_("taxpayer应为15至20位的纳税人识别号。"), code="taxpayer")
    if not 1 <= len(password) <= passwords.LONGEST:
        raise ValidationError(_("password应为1至128个字符。"), code="password")
    return Question(folded, password)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which no member stands twice (VAL-04)."""
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValidationError(_("同一成员出现了两次。"), code="repeated-member")
    return said


def _is_text(value: str) -> bool:
    """Whether it can be written as UTF-8 and holds no NUL or other control character."""
    return not any(ord(character) < 32 or 0xD800 <= ord(character) <= 0xDFFF for character in value)
