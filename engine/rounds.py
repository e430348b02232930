"""The order inside one operation: items about the same record take effect in the order of the data.

Independent items may run in parallel. Others are put into *rounds*: a round starts when the one before it has ended.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import Any


def levels_by_key(keys: Iterable[Hashable]) -> list[int]:
    """Per record, how many records before it have the same key; 0 for the key None."""
    seen: dict[Hashable, int] = {}
    levels = []
    for key in keys:
        level = 0 if key is None else seen.get(key, -1) + 1
        if key is not None:
            seen[key] = level
        levels.append(level)
    return levels


def levels_by_name(defined: list[list[str]], needed: list[list[str]]) -> list[int]:
    """Per record, its level: one more than the highest level of the records it needs.

    Where several records define a name, the first one counts, and the others follow in the order of the data. Records on a
    cycle, or behind one, get the last level.

    :param defined: the names that each record defines
    :param needed: the names that each record needs; names that no record defines are ignored
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
    return depths(before)


def depths(before: list[set[int]]) -> list[int]:
    """Per record, the length of the longest chain of records before it. Records on a cycle, or behind one, get one more than all others.

    :param before: of each record, the records that come before it
    """
    waiting = [len(needs) for needs in before]
    followers: dict[int, list[int]] = {}
    for record, needs in enumerate(before):
        for need in needs:
            followers.setdefault(need, []).append(record)
    found = [0] * len(before)
    ready = [record for record, count in enumerate(waiting) if not count]
    for record in ready:  # grows while it is read
        for follower in followers.get(record, ()):
            found[follower] = max(found[follower], found[record] + 1)
            waiting[follower] -= 1
            if not waiting[follower]:
                ready.append(follower)
    if len(ready) < len(before):
        last = max(found) + 1
        for record, count in enumerate(waiting):
            if count:
                found[record] = last
    return found


def runs(members: list, thing_of: Callable[[Any], Hashable]) -> list[list]:
    """Cut members into runs in which no thing occurs twice; all stay in their order.

    :param thing_of: returns the thing that a member is about

    >>> runs(["a1", "b1", "a2", "c1", "a3"], lambda member: member[0])
    [['a1', 'b1'], ['a2', 'c1'], ['a3']]
    """
    found: list[list] = []
    seen: set[Hashable] = set()
    for member in members:
        thing = thing_of(member)
        if not found or thing in seen:
            found.append([])
            seen = set()
        found[-1].append(member)
        seen.add(thing)
    return found


def in_rounds(levels: list[int], size: int) -> list[list[list[int]]]:
    """Cut records into parts of at most `size`, and group the parts into rounds.

    Neighbouring levels that fit into one part share it, in order. A level larger than a part is a round of its own, in
    several parts.

    :param levels: of each record; it must run after related records of lower levels
    :param size: most records in a part
    :returns: rounds of parts of record positions. Parts of a round may run in parallel; inside a part, order counts
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
