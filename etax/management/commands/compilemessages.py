"""`manage.py compilemessages`: Django's command of that name, without GNU gettext."""

from typing import Any

from django.core.management.base import BaseCommand

from etax import catalogues


class Command(BaseCommand):
    """Makes the catalogues that changed."""

    help = "Make the catalogues of words readable; without them the portal speaks Simplified Chinese."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        made = catalogues.compile_all()
        if options["verbosity"] and made:
            self.stdout.write("\n".join(f"made {each}" for each in made))
