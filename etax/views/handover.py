"""The receiving side of the hand-over to the 社保费征收系统: the check of a ticket, and a stand-in for demos (D17)."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.pages import page
from accounts.requests import Request
from staff import handover


@csrf_exempt
@require_POST
@login_not_required
def redeem(request: Request) -> JsonResponse:
    """Tell the neighbouring system, which knows the shared secret, whom a ticket stands for; once.

    200 with number and name, 401 for a wrong secret, 410 for a ticket that is forged, used or too old.
    """
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    secret = settings.SOCIAL_INSURANCE_SECRET
    if not secret or not constant_time_compare(given, secret):
        return JsonResponse({"error": "unauthorised"}, status=401)
    taxpayer = handover.redeem(request.POST.get("ticket", ""), by=request.actor)
    if taxpayer is None:
        return JsonResponse({"error": "ticket"}, status=410)
    return JsonResponse({"code": taxpayer.code, "name": taxpayer.name})


@require_safe
@login_not_required
def social_insurance_stand_in(request: Request) -> HttpResponse:
    """A stand-in for the 社保费征收系统: it lets in whose ticket is good, and says so; with DEBUG on only."""
    if not settings.DEBUG:
        raise Http404
    taxpayer = handover.redeem(request.GET.get("ticket", ""), by=request.actor)
    return page(request, "social_insurance.html", {"taxpayer": taxpayer}, status=200 if taxpayer else 400)
