"""What is lent, in words: function names under the headings of the tree."""

from collections.abc import Collection
from dataclasses import dataclass

from accounts.words import Words
from agencies import standing
from agencies.models import Engagement
from staff import functions


@dataclass(frozen=True, slots=True)
class Names:
    """Function names under one heading of the main menu."""

    heading: Words
    names: list[Words]


def names_of(codes: Collection[str]) -> list[Names]:
    """The names of these functions in tree order; what has left the tree is left out."""
    return [
        Names(str(branch.name), [str(leaf.name) for group in branch.groups for leaf in group.functions])
        for branch in functions.menu(codes)
    ]


def lent_words(engagement: Engagement) -> list[Names]:
    """What an engagement lends, or lent at its end."""
    return names_of(engagement.lent_functions if engagement.ended_at else standing.lent_by(engagement))
