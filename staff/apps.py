"""The app's place among Django's apps."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    """The `staff` floor."""

    name = "staff"
