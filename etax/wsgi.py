"""The WSGI entry point that gunicorn serves."""

import os
from collections.abc import Mapping
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.urls import get_resolver
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etax.settings")
os.environ.setdefault("SERVING", "on")


class LabelledRequest(WSGIRequest):
    """A request that can be made whatever its label says (VAL-03).

    Django's own takes the character set from there and reads the address by it while it is being made, where no error
    page is near. Ours keeps the label's words; `ErrorPageMiddleware` judges them.
    """

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except (ValueError, LookupError):
            self.content_type, self.content_params = "", {"charset": "unreadable"}


class Handler(WSGIHandler):
    """Django's handler, with our request."""

    request_class = LabelledRequest


django.setup(set_prefix=False)
application = Handler()
# All views now, not with the first visitor: workers that are forked later share them.
get_resolver().url_patterns  # noqa: B018 - reading them is what loads them
