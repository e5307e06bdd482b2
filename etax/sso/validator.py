"""What the toolkit asks the portal: whom a code and a token stand for, and what is told of him."""

from datetime import datetime
from typing import Any

from django.db import transaction
from oauth2_provider.oauth2_validators import OAuth2Validator

from etax.models import SystemVisit
from etax.sso import clients, visits


class PortalValidator(OAuth2Validator):  # type: ignore[misc]  # the toolkit has no types
    """Binds codes and tokens to a visit, and judges the visit anew at every use (SES-05)."""

    oidc_claim_scope = None  # the one scope is openid, and every claim is in it

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        """Once more what `proofs` has found, without the costly work that the toolkit would do for anybody."""
        return clients.is_secret(provided_secret, stored_secret)

    def validate_silent_login(self, request: Any) -> bool:
        """Always: the toolkit is asked when the portal has found somebody signed in (see `authorisation.answered`)."""
        return True

    def validate_silent_authorization(self, request: Any) -> bool:
        """Always: nobody is asked for his consent."""
        return True

    def save_authorization_code(
        self, client_id: str, code: dict[str, str], request: Any, *args: Any, **kwargs: Any
    ) -> None:
        """A one-use code for who is signed in now: kept with his visit."""
        with transaction.atomic():
            super().save_authorization_code(client_id, code, request, *args, **kwargs)
            connected, engagement, issuer, by = request.visit
            visits.begin(connected, code["code"], engagement=engagement, issuer=issuer, by=by)

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether the code is good, and so is still the visit that it stands for."""
        if not super().validate_code(client_id, code, client, request, *args, **kwargs):
            return False
        return self._judged(request, visits.of_code(code))

    def save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any) -> Any:
        """An access token without a refresh token: who goes on working is led through the portal again."""
        token.pop("refresh_token", None)
        saved = super().save_bearer_token(token, request, *args, **kwargs)
        visits.note_token(request.code, token["access_token"])
        return saved

    def validate_bearer_token(self, token: str, scopes: list[str], request: Any) -> bool:
        """Whether the access token is good, and so is still the visit that it stands for."""
        if not super().validate_bearer_token(token, scopes, request):
            return False
        return self._judged(request, visits.of_token(token))

    def validate_jwt_bearer_token(self, token: str, scopes: list[str], request: Any) -> bool:
        """Never: an id token says who somebody was, and opens nothing."""
        return False

    @staticmethod
    def _judged(request: Any, visit: SystemVisit | None) -> bool:
        actor = visits.actor_of(visit) if visit is not None else None
        if visit is None or actor is None:
            return False
        request.portal_visit, request.portal_actor = visit, actor
        return True

    def get_additional_claims(self, request: Any) -> dict[str, Any]:
        """What the system is told of the visit (see `visits.claims`)."""
        return visits.claims(request.portal_visit, request.portal_actor)

    def get_discovery_claims(self, request: Any) -> list[str]:
        """The names of what is told."""
        return ["sub", "sid", "person", "taxpayer", "capacity", "functions"]

    def get_id_token_dictionary(self, token: Any, token_handler: Any, request: Any) -> tuple[dict[str, Any], datetime]:
        """The toolkit asks the user for his last login: it is when this sign-in began."""
        request.user.last_login = request.portal_visit.sign_in.started_at
        dictionary: tuple[dict[str, Any], datetime] = super().get_id_token_dictionary(token, token_handler, request)
        return dictionary
