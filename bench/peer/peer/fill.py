"""Tables, and so many people who can sign in: `python -m peer.fill COUNT`."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "peer.settings")
django.setup()

from allauth.account.models import EmailAddress  # noqa: E402
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402

call_command("migrate", verbosity=0)
password = make_password("Personal-2026-ok")
users = User.objects.bulk_create(
    User(username=f"somebody{n}", email=f"somebody{n}@example.org", password=password) for n in range(int(sys.argv[1]))
)
EmailAddress.objects.bulk_create(
    EmailAddress(user=each, email=each.email, verified=True, primary=True) for each in users
)
