"""Guards of views: a function that must be held, a code that must be fresh."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import audit, signins
from accounts.audit import Kind
from accounts.requests import Request
from staff import functions

P = ParamSpec("P")
View = Callable[Concatenate[Request, P], HttpResponse]


def refuse_unless_held(request: Request, code: str) -> None:
    """Raise PermissionDenied, with words and an entry in the record, unless the actor holds the function (D7)."""
    if request.actor.holds(code):
        return
    audit.record(Kind.FUNCTION_REFUSED, by=request.actor, reason="not_held", function=code)
    text = _("您没有“%(name)s”功能。请法定代表人（业主）或财务负责人在【身份维护】中为您的权限身份勾选该功能。")
    raise PermissionDenied(text % {"name": functions.get(code).name})


def function_required(code: str) -> Callable[[View[P]], View[P]]:
    """Open a view only to who holds this function, menu or no menu (AUZ-05)."""
    functions.get(code)

    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            refuse_unless_held(request, code)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def fresh_code_required(view: View[P]) -> View[P]:
    """Where the proof is weak, open a view only after a code to the phone within five minutes (D15)."""

    @functools.wraps(view)
    def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if signins.needs_code(request.actor):
            return redirect(f"{reverse('staff:step_up')}?{urlencode({'next': request.path})}")
        return view(request, *args, **kwargs)

    return guarded
