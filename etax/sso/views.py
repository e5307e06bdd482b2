"""The addresses of the OpenID provider: authorise, token, userinfo, and what it says of itself."""

import json
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views import ConnectDiscoveryInfoView, JwksInfoView, TokenView, UserInfoView

from accounts import audit
from accounts.acting import open_while_acting
from accounts.audit import Kind
from accounts.pages import get_or_post
from accounts.requests import Request
from agencies import acting
from etax.errors import error_page
from etax.models import ConnectedSystem
from etax.sso import asked, authorisation, clients, proofs, visits
from etax.sso.authorisation import Authorisation

_NUL = "\x00"


@require_safe
@open_while_acting
def authorise(request: Request) -> HttpResponse:
    """Send who holds a function of the system there, with a one-use code; 403 with the reason for who holds none (D7).

    Always by GET: a redirect after a form may lead nowhere but to the portal itself.
    """
    client_id = request.GET.get("client_id", "")
    connected = clients.of(client_id) if asked.is_readable(request) else None
    if connected is None:
        return error_page(request, 400)
    if not visits.held(request.actor, connected.system):
        audit.record(Kind.DOWNSTREAM_REFUSED, by=request.actor, reason="not_held", system=connected.system)
        raise PermissionDenied(_why_never(request, connected))
    not_yet = _why_not_yet(request, connected)
    if not_yet is not None:
        return not_yet
    left = request.GET.copy()
    left["prompt"] = " ".join(word for word in asked.prompts(request) if word != "login")  # he has signed in anew
    request.GET = left  # type: ignore[assignment]  # the stubs know only one that can't be changed
    client = request.session.get(acting.SESSION_KEY) if request.actor.via is not None else None
    issuer = oauth2_settings.oidc_issuer(request)
    visit = (connected, UUID(client) if client else None, issuer, request.actor)
    response: HttpResponse = Authorisation.as_view()(request, visit=visit)
    return response


def _why_never(request: Request, connected: ConnectedSystem) -> str:
    """What somebody is told who holds no function of the system: who can give him one, and where."""
    text = _("您没有%(system)s的任何功能，不能进入。请法定代表人（业主）或财务负责人在【身份维护】中为您勾选。")
    if request.actor.is_acting:
        text = _(
            "委托企业没有向代理机构出借%(system)s的任何功能，不能进入。请委托企业的法定代表人（业主）或财务负责人在【代理机构认定管理】中修改；有的功能不能出借。"
        )
    return text % {"system": connected.get_system_display()}


def _why_not_yet(request: Request, connected: ConnectedSystem) -> HttpResponse | None:
    """The answer where the system wants somebody else to be signed in, or a younger sign-in: then to the door."""
    is_too_old = asked.is_too_old(request)
    if asked.is_about_another(request) or (is_too_old and asked.is_silent(request)):
        return authorisation.refused(request, "login_required")
    if not is_too_old:
        return None
    text = _("%(system)s要求您重新登录。登录后，请从首页再次进入。")
    messages.info(request, text % {"system": connected.get_system_display()})
    return redirect("login")


def _refused(response: HttpResponse) -> HttpResponse:
    """The toolkit's answer, marked as JSON whatever it says, so that no page is put in its place."""
    response["Content-Type"] = "application/json"
    return response


@csrf_exempt
@require_POST
@login_not_required
def token(request: Request) -> HttpResponse:
    """Exchange a one-use code for tokens: asked by the system itself, which proves itself by its secret and PKCE."""
    if any(_NUL in value for values in request.POST.lists() for value in values[1]):
        return JsonResponse({"error": "invalid_request"}, status=400)
    if "resource" in request.POST:
        return JsonResponse({"error": "invalid_target"}, status=400)
    if request.POST.get("grant_type") != "authorization_code":
        return JsonResponse({"error": "unsupported_grant_type"}, status=400)
    return proofs.refusal(request) or _refused(TokenView.as_view()(request))


@csrf_exempt
@get_or_post
@login_not_required
def user_info(request: Request) -> HttpResponse:
    """What is so at this moment of a visit, for its access token; 401 once anything of it is lost (SES-05).

    The token stands in the header alone: in an address it would stay in every log on its way (LOG-05).
    """
    if "access_token" in request.GET or "access_token" in request.POST:
        answer = JsonResponse({"error": "invalid_request"}, status=400)
        answer["WWW-Authenticate"] = 'Bearer error="invalid_request"'
        return answer
    return _refused(UserInfoView.as_view()(request))


@require_safe
@login_not_required
def discovery(request: Request) -> HttpResponse:
    """What the provider says of itself (OpenID Connect Discovery)."""
    said = json.loads(ConnectDiscoveryInfoView.as_view()(request).content)
    said |= {
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "id_token_signing_alg_values_supported": ["RS256"],
        "grant_types_supported": ["authorization_code"],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login"],
    }
    return JsonResponse(said)


@require_safe
@login_not_required
def keys(request: Request) -> HttpResponse:
    """The public keys by which tokens are checked."""
    response: HttpResponse = JwksInfoView.as_view()(request)
    return response
