"""The app's place among Django's apps."""

from django.apps import AppConfig


class EtaxConfig(AppConfig):
    """The `etax` floor."""

    name = "etax"
