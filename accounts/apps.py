"""The app's place among Django's apps."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The `accounts` floor."""

    name = "accounts"
