"""The chain over the record: what shows that entries were changed, taken away or slipped in (LOG-03)."""

from django.db import models
from django.utils import timezone

from accounts.constraints import in_order, not_empty


class RecordBlock(models.Model):
    """A block of the record's entries, sealed by the nightly job and chained to the block before it.

    `entries` holds, for each entry, its number (8 bytes) and a keyed hash of all it says (16 bytes), so that a changed
    one can be named. `digest` is a keyed hash of `entries` and of the digest before: whoever changes a block breaks
    the chain from there on. `month` is the first day of the month that the block belongs to; a block never spans two.
    """

    month = models.DateField()
    first_seq = models.BigIntegerField()
    last_seq = models.BigIntegerField()
    entries = models.BinaryField()
    key = models.CharField(max_length=24)
    digest = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint("first_seq", name="record_block_begins_once"),
            in_order("first_seq", "last_seq", name="record_block_first_before_last"),
            in_order("sealed_at", "retired_at", name="record_block_sealed_before_retired"),
            not_empty("digest", name="record_block_has_a_digest"),
        )

    def __str__(self) -> str:
        return f"entries {self.first_seq} to {self.last_seq}"
