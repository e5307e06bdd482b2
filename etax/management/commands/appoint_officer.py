"""The command `manage.py appoint_officer`."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import officers
from accounts.models import Person


class Command(BaseCommand):
    """Makes who has an account of his own a tax officer, or ends that; he is out at his next click."""

    help = "Make the owner of a natural-person account a tax officer of one group, or dismiss him."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The account's user name, and the group."""
        parser.add_argument("username", help="the user name of his own account")
        parser.add_argument("group", choices=(officers.COUNTER, officers.REVIEW))
        parser.add_argument("--dismiss", action="store_true", help="end it instead")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError where nobody has this account."""
        with transaction.atomic():
            found = Person.objects.select_for_update(of=("self",), no_key=True)
            person = found.filter(username=options["username"], credential__isnull=False).first()
            if person is None:
                raise CommandError("Nobody has this account: he registers it himself, and is collected, first.")
            groups = [] if options["dismiss"] else [Group.objects.get_or_create(name=options["group"])[0]]
            person.groups.set(groups)
            person.is_staff = bool(groups)
            person.save(update_fields=["is_staff"])
        self.stdout.write("dismissed" if options["dismiss"] else "appointed")
