"""A breaker: what didn't answer isn't asked again for a while, so that nobody waits for it twice (F4, F5)."""

import threading
import time


class Breaker:
    """Opens at a failure, for `pause` seconds in this process; then one who asks tries whether it is back."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self._lock = threading.Lock()
        self._closed_again_at = 0.0

    def may_try(self) -> bool:
        """Whether to ask now. After a pause one asks alone: the others wait until it is known how that went."""
        with self._lock:
            now = time.monotonic()
            if self._closed_again_at == 0.0:
                return True
            if now < self._closed_again_at:
                return False
            self._closed_again_at = now + self.pause
            return True

    def failed(self) -> None:
        """It didn't answer."""
        with self._lock:
            self._closed_again_at = time.monotonic() + self.pause

    def answered(self) -> None:
        """It did."""
        self._closed_again_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the last try failed."""
        return self._closed_again_at != 0.0
