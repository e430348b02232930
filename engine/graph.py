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
    depth, cyclic = levels(needs)
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
    """The level of each node (its depth in the dependency graph), and the nodes on a cycle or behind one.

    All operations of a chunk have the same level, so two chunks never wait for each other.

    :param dependencies: node -> the nodes it needs; a node without needs has level 0 and may be left out
    :returns: `(node -> level, nodes without a level)`
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
    cyclic = {node for node, needs in waiting.items() if needs}
    return {node: level for node, level in depth.items() if node not in cyclic}, cyclic
