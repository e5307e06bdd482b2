"""The app's place among Django's apps."""

from django.apps import AppConfig


class EtaxConfig(AppConfig):
    """The `etax` floor."""

    name = "etax"

    def ready(self) -> None:
        """Listen to what the floors below tell."""
        from etax import receivers  # noqa: F401 - connects them; models are there only now
