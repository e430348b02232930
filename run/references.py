"""What earlier operations of a job have produced, as far as a chunk asks for it."""

from ..engine import states
from ..engine.references import MissingReference, find_refs, resolve_refs, wanted_ids
from ..store.references import produced
from .errors import failure


class References:
    """Answers from a source of operation states and ids: the database, or an inline run's memory.

    `source(wanted)` gives `(state, ids)` of operations by name. `wanted` says which ids of each: the places in its data, or
    None for all. `ids` are then by place, or a list aligned with the data.
    """

    def __init__(self, source):
        self.source = source
        self.states = {}
        self.some = {}  # name -> id by place, of those that were wanted one by one
        self.all = {}  # name -> ids

    @classmethod
    def of_claim(cls, cr, claim):
        """What a claimed chunk asks of the operations of its job: answered from the database."""
        return cls(lambda wanted: produced(cr, claim.job_id, wanted, is_atomic=claim.is_atomic))

    def fetch(self, wanted):
        """Ask for what is wanted and not known yet, all of it at once."""
        missing = {}
        for name, places in wanted.items():
            if name in self.all:
                continue
            if places is None:
                missing[name] = None
            elif name not in self.states or places - self.some[name].keys():
                missing[name] = places
        for name, (state, ids) in self.source(missing).items() if missing else ():
            self.states[name] = state
            known = self.some.setdefault(name, {})
            if missing[name] is None:
                self.all[name] = ids
            else:
                known.update((place, ids.get(place, False)) for place in missing[name])

    def state(self, name):
        self.fetch({name: set()})
        return self.states[name]

    def ids_of(self, name, place=None):
        """All ids of an operation, or the one at a place of its data; False where none was produced."""
        if place is None:
            self.fetch({name: None})
            return self.all[name]
        self.fetch({name: {place}})
        if name in self.all:
            return self.all[name][place] if place < len(self.all[name]) else False
        return self.some[name][place]

    def unmet(self, names, env):
        """Why an operation must be skipped: the first of these operations that has not completed."""
        for name in names:
            state = self.state(name)
            if state != states.COMPLETED:
                return env._("Skipped: operation %(name)s, which it depends on, is %(state)s.", name=name, state=state)
        return None

    def resolve(self, value):
        self.fetch(wanted_ids(value))
        return resolve_refs(value, self.ids_of)


def resolve_payload(payload, references, needs, env):
    """Replace every reference in a payload; returns the failures and the skips by position.

    :param needs: operation -> names of those that must have completed (`depends_on` and whole references)
    """
    failures, skipped = {}, {}
    references.fetch({name: set() for names in needs.values() for name in names})
    reasons = {operation: references.unmet(names, env) for operation, names in needs.items()}
    run = []
    for position, operation in enumerate(payload.operations):
        if reason := reasons.get(operation):
            skipped[position] = reason
        else:
            run.append(position)
    references.fetch(wanted_ids([payload.items[position] for position in run]))
    for position in run:
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
    state = references.state(name)
    return failure(
        "MissingReference",
        env._(
            "Record %(index)s of operation %(name)s, which this record refers to, was not produced (the operation is %(state)s).",
            index=index,
            name=name,
            state=state,
        ),
    )
