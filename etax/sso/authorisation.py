"""The answers that lead a browser back to its system: with a code, or with why there is none."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.http import OAuth2ResponseRedirect
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views import AuthorizationView

from accounts import signins
from accounts.requests import Request
from etax.errors import error_page
from etax.sso import asked, clients


class Authorisation(AuthorizationView):  # type: ignore[misc]  # the toolkit has no types
    """The toolkit's authorisation, for who has been judged; its error pages are the portal's."""

    def create_authorization_response(
        self, request: Request, scopes: str, credentials: dict[str, Any], allow: bool
    ) -> Any:
        """As the toolkit's, with whom the code is to stand for."""
        credentials["visit"] = self.kwargs["visit"]
        return super().create_authorization_response(request, scopes, credentials, allow)

    def redirect(self, redirect_to: str, application: Any) -> HttpResponse:
        """As the toolkit's; a refusal names the portal as a code does (RFC 9207)."""
        parts = urlsplit(redirect_to)
        if "iss" not in dict(parse_qsl(f"{parts.query}&{parts.fragment}")):
            redirect_to = _with(redirect_to, {"iss": oauth2_settings.oidc_issuer(self.request)})
        answer: HttpResponse = super().redirect(redirect_to, application)
        return answer

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        """The only pages that the toolkit would show are its errors: consent is never asked."""
        return error_page(self.request, response_kwargs.get("status", 400))


def _with(address: str, parameters: dict[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"


def refused(request: Request, error: str) -> HttpResponse:
    """Lead the browser back to its system with this error; 400 where system or address aren't known.

    What else is wrong with the question goes first. Raises SuspiciousOperation as the toolkit does.
    """
    if not asked.is_readable(request) or clients.of(request.GET.get("client_id", "")) is None:
        return error_page(request, 400)
    view = Authorisation()
    view.setup(request)
    try:
        _scopes, known = view.validate_authorization_request(request)
    except OAuthToolkitError as wrong:
        answer: HttpResponse = view.error_response(wrong, application=None)
        return answer
    said = {"error": error} | ({"state": known["state"]} if known["state"] else {})
    return view.redirect(_with(known["redirect_uri"], said), application=None)


def answered(request: Request, response: HttpResponseBase) -> HttpResponseBase:
    """The answer to a silent question, which shows nothing of the portal: neither its door nor why somebody may not go.

    Whatever stands in the way of a page stands in the way of this one too: here it is only told otherwise.
    """
    if request.path_info != reverse("oauth2_provider:authorize") or request.method not in ("GET", "HEAD"):
        return response
    if isinstance(response, OAuth2ResponseRedirect) or not asked.is_silent(request):
        return response
    if response.status_code in (403, 404):
        return refused(request, "access_denied")
    if response.status_code != 302:
        return response
    is_in = signins.SESSION_KEY in request.session
    return refused(request, "interaction_required" if is_in else "login_required")
