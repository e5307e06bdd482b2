"""Sentences that are translated when they are shown, and those that go to phones."""

from typing import TYPE_CHECKING, TypeAlias

from django.conf import settings
from django.utils import translation

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Words: TypeAlias = _StrPromise | str
else:
    Words = str


def for_phones(text: Words) -> str:
    """The words, or the label, as a message to a phone says them: in Simplified Chinese (D30).

    Whoever reads the message is often somebody else than who causes it, and what he reads on his pages is known to his
    browser alone. Texts marked so are in no catalogue.
    """
    return as_kept(text)


def as_kept(text: Words) -> str:
    """The words as the database keeps them, in Simplified Chinese; whoever reads them has them translated."""
    with translation.override(settings.LANGUAGE_CODE):
        return str(text)


def storable(text: str) -> str:
    """The text as every database can keep it: PostgreSQL takes no NUL, which becomes the mark for the unreadable."""
    return text.replace("\x00", "\ufffd")
