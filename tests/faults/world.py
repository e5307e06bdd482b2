"""The world before a fault: the demo's, and clerks to act on. `python -m tests.faults.world CLERKS`."""

import os
import sys


def build(clerks: int) -> None:
    """All tables, the demo world, and so many clerks of 沈阳海川 besides."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etax.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import transaction

    call_command("migrate", verbosity=0)
    from etax import demo
    from tests import cast
    from tests.staff.acting import newcomer

    demo.load()
    with transaction.atomic():
        for number in range(clerks):
            newcomer(cast.taxpayer("HC"), number)


if __name__ == "__main__":
    build(int(sys.argv[1]))
