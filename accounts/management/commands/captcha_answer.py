"""The command `manage.py captcha_answer TOKEN…`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.signing import BadSignature
from django.utils.translation import gettext as _

from accounts import pictures


class Command(BaseCommand):
    """Prints what the pictures of these tokens show, one a line: for support and for tests from outside."""

    help = "Print the answer of each picture code token given (the hidden field of the form), one a line."

    def add_arguments(self, parser: CommandParser) -> None:
        """Tokens, as the form's hidden field holds them."""
        parser.add_argument("tokens", nargs="+", metavar="TOKEN")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the answers. Raises CommandError for a token that this portal didn't make."""
        for token in options["tokens"]:
            try:
                self.stdout.write(pictures.answer(token))
            except BadSignature as error:
                raise CommandError(_("这不是本门户签发的验证码标识。")) from error
