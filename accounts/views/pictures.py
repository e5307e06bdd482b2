"""The picture code as a picture, as a sound, and a new one."""

from django.contrib.auth.decorators import login_not_required
from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from accounts import addresses, pictures
from accounts.addresses import client_ip
from accounts.forms import Picture
from accounts.limits import PICTURES
from accounts.refusals import TooMany


def _count(request: HttpRequest) -> None:
    if not addresses.may_see_picture(request, client_ip(request)):
        raise TooMany(int(PICTURES.period.total_seconds()) if PICTURES.period else 60)


@require_safe
@login_not_required
def picture(request: HttpRequest, token: str) -> HttpResponse:
    """The token's picture, PNG; 404 for a forged or old token, 429 for too many in a minute (CAP-06)."""
    _count(request)
    try:
        return HttpResponse(pictures.draw(token), content_type="image/png")
    except BadSignature as error:
        raise Http404 from error


@require_safe
@login_not_required
def sound(request: HttpRequest, token: str) -> HttpResponse:
    """The token's digits spoken, WAV, under the same limits (CAP-07)."""
    _count(request)
    try:
        return HttpResponse(pictures.speak(token), content_type="audio/wav")
    except BadSignature as error:
        raise Http404 from error


@require_safe
@login_not_required
def new_picture(request: HttpRequest, form: str) -> JsonResponse:
    """A new token for a form, with its addresses, for the page's script."""
    fresh = Picture(pictures.new_token(request, form), form)
    return JsonResponse({"token": fresh.token, "picture": fresh.picture_url, "sound": fresh.sound_url})
