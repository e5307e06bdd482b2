"""The function tree as a form shows it: what is ticked, what the actor may tick, and how much of each branch."""

from collections.abc import Collection
from dataclasses import dataclass

from accounts.words import Words
from staff import functions
from staff.functions import Function


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf: whether it is ticked, and whether the actor may change that (he holds it himself, D8)."""

    function: Function
    is_ticked: bool
    may_change: bool


@dataclass(frozen=True, slots=True)
class Twig:
    """A group of leaves under one heading, and how many of them are ticked: none, some (half-ticked) or all."""

    name: Words
    leaves: tuple[Leaf, ...]

    @property
    def may_change(self) -> bool:
        """Whether the actor may change any leaf of it."""
        return any(leaf.may_change for leaf in self.leaves)

    @property
    def ticked(self) -> int:
        """How many leaves are ticked."""
        return sum(leaf.is_ticked for leaf in self.leaves)

    @property
    def total(self) -> int:
        """How many leaves there are."""
        return len(self.leaves)


@dataclass(frozen=True, slots=True)
class Limb:
    """A branch with its groups, and the same of them all together."""

    code: str
    name: Words
    twigs: tuple[Twig, ...]

    @property
    def may_change(self) -> bool:
        """Whether the actor may change any leaf of it."""
        return any(twig.may_change for twig in self.twigs)

    @property
    def ticked(self) -> int:
        """How many leaves are ticked."""
        return sum(twig.ticked for twig in self.twigs)

    @property
    def total(self) -> int:
        """How many leaves there are."""
        return sum(twig.total for twig in self.twigs)


def tree_of(ticked: Collection[str], held: Collection[str]) -> list[Limb]:
    """The whole tree, with these codes ticked, for an actor who holds those."""

    def leaf(function: Function) -> Leaf:
        return Leaf(function, function.code in ticked, function.code in held)

    return [
        Limb(
            branch.code,
            str(branch.name),
            tuple(Twig(str(group.name), tuple(map(leaf, group.functions))) for group in branch.groups),
        )
        for branch in functions.TREE
    ]
