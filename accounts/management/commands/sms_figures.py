"""The command `manage.py sms_figures`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts import channels, gateways


class Command(BaseCommand):
    """Prints how many messages each sender took, refused or left in doubt, by day, and whose breaker is open."""

    help = "Print the delivery figures of the last days, by day and sender."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--days`."""
        parser.add_argument("--days", type=int, default=7, help="how many days, today among them (7)")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line a day and sender, tab-separated, under a line of headings."""
        self.stdout.write("day\tsender\tsent\tdeclined\tfailed\tmaybe sent\tshare sent")
        for row in channels.figures(max(1, options["days"])):
            numbers = (row.sent, row.declined, row.failed, row.maybe_sent, f"{row.share_sent:.1%}")
            self.stdout.write("\t".join(map(str, (row.day, row.channel, *numbers))))
        open_ones = set(channels.open_channels())
        for sender in gateways.senders():
            state = "open: not asked for now" if sender.name in open_ones else "closed"
            self.stdout.write(f"breaker of {sender.name}: {state}")
