"""Single sign-on: the portal as OpenID provider for the downstream systems of the function tree (the extra `sso`).

Nothing outside this package imports the toolkit, and nothing imports the package's inside unless `SSO` is on.
"""
