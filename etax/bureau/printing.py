"""Handing out the certificate: the answer to the form itself, once, not stored and not to be fetched again (D22)."""

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils import translation

from accounts.models import Taxpayer
from accounts.requests import Request
from accounts.words import Words
from etax.bureau.certificate import Certificate, render
from staff.services.opening import FirstPassword


def paper(request: Request, taxpayer: Taxpayer, first: FirstPassword, *, title: Words, handler: str) -> bytes:
    """The certificate as PDF; the password is on it and nowhere else. The paper is Chinese, whoever prints it."""
    with translation.override(settings.LANGUAGE_CODE):
        return render(_certificate(request, taxpayer, first, title=str(title), handler=handler))


def _certificate(
    request: Request, taxpayer: Taxpayer, first: FirstPassword, *, title: str, handler: str
) -> Certificate:
    officer = request.actor.person
    return Certificate(
        bureau=settings.BUREAU_NAME,
        title=title,
        number=first.number,
        code=taxpayer.code,
        name=taxpayer.name,
        kind=str(Taxpayer.Kind(taxpayer.kind).label),
        handler=handler,
        officer=officer.name if officer else "",
        made_at=first.made_at,
        address=settings.PORTAL_URL or request.build_absolute_uri(reverse("home")),
        is_social_insurance=taxpayer.kind == Taxpayer.Kind.SOCIAL_INSURANCE,
        password=first.password,
    )


def download(content: bytes, first: FirstPassword) -> HttpResponse:
    """The PDF as a file to be saved or printed; like every answer of the portal it is kept out of caches."""
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="certificate-{first.number}.pdf"'
    return response
