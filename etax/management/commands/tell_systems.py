"""The command `manage.py tell_systems`."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections


class Command(BaseCommand):
    """Tells downstream systems of everybody who has left the portal: run it every minute, or once with `--loop`."""

    help = "Tell downstream systems of every sign-in that is over (back-channel logout)."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--loop`, and how often it looks."""
        parser.add_argument("--loop", action="store_true", help="go on until stopped, as a service")
        parser.add_argument("--every", type=float, default=2.0, help="seconds between two looks (2)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many systems understood, and how many must be told again."""
        if not settings.SSO:
            raise CommandError("single sign-on is off: install the extra `sso` and set SSO_KEY_FILE")
        from etax.sso import logout

        while True:
            understood, again = logout.tell_all()
            if understood or again or not options["loop"]:
                self.stdout.write(f"{understood} told, {again} to be told again")
            if not options["loop"]:
                return
            close_old_connections()
            time.sleep(options["every"])
