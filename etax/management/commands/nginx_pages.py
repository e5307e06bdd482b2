"""The command `manage.py nginx_pages`."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from etax.errors import page_for_nginx

STATUSES = (400, 403, 404, 405, 413, 429, 500, 503)


class Command(BaseCommand):
    """Writes the error pages that nginx shows when the portal can't: run it after `collectstatic`."""

    help = "Write the error pages of nginx, in the portal's style, into a folder."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to."""
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many pages there are; files that are there already are replaced whole.

        nginx reads them under an account of its own, whatever the umask of who runs this.
        """
        folder: Path = options["folder"]
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        for status in STATUSES:
            fresh = folder / f".{status}"
            fresh.write_text(page_for_nginx(status))
            fresh.chmod(0o644)
            fresh.replace(folder / f"nginx-{status}.html")
        self.stdout.write(f"pages: {len(STATUSES)}")
