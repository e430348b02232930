"""Dependencies between the operations of a job: resolves names, refuses cycles, sets levels."""

from collections.abc import Iterable

from .operation import Operation
from .operations import PRODUCES_IDS
from .problems import Problems


def check_graph(operations: list[Operation], problems: Problems, known: dict[str, int] | None = None, offset: int = 0):
    """Check names and dependencies, and set the level of each operation.

    :param problems: what is wrong is added to it
    :param known: operation_id -> position of the operations the job has already; new ones may depend on them
    :param offset: how many operations the job has already
    """
    known = known or {}
    names = {}
    for operation in operations:
        name, position = operation.operation_id, operation.position
        if name in names or name in known:
            problems.add(f"operation_id {name!r} is used twice", operation=position - offset, key="operation_id")
        names[name] = operation
    if not any(operation.depends_on or operation.refs for operation in operations):
        return
    needs: dict[int, set[int]] = {}
    for operation in operations:
        needs[operation.position] = wanted = set()
        for key, needed in (("depends_on", operation.depends_on), ("$ref", operation.refs)):
            for name in needed:
                if name in names:
                    wanted.add(names[name].position)
                    _check_producer(operation, names[name], key, problems, offset)
                elif name not in known:
                    problems.add(f"there is no operation {name!r}", operation=operation.position - offset, key=key)
    depth, cyclic = levels(needs)  # an operation behind a cycle is in neither: it is well once the cycle is gone
    for operation in operations:
        if operation.position in cyclic:
            problems.add(
                "waits for itself, directly or through others", operation=operation.position - offset, key="depends_on"
            )
        operation.level = depth.get(operation.position, 0)
        if any(name in known for name in (*operation.depends_on, *operation.refs)):
            operation.level += 1


def _check_producer(operation, producer, key, problems, offset):
    if key == "$ref" and producer.type and producer.type not in PRODUCES_IDS:
        problems.add(
            f"operation {producer.operation_id!r} produces no ids", operation=operation.position - offset, key=key
        )


def levels(dependencies: dict[int, Iterable[int]]) -> tuple[dict[int, int], set[int]]:
    """The level of each node (its depth in the dependency graph), and the nodes on a cycle.

    All operations of a chunk have the same level, so two chunks never wait for each other.

    :param dependencies: node -> the nodes it needs; a node without needs has level 0 and may be left out
    :returns: `(node -> level, nodes that need themselves, directly or through others)`; nodes behind a cycle are in neither
    """
    waiting = {node: {need for need in needs if need in dependencies} for node, needs in dependencies.items()}
    followers: dict[int, list[int]] = {}
    for node, needs in waiting.items():
        for need in needs:
            followers.setdefault(need, []).append(node)
    depth = {}
    ready = [node for node, needs in waiting.items() if not needs]
    for node in ready:
        depth[node] = 1 if dependencies[node] else 0
    while ready:
        node = ready.pop()
        for follower in followers.get(node, ()):
            waiting[follower].discard(node)
            depth[follower] = max(depth.get(follower, 1), depth[node] + 1)
            if not waiting[follower]:
                ready.append(follower)
    stuck = {node: needs for node, needs in waiting.items() if needs}
    return {node: level for node, level in depth.items() if node not in stuck}, _on_cycles(stuck)


def _on_cycles(needs: dict[int, set[int]]) -> set[int]:
    """The nodes on a cycle, by Kosaraju's algorithm: nodes that can reach each other form a group.

    :param needs: node -> the nodes it needs, all of them keys
    """
    followers: dict[int, list[int]] = {node: [] for node in needs}
    for node, needed in needs.items():
        for need in needed:
            followers[need].append(node)
    cyclic: set[int] = set()
    grouped: set[int] = set()
    for root in reversed(_needed_first(needs)):
        if root in grouped:
            continue
        grouped.add(root)
        group = [root]
        for node in group:  # it grows meanwhile
            new = [follower for follower in followers[node] if follower not in grouped]
            grouped.update(new)
            group += new
        if len(group) > 1 or root in needs[root]:
            cyclic.update(group)
    return cyclic


def _needed_first(needs: dict[int, set[int]]) -> list[int]:
    """All nodes, each after those it needs, as far as there are no cycles: the post-order of a depth-first search."""
    order, seen = [], set()
    for root in needs:
        stack = [(root, False)]
        while stack:
            node, is_done = stack.pop()
            if is_done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack += [(need, False) for need in needs[node]]
    return order
