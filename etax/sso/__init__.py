"""Single sign-on: the portal as OpenID provider for the downstream systems of the function tree (the extra `sso`).

Nothing outside this package imports the toolkit. While `SSO` is off, the portal imports `visits` alone, which
needs none.
"""
