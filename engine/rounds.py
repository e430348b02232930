"""The order inside one operation: records that are about the same thing take effect in the order of the data.

Whatever is independent may run side by side. What is not is put into *rounds*: a round starts when the one before it is over.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import Any


def levels_by_key(keys: Iterable[Hashable]) -> list[int]:
    """Per record, how many before it have the same key. None stands for a record that shares its key with nobody."""
    seen: dict[Hashable, int] = {}
    levels = []
    for key in keys:
        level = 0 if key is None else seen.get(key, -1) + 1
        if key is not None:
            seen[key] = level
        levels.append(level)
    return levels


def levels_by_name(defined: list[list[str]], needed: list[list[str]]) -> list[int]:
    """Per record, its depth below the records it needs: what defines a name comes before what needs it.

    A name that several define is what the first of them makes it; the others follow that one in order. Records that need each
    other in a circle come last, in the order of the data.

    :param defined: the names each record defines
    :param needed: the names each record needs; those nobody defines are somebody else's
    """
    first: dict[str, int] = {}
    before: list[set[int]] = [set() for _record in defined]
    last: dict[str, int] = {}
    for record, names in enumerate(defined):
        for name in names:
            first.setdefault(name, record)
            if name in last:
                before[record].add(last[name])
            last[name] = record
    for record, names in enumerate(needed):
        before[record].update(first[name] for name in names if name in first)
        before[record].discard(record)
    return _depths(before)


def _depths(before):
    waiting = [len(needs) for needs in before]
    followers: dict[int, list[int]] = {}
    for record, needs in enumerate(before):
        for need in needs:
            followers.setdefault(need, []).append(record)
    depths = [0] * len(before)
    ready = [record for record, count in enumerate(waiting) if not count]
    for record in ready:  # grows as it goes
        for follower in followers.get(record, ()):
            depths[follower] = max(depths[follower], depths[record] + 1)
            waiting[follower] -= 1
            if not waiting[follower]:
                ready.append(follower)
    if len(ready) < len(before):
        last = max(depths) + 1
        for record, count in enumerate(waiting):
            if count:
                depths[record] = last
    return depths


def rounds(members: list, thing_of: Callable[[Any], Hashable]) -> list[list]:
    """Share members out over rounds, so that each round has at most one about a thing, and later ones come later.

    >>> rounds(["a1", "b1", "a2", "c1", "a3"], lambda member: member[0])
    [['a1', 'b1', 'c1'], ['a2'], ['a3']]
    """
    found: dict[int, list] = {}
    for member, level in zip(members, levels_by_key(map(thing_of, members)), strict=True):
        found.setdefault(level, []).append(member)
    return list(found.values())


def in_rounds(levels: list[int], size: int) -> list[list[list[int]]]:
    """Cut records into parts of at most `size`, and the parts into rounds.

    Levels that fill less than a part are put together in one, in order. What stands at the same level is in no part twice, so
    that Odoo handles it at once.

    :param levels: per record; it must come after all of lower levels that it has to do with
    :returns: rounds of parts of records; the parts of a round may run side by side, inside a part order counts
    """
    by_level: dict[int, list[int]] = {}
    for record, level in enumerate(levels):
        by_level.setdefault(level, []).append(record)
    found: list[list[list[int]]] = []
    thin: list[int] = []
    for level in sorted(by_level):
        records = by_level[level]
        if len(thin) + len(records) <= size:
            thin += records
            continue
        if thin:
            found.append([thin])
        thin = records if len(records) <= size else []
        if not thin:
            found.append([records[first : first + size] for first in range(0, len(records), size)])
    if thin:
        found.append([thin])
    return found
