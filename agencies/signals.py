"""What the agencies' floor tells the floor above it."""

from django.dispatch import Signal

client_changed = Signal()
"""`sign_in`, `engagement`: whose client this sign-in acts for from now on, by its public id; None for nobody's."""
