"""The command `manage.py connect_system`."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from staff.functions import System


class Command(BaseCommand):
    """Connects a downstream system for single sign-on, or connects it anew; prints its secret this once."""

    help = "Connect a downstream system for single sign-on: prints client id and secret, which is never shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        """The system's name in capitals, as in DOWNSTREAM_URLS, and its addresses."""
        names = [system.name for system in System if system != System.PORTAL]
        parser.add_argument("system", choices=names)
        parser.add_argument("--redirect", action="append", required=True, help="where it takes codes; may be repeated")
        parser.add_argument("--logout", default="", help="where it takes logout tokens (back-channel logout)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the client id and the secret. Raises CommandError where single sign-on is off, or for http."""
        if not settings.SSO:
            raise CommandError("single sign-on is off: install the extra `sso` and set SSO_KEY_FILE")
        from etax.sso import clients

        addresses = [*options["redirect"], *([options["logout"]] if options["logout"] else [])]
        if not settings.DEBUG and any(urlsplit(address).scheme != "https" for address in addresses):
            raise CommandError("every address must be https")
        system = System[options["system"]].value
        client_id, secret = clients.connect(system, redirects=options["redirect"], logout_url=options["logout"])
        self.stdout.write(f"client_id: {client_id}\nclient_secret: {secret}")
