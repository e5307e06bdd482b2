"""Guards of views: a function that must be held, a code that must be fresh."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit, signins
from accounts.acting import open_while_acting
from accounts.actor import Actor
from accounts.audit import Kind
from accounts.requests import Request, came_from
from accounts.words import Words
from staff import finding, functions, interrupted, lacking

P = ParamSpec("P")
View = Callable[Concatenate[Request, P], HttpResponse]

_NOT_LEAD = gettext_lazy("只有法定代表人（业主）和财务负责人可以进行此操作。")
_NOT_MANAGER = gettext_lazy("您没有企业人员维护的管理权限，请联系法定代表人（业主）或财务负责人。")


def refuse_unless_held(request: Request, code: str) -> None:
    """Raise PermissionDenied, with words and an entry in the record, unless the actor holds the function (D7)."""
    if request.actor.holds(code):
        return
    audit.record(Kind.FUNCTION_REFUSED, by=request.actor, reason="not_held", function=code)
    named = {"name": functions.get(code).name}
    if request.actor.via is not None:
        text = _(
            "委托企业没有向代理机构出借“%(name)s”功能。请委托企业的法定代表人（业主）或财务负责人在【代理机构认定管理】中修改；有的功能不能出借。"
        )
        raise PermissionDenied(text % named)
    raise PermissionDenied(_("您没有“%(name)s”功能。") % named + str(lacking.way_to_function(request.actor)))


def function_required(code: str) -> Callable[[View[P]], View[P]]:
    """Open a view only to who holds this function, menu or no menu (AUZ-05)."""
    functions.get(code)

    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            refuse_unless_held(request, code)
            return view(request, *args, **kwargs)

        return open_while_acting(guarded)

    return decorate


def manager_required(view: View[P]) -> View[P]:
    """Open a view to LR, FR and whom they gave 管理权限 (D8), after a fresh code where the proof is weak."""
    return _right_required(view, lambda actor: actor.is_manager, "not_manager", _NOT_MANAGER)


def lead_required(view: View[P]) -> View[P]:
    """Open a view to legal representative and finance officer alone (M59, M82, D8), after a fresh code as well."""
    return _right_required(view, lambda actor: actor.is_lead, "not_lead", _NOT_LEAD)


def _right_required(view: View[P], has_right: Callable[[Actor], bool], reason: str, text: Words) -> View[P]:
    checked = fresh_code_required(view)

    @functools.wraps(view)
    def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not has_right(request.actor) or request.actor.is_acting:
            target, name = finding.named_in_address(kwargs.get("uid"), by=request.actor)
            details: dict[str, Any] = {"page": request.path, **({"name": name} if name else {})}
            audit.record(Kind.ACT_REFUSED, by=request.actor, reason=reason, target=target, **details)
            raise PermissionDenied(text)
        return checked(request, *args, **kwargs)

    guarded.asks_for_right = True  # type: ignore[attr-defined]  # such addresses have a name in the record
    return guarded


def _shown_on(request: Request) -> str:
    """The page that a form stood on, where it can be told: what only takes forms can't be gone back to."""
    if "back" in request.POST:
        return request.POST["back"]
    return came_from(request) or request.get_full_path()


def fresh_code_required(view: View[P]) -> View[P]:
    """Where the proof is weak, open a view only after a code to the phone within five minutes (D15)."""
    return _code_required(view, signins.needs_code)


def new_code_required(view: View[P]) -> View[P]:
    """However he signed in, open a view only after a code to the phone within five minutes (D21)."""
    return _code_required(view, lambda actor: actor.sign_in is None or not signins.has_fresh_code(actor.sign_in))


def _code_required(view: View[P], is_missing: Callable[[Actor], bool]) -> View[P]:
    @functools.wraps(view)
    def guarded(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if is_missing(request.actor):
            back = request.get_full_path() if request.method != "POST" else _shown_on(request)
            if request.method == "POST":
                interrupted.keep(request, back=back)
            return redirect(f"{reverse('staff:step_up')}?{urlencode({'next': back})}")
        return view(request, *args, **kwargs)

    return guarded
