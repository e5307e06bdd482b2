"""What a sender gets and how it refuses: the words between the outbox and the gateways."""

from dataclasses import dataclass
from typing import Protocol

from accounts.models.messages import NOTICE


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a sender gets it: to whom, the words, and for who sends by template its kind and code."""

    to: str
    text: str
    kind: str = NOTICE
    code: str = ""


class NotSent(Exception):
    """The gateway didn't take the message, and it can't have reached anybody; another may be tried at once."""


class Declined(NotSent):
    """The gateway is well, but doesn't take this very message: a number it refuses, one that has had too many."""

    def __init__(self, word: str, *, forever: bool = True) -> None:
        super().__init__(word)
        self.forever = forever
        """Whether asking it again later is of no use."""


class MaybeSent(NotSent):
    """The gateway was handed the message and gave no answer that says what became of it (F8)."""


class Sender(Protocol):
    """Hands one message to a gateway."""

    name: str
    """How figures, the breaker and the log call it; no secret is in it."""

    is_quick: bool
    """Whether sending needs no network, so that it may happen within the request."""

    def carries(self, message: Message) -> bool:
        """Whether this sender can carry a message of this kind at all."""
        ...

    def send(self, message: Message) -> None:
        """Send the message. Raises `NotSent`, or its children `Declined` and `MaybeSent`."""
        ...


_NEVER_REACHED = frozenset(
    {
        "NewConnectionError",
        "NameResolutionError",
        "ConnectTimeoutError",
        "ConnectTimeout",
        "SSLError",
        "ProxyError",
        "ConnectionRefusedError",
        "gaierror",
        "InvalidURL",
        "MissingSchema",
    }
)
"""The names of errors that the clients under the kits raise before a word has gone out."""


def never_reached(error: BaseException | None) -> bool:
    """Whether this error of a kit, or one that it wraps, says that the gateway was never reached."""
    seen: set[int] = set()
    todo = [error]
    while todo:
        one = todo.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        if type(one).__name__ in _NEVER_REACHED:
            return True
        seen.add(id(one))
        todo += [one.__cause__, one.__context__, *one.args]
        todo += [getattr(one, name, None) for name in ("reason", "inner_exception")]
    return False
