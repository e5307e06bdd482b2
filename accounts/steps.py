"""The progress line above the pages of a journey in steps."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.words import Words


@dataclass(frozen=True, slots=True)
class LineStep:
    """One step of the line and whether it is done, current or still to do."""

    label: Words
    state: str


def line(labels: Sequence[Words], current: int) -> list[LineStep]:
    """The line with its step `current`, counted from 0, marked."""
    states = ["done" if i < current else "current" if i == current else "todo" for i in range(len(labels))]
    return [LineStep(label, state) for label, state in zip(labels, states, strict=True)]
