"""简体, 繁體, English and 大字版: the buttons in the header of every page (D30)."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from accounts.acting import open_while_acting
from accounts.requests import Request
from etax import display
from etax.errors import error_page

_LONGEST = 2000


@require_POST
@login_not_required
@open_while_acting
def choose_display(request: Request) -> HttpResponse:
    """Remember what was chosen, and lead back to the page where it was."""
    chosen = {choice: request.POST[choice] for choice in display.CHOICES if choice in request.POST}
    if not chosen or any(value not in display.CHOICES[choice] for choice, value in chosen.items()):
        return error_page(request, 400)
    response = redirect(_back(request.POST.get("next", "")))
    for choice, value in chosen.items():
        display.remember(response, choice, value)
    return response


def _back(page: str) -> str:
    """The page that asked, if it is one of the portal's; else the home page."""
    is_ours = page.startswith("/") and len(page) <= _LONGEST and url_has_allowed_host_and_scheme(page, None)
    return page if is_ours else "/"
