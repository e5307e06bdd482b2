"""Which fault stands behind a 500, for the page that takes its place."""

from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter


class FaultKeeper(ExceptionReporter):
    """With DEBUG on Django would build a page about the fault, in whose place ours stands: the fault itself is kept.

    It knows nothing of the portal, because Django sets up the log with it before there are any apps.
    """

    def __init__(self, request: HttpRequest | None, *args: Any, **options: Any) -> None:
        super().__init__(request, *args, **options)
        if request is not None:
            request.fault = self.exc_value  # type: ignore[attr-defined]  # ours, for the error page

    def get_traceback_html(self) -> SafeString:
        """Nothing: nobody would see it."""
        return SafeString("")

    def get_traceback_text(self) -> SafeString:
        """Nothing, as above."""
        return SafeString("")
