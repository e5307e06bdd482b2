"""The addresses of the OpenID provider, under the names by which the toolkit looks for them."""

from django.urls import path

from etax.sso import views

app_name = "oauth2_provider"

urlpatterns = [
    path("authorize/", views.authorise, name="authorize"),
    path("token/", views.token, name="token"),
    path("userinfo/", views.user_info, name="user-info"),
    path(".well-known/openid-configuration", views.discovery, name="oidc-connect-discovery-info"),
    # The same under the name of RFC 8414: from it the toolkit derives how the provider calls itself in its redirects.
    path(".well-known/oauth-authorization-server", views.discovery, name="oauth-server-metadata"),
    path(".well-known/jwks.json", views.keys, name="jwks-info"),
]
