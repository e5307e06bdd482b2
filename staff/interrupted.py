"""A form that had to wait for a code to the phone: kept meanwhile and offered again after it, so nothing is lost.

Where a code is asked (D15), what was typed lies sealed in the visitor's own session. What holds a password is not
kept.
"""

import json
from dataclasses import dataclass

from accounts import sealing
from accounts.requests import Request

_SESSION_KEY = "interrupted_form"
_PLACE = "interrupted-form"
_LONGEST = 50_000
_MADE_ANEW = frozenset({"csrfmiddlewaretoken", "capacity", "passage", "back"})


@dataclass(frozen=True, slots=True)
class InterruptedForm:
    """Where a form was going, and what it said."""

    path: str
    fields: tuple[tuple[str, str], ...]

    @property
    def doing(self) -> str:
        """What the form was about, in the words its page gave it; empty where it gave none."""
        return dict(self.fields).get("doing", "")


def keep(request: Request, *, back: str) -> None:
    """Keep the form of this request; `back` is the page that the way through the code leads to."""
    request.session.pop(_SESSION_KEY, None)
    if any("password" in name for name in request.POST) or request.FILES:
        return
    fields = [(name, value) for name, values in request.POST.lists() if name not in _MADE_ANEW for value in values]
    text = json.dumps({"back": back, "path": request.get_full_path(), "fields": fields})
    if len(text) <= _LONGEST:
        request.session[_SESSION_KEY] = sealing.seal(text, place=_PLACE)


def take(request: Request, *, back: str) -> InterruptedForm | None:
    """The form kept for this way, which is forgotten with it; None where there is none."""
    sealed = request.session.pop(_SESSION_KEY, None)
    if not isinstance(sealed, str):
        return None
    try:
        kept = json.loads(sealing.unseal(sealed, place=_PLACE))
    except sealing.SealBroken:  # its key was taken away meanwhile
        return None
    if kept["back"] != back:
        return None
    return InterruptedForm(kept["path"], tuple((name, value) for name, value in kept["fields"]))
