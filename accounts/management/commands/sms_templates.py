"""The command `manage.py sms_templates`."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.gateways import templates


class Command(BaseCommand):
    """Prints the words to have approved at a service that sends by template, with each one's kind (OTP-13)."""

    help = "Print the templates to have approved at Tencent Cloud or Aliyun, with the kind as SMS_TEMPLATES calls it."

    def handle(self, *args: Any, **options: Any) -> None:
        """One line a kind: its name, the words for 腾讯云 ({1}), the words for 阿里云 (${code})."""
        for kind, text in templates.words().items():
            both = (text.replace("{code}", "{1}"), text.replace("{code}", "${code}"))
            self.stdout.write("\t".join((kind, *both)))
