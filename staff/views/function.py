"""A leaf of the function tree that another system serves."""

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
    address = settings.DOWNSTREAM_URLS.get(leaf.system.name, "")
    return page(request, "staff/function.html", {"function": leaf, "address": address})
