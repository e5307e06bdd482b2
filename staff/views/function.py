"""A leaf of the function tree that another system serves."""

from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts import audit
from accounts.acting import open_while_acting
from accounts.audit import Kind
from accounts.pages import page
from accounts.requests import Request
from staff import functions
from staff.decorators import refuse_unless_held
from staff.services import declaration

_WITHHOLDING = "tax.declaration.iit_withholding"
"""个人所得税扣缴申报: the form beside which the 申报说明 stands (M123, M124)."""


def _address(leaf: functions.Function) -> str:
    """Where its system is, which is told what to open there; empty where it isn't connected."""
    address = settings.DOWNSTREAM_URLS.get(leaf.system.name, "")
    if not address:
        return ""
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode({'function': leaf.code})}"


@require_safe
@open_while_acting
def function(request: Request, code: str) -> HttpResponse:
    """Where this function is served, for who holds it; 403 for who doesn't (AUZ-05), 404 for what isn't in the tree."""
    try:
        leaf = functions.get(code)
    except LookupError as error:
        raise Http404 from error
    refuse_unless_held(request, code)
    if leaf.url_name:
        return redirect(leaf.url_name)
    audit.record(Kind.FUNCTION_OPENED, by=request.actor, function=code)
    address = _address(leaf)
    shows_password = code == _WITHHOLDING and request.actor.holds(declaration.FUNCTION)
    context = {"function": leaf, "address": address, "shows_password": shows_password}
    return page(request, "staff/function.html", context)
