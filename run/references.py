"""What a chunk asks of other operations of its job: whether they have completed, and which ids they have produced."""

from ..engine import states
from ..engine.references import MissingReference, find_refs, resolve_refs, wanted_ids
from ..store.references import needed_by, produced
from .errors import failure


class StoredResults:
    """The results of a stored job, as `References` reads them.

    :param claim: the `Claim` of the chunk that asks
    """

    def __init__(self, cr, claim):
        self.cr = cr
        self.claim = claim

    def needs(self, payload):
        """Names of the operations that must have completed, by operation of a payload; None where it refers to none at all."""
        return needed_by(self.cr, payload.operations) if self.claim.waits else None

    def produced(self, wanted):
        """States of operations and ids they have produced.

        :param dict wanted: by name, the places in its data whose ids are asked for, None for all of them
        :returns: by name `(state, ids)`: ids by place, or a list aligned with the data
        """
        return produced(self.cr, self.claim.job_id, wanted, is_atomic=self.claim.is_atomic)


class References:
    """Resolves references and remembers the answers; each question is asked once.

    :param results: of the job: `StoredResults`, or the `InlineResults` of an inline run
    """

    def __init__(self, results):
        self.results = results
        self.states = {}
        self.some = {}  # name -> id by place, of those that were wanted one by one
        self.all = {}  # name -> ids

    @classmethod
    def of_claim(cls, cr, claim):
        """For a claimed chunk of a stored job."""
        return cls(StoredResults(cr, claim))

    def needs(self, payload):
        """See `StoredResults.needs`."""
        return self.results.needs(payload)

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
        for name, (state, ids) in self.results.produced(missing).items() if missing else ():
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
