"""How the toolkit of single sign-on is set up: one flow, short lives, nothing kept in clear."""

from typing import Any

CODE_SECONDS = 60
TOKEN_SECONDS = 600
"""Shorter than a sign-in may be left alone: a system sends its user's browser through the portal at least as often."""

_STRICT = (
    "IMPLICIT_GRANT",
    "PASSWORD_GRANT",
    "PKCE_METHOD",
    "ACCESS_TOKEN_TRANSPORT",
    "AUTHZ_RESPONSE_ISS",
    "TOKEN_STORAGE",
)
"""What RFC 9700 asks of a server, which the toolkit leaves to each site."""


def toolkit(key: str, *, portal_url: str, allows_http: bool) -> dict[str, Any]:
    """The toolkit's settings: authorisation code with PKCE (S256) alone, signed by this RSA key in PEM."""
    return {
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": key,
        "OIDC_ISS_ENDPOINT": f"{portal_url.rstrip('/')}/sso" if portal_url else "",
        "OIDC_RESPONSE_TYPES_SUPPORTED": ["code"],
        "OAUTH2_VALIDATOR_CLASS": "etax.sso.validator.PortalValidator",
        "SCOPES": {"openid": "openid"},
        "PKCE_REQUIRED": True,
        "ALLOWED_REDIRECT_URI_SCHEMES": ["https", "http"] if allows_http else ["https"],
        "ALLOW_LOCALHOST_LOOPBACK": allows_http,
        "AUTHORIZATION_CODE_EXPIRE_SECONDS": CODE_SECONDS,
        "ACCESS_TOKEN_EXPIRE_SECONDS": TOKEN_SECONDS,
        "ID_TOKEN_EXPIRE_SECONDS": TOKEN_SECONDS,
        "REFRESH_TOKEN_EXPIRE_SECONDS": TOKEN_SECONDS,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        **{f"COMPLIANT_BCP_RFC9700_{name}": True for name in _STRICT},
    }
