"""A gateway that is called over HTTP with Kannel's parameters."""

import http.client
import urllib.error
import urllib.request
from http import HTTPStatus
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from accounts.gateways.messages import Declined, MaybeSent, Message, NotSent

_TAKEN = (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED)
_BAD_MESSAGE = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_URI_TOO_LONG)


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A gateway that sends us elsewhere has not taken the message."""

    def redirect_request(self, *args: object) -> None:
        return None


_opener = urllib.request.build_opener(_StayHere)


def _refusal(status: int) -> NotSent:
    """What an answer other than "taken" means. Kannel says 503 where it has no line, 400 to a number it can't read.

    Any other fault of a server, and an answer nobody foresaw, may have come after the message went out.
    """
    word = f"status {status}"
    if status in _BAD_MESSAGE:
        return Declined(word)
    if status == HTTPStatus.SERVICE_UNAVAILABLE or 300 <= status < 500:
        return NotSent(word)
    return MaybeSent(word)


class KannelSender:
    """Calls an HTTP gateway with Kannel's parameters: username, password, to, text, charset, coding."""

    is_quick = False

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        self.username, self.password = unquote(parts.username or ""), unquote(parts.password or "")
        host = parts.netloc.rpartition("@")[2]
        self.address = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
        self.name = f"http {host}"[:40]
        self.timeout = timeout

    def carries(self, message: Message) -> bool:
        """Any message."""
        return True

    def send(self, message: Message) -> None:
        """See `Sender.send`. An error names neither the address's secrets nor the message."""
        query = urlencode(
            {
                "username": self.username,
                "password": self.password,
                "to": message.to,
                "text": message.text,
                "charset": "UTF-8",
                "coding": "2",
            }
        )
        joint = "&" if urlsplit(self.address).query else "?"
        try:
            with _opener.open(f"{self.address}{joint}{query}", timeout=self.timeout) as answer:
                if answer.status not in _TAKEN:
                    raise _refusal(answer.status)
        except urllib.error.HTTPError as error:
            raise _refusal(error.code) from None
        except (urllib.error.URLError, ValueError) as error:  # the client says so before it waits for an answer
            raise NotSent(type(error).__name__) from None
        except (OSError, http.client.HTTPException) as error:
            raise MaybeSent(type(error).__name__) from None
