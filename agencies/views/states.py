"""Pages of acts that an engagement's state has overtaken: they lead to the page that says what it is now."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.requests import Request
from agencies.models import Engagement

CLIENTS_PAGE, AGENCYS_PAGE = "agencies:recognition", "agencies:engagement"


def led_away(
    request: Request, engagement: Engagement, refuse_unless_fit: Callable[[Engagement], None], *, to: str
) -> HttpResponse | None:
    """Away to its own page, with the reason, where the act isn't possible in the state it is in; None where it is.

    A page that would refuse whatever is sent on it is not shown, and after a refusal not shown again.
    """
    if request.method == "POST":  # it may have been read before the act
        engagement.refresh_from_db()
    try:
        refuse_unless_fit(engagement)
    except ValidationError as refusal:
        messages.error(request, refusal.messages[0])
        return redirect(to, engagement.uid)
    return None
