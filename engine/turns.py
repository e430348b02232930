"""What is done about one and the same thing takes turns: the first before the second."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any


def rounds(members: Iterable, thing_of: Callable[[Any], Hashable]) -> list[list]:
    """Share members out over rounds, so that each round has at most one about a thing, and later ones come later.

    >>> rounds(["a1", "b1", "a2", "c1", "a3"], lambda member: member[0])
    [['a1', 'b1', 'c1'], ['a2'], ['a3']]
    """
    met: dict[Hashable, int] = {}
    found: list[list] = []
    for member in members:
        thing = thing_of(member)
        turn = met[thing] = met.get(thing, -1) + 1
        if turn == len(found):
            found.append([])
        found[turn].append(member)
    return found
