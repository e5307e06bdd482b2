"""What the staff floor tells the floors above it, of which it knows nothing.

Receivers run inside the act's own transaction, after its rows are locked: what they write stands or falls with the act,
and a ValidationError of theirs refuses it.
"""

from django.dispatch import Signal

membership_ended = Signal()
"""`membership`, `by`: he was removed, or left by himself. What rested on his being one of the firm's people ends."""

identity_changing = Signal()
"""`identity`, `gained`, `lost`, `by`: these functions, by code, are about to come and go."""

identity_deleting = Signal()
"""`identity`, `by`: nobody of the firm has it any more, and it is about to be deleted."""
