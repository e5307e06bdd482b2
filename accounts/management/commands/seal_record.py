"""The command `manage.py seal_record`."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import chain


class Command(BaseCommand):
    """Seals what the record has gained: run it every night, and keep the anchor it prints somewhere else."""

    help = "Chain the record's new entries into blocks and print the newest digest."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many entries were sealed, and the anchor."""
        self.stdout.write(f"sealed: {chain.seal_entries()}")
        self.stdout.write(f"anchor: {chain.head()}")
