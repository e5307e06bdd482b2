"""The app's place among Django's apps."""

from django.apps import AppConfig


class RealnameConfig(AppConfig):
    """The `realname` floor."""

    name = "realname"
