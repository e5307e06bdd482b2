"""The app's place among Django's apps."""

from django.apps import AppConfig


class AgenciesConfig(AppConfig):
    """The `agencies` floor."""

    name = "agencies"
