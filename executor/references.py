"""What earlier operations of a job have produced, as far as a chunk asks for it."""

from ..engine import states
from ..engine.references import MissingReference, find_refs, resolve_refs
from .errors import failure


class References:
    """Answers from a source of operation states and ids: the database, or an inline run's memory.

    `source(name)` gives `(state, ids)` of an operation; ids are aligned with its data.
    """

    def __init__(self, source):
        self.source = source
        self.known = {}

    def get(self, name):
        if name not in self.known:
            self.known[name] = self.source(name)
        return self.known[name]

    def unmet(self, names, env):
        """Why an operation must be skipped: the first of these operations that has not completed."""
        for name in names:
            state, _ids = self.get(name)
            if state != states.COMPLETED:
                return env._("Skipped: operation %(name)s, which it depends on, is %(state)s.", name=name, state=state)
        return None

    def ids_of(self, name):
        return self.get(name)[1]

    def resolve(self, value):
        return resolve_refs(value, self.ids_of)


def resolve_payload(payload, references, needs, env):
    """Replace every reference in a payload; returns the failures and the skips by position.

    :param needs: operation -> names of those that must have completed (`depends_on` and whole references)
    """
    failures, skipped = {}, {}
    reasons = {operation: references.unmet(names, env) for operation, names in needs.items()}
    for position, operation in enumerate(payload.operations):
        if reason := reasons.get(operation):
            skipped[position] = reason
            continue
        item = payload.items[position]
        try:
            if next(find_refs(item), None) is not None:
                payload.items[position] = references.resolve(item)
        except MissingReference as missing:
            failures[position] = missing_failure(missing, references, env)
    try:
        if len(skipped) < len(payload) and next(find_refs(payload.params), None) is not None:
            payload.params = {key: _resolve_param(references, key, value) for key, value in payload.params.items()}
    except MissingReference as missing:
        reason = missing_failure(missing, references, env)
        failures.update({position: reason for position in range(len(payload)) if position not in skipped})
    return failures, skipped


def _resolve_param(references, key, value):
    """Each of a call's `args` is one argument: a reference among them is one list of ids."""
    return [references.resolve(item) for item in value] if key == "args" else references.resolve(value)


def missing_failure(missing, references, env):
    name, index = missing.args
    state, _ids = references.get(name)
    return failure(
        "MissingReference",
        env._(
            "Record %(index)s of operation %(name)s, which this record refers to, was not produced (the operation is %(state)s).",
            index=index,
            name=name,
            state=state,
        ),
    )
