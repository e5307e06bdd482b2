"""Refusals that aren't about one form: the error pages turn them into words."""


class TooMany(Exception):
    """Too many tries from where this request comes: 429, and `retry_after` seconds to wait."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after
