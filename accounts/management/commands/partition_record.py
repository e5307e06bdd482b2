"""The command `manage.py partition_record`."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from accounts import partitions


class Command(BaseCommand):
    """Makes the record's parts for this month and the next three: run it every night, as the database's owner."""

    help = "Make the coming months of the record ahead (PostgreSQL)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print which months were made; on SQLite there are none to make."""
        made = partitions.make_ahead() if partitions.is_split(connection) else []
        self.stdout.write(f"made: {', '.join(made) or 'none'}")
