"""The app's place among Django's apps."""

from django.apps import AppConfig


class AgenciesConfig(AppConfig):
    """The `agencies` floor."""

    name = "agencies"

    def ready(self) -> None:
        """Listen to what the staff floor tells."""
        from agencies import receivers  # noqa: F401 - connects them; models are there only now
