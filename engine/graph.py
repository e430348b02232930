"""Who waits for whom inside one job: names resolved, cycles refused, levels given."""

from collections.abc import Iterable

from .operation import Operation
from .operations import PRODUCES_IDS
from .problems import Problems


def check_graph(operations: list[Operation], problems: Problems, known: dict[str, int] | None = None, offset: int = 0):
    """Check names and dependencies, and set the level of each operation.

    :param known: operation_id -> position of operations the job holds already (they may be waited for)
    :param offset: how many they are
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
    """Depth of each node below what it depends on, and the nodes that stand in a cycle.

    Chunks only gather operations of one level: two chunks can then never wait for each other.

    :param dependencies: node -> the nodes it needs (those without are level 0 and may be left out)
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
