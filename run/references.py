"""Resolve what a chunk needs from other operations of its job: their states, and the ids they produced."""

from ..engine import states
from ..engine.references import MissingReference, find_refs, resolve_refs, wanted_ids
from ..store.references import needed_by, produced
from .errors import failure


class StoredResults:
    """Source of `References`: the results of a stored job.

    :param cr: the cursor of the work
    :param claim: the `Claim` of the chunk that has the references
    """

    def __init__(self, cr, claim):
        self.cr = cr
        self.claim = claim

    def needs(self, payload):
        """Names of the operations that must have completed, by operation id of the payload; None if it needs none."""
        return needed_by(self.cr, payload.operations) if self.claim.waits else None

    def produced(self, wanted):
        """States of operations, and ids they have produced.

        :param dict wanted: operation name -> set of indexes in its data whose ids are wanted, or None for all
        :returns: dict name -> `(state, ids)`; `ids` is a dict index -> id, or for all a list aligned with the data
        """
        return produced(self.cr, self.claim.job_id, wanted, is_atomic=self.claim.is_atomic)


class References:
    """Resolves references, and caches what it has read.

    :param results: where to read: `StoredResults` of a job, or `InlineResults` of an `execute` call
    """

    def __init__(self, results):
        self.results = results
        self.states = {}
        self.some = {}  # name -> dict index -> id, for ids read one by one
        self.all = {}  # name -> list of all ids

    @classmethod
    def of_claim(cls, cr, claim):
        """References of a claimed chunk of a stored job."""
        return cls(StoredResults(cr, claim))

    def needs(self, payload):
        """See `StoredResults.needs`."""
        return self.results.needs(payload)

    def fetch(self, wanted):
        """Read what is wanted and not cached yet, in one query.

        :param dict wanted: see `StoredResults.produced`
        """
        missing = {}
        for name, places in wanted.items():
            if name in self.all:
                continue
            if places is None:
                missing[name] = None
            elif name not in self.states or places - self.some[name].keys():
                missing[name] = places
        for name, (state, ids) in self.results.produced(missing).items() if missing else ():
            self.states[name] = state
            known = self.some.setdefault(name, {})
            if missing[name] is None:
                self.all[name] = ids
            else:
                known.update((place, ids.get(place, False)) for place in missing[name])

    def state(self, name):
        """The state of the operation with this name."""
        self.fetch({name: set()})
        return self.states[name]

    def ids_of(self, name, place=None):
        """Ids that an operation has produced.

        :param str name: of the operation
        :param int place: index in its data; None: all ids, as a list
        :returns: the id or the list; False where no id was produced
        """
        if place is None:
            self.fetch({name: None})
            return self.all[name]
        self.fetch({name: {place}})
        if name in self.all:
            return self.all[name][place] if place < len(self.all[name]) else False
        return self.some[name][place]

    def unmet(self, names, env):
        """Why records must be skipped: a message about the first operation that has not completed; None if all have.

        :param names: names of operations
        :param env: an environment for the message
        """
        for name in names:
            state = self.state(name)
            if state != states.COMPLETED:
                return env._("Skipped: operation %(name)s, which it depends on, is %(state)s.", name=name, state=state)
        return None

    def resolve(self, value):
        """A copy of a value with every reference in it replaced by ids.

        :raises MissingReference: an id was not produced
        """
        self.fetch(wanted_ids(value))
        return resolve_refs(value, self.ids_of)


def resolve_payload(payload, references, needs, env):
    """Replace every reference in a payload, in place.

    :param Payload payload: of the chunk
    :param References references: resolves them
    :param dict needs: operation -> names of the operations that must have completed (`depends_on`, and references to all ids)
    :param env: an environment for messages
    :returns: `(failures, skipped)`: dicts position -> `Failure`, and position -> reason
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
    """Resolve a parameter. Each of a call's `args` is resolved by itself: a reference among them becomes one list of ids."""
    return [references.resolve(item) for item in value] if key == "args" else references.resolve(value)


def missing_failure(missing, references, env):
    """The `Failure` of a record whose reference was not produced.

    :param MissingReference missing: the exception
    :param References references: for the state of the operation
    :param env: an environment for the message
    """
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
