"""Two upserts of one key at the same time must not both create it, whether or not the model has a unique constraint.

Each key is an advisory lock. At REPEATABLE READ it must be held *before* the transaction takes its snapshot, or the second
one would wait and still not see what the first has created. A lane therefore takes the locks on a connection of their own,
first. Inside somebody else's transaction (`execute`) that is too late: there, what was missed is looked for instead.
"""

import zlib
from contextlib import contextmanager, suppress

from odoo.exceptions import ConcurrencyError
from odoo.tools import SQL

from ..engine import states
from ..engine.operation import UPSERT
from ..engine.references import MissingReference, find_refs, wanted_ids
from ..store.settle import hold_shared
from .guarded import UserCode
from .handlers.upsert import UpsertHandler
from .interruption import interruption_of, is_shutdown
from .records import user_env
from .references import References
from .upsert_keys import BadKey
from .watchdog import Deadline

#: First key of our advisory locks, to keep out of the way of others.
LOCK_SPACE = zlib.crc32(b"batch_executor.upsert") - 2**31
#: Locks a chunk takes at most (PostgreSQL keeps them in a table of fixed size); more keys share some.
MAX_LOCKS = 1000


@contextmanager
def key_locks(registry, claim):
    """Hold the locks of a claimed chunk's keys, on a connection of their own, while its work runs and commits."""
    if claim.operation_type != UPSERT or claim.kind != states.RECORDS or claim.model not in registry:
        yield
        return
    with registry.cursor() as cr:
        hold_shared(cr, claim)
        _lock(cr, "pg_advisory_xact_lock", _lockable(cr, claim))
        yield


def lock_inline(env, model_name, payload, timeout_s):
    """Take the locks inside the caller's transaction.

    What goes wrong is nothing to be told here: the records themselves are going to fail for it.

    :param timeout_s: seconds the search for what others have created may take, None: any
    :raises ConcurrencyError: another transaction is, or has been since our snapshot, at one of these keys; run again by
        Odoo, this one sees what it did
    """
    deadline = Deadline(timeout_s)
    with UserCode(env, model_name, deadline, timeout_fails=True) as code:
        is_taken = _is_taken(env, model_name, payload, deadline)
    if code.error is None and is_taken:
        raise ConcurrencyError(env._("Another transaction is upserting the same records."))


def _is_taken(env, model_name, payload, deadline):
    handler = UpsertHandler(env[model_name], payload)
    positions, numbers = _numbers(handler)
    return not all(_lock(env.cr, "pg_try_advisory_xact_lock", numbers)) or _created_since(handler, positions, deadline)


def _lockable(cr, claim):
    """Marks of the keys; none where the keys themselves are wrong: their records are going to fail for it."""
    try:
        return _keys(cr, claim)
    except BaseException as error:  # a field's own code may raise anything
        if is_shutdown(error) or interruption_of(error):
            raise
        return set()


def _created_since(handler, positions, deadline):
    """Whether others have committed records of these keys that our snapshot does not show."""
    model = handler.model
    with model.env.registry.cursor() as cr:
        fresh = UpsertHandler(model.with_env(model.env(cr=cr)), handler.payload)
        with UserCode(fresh.env, model._name, deadline, timeout_fails=True) as code:
            ids = {id_ for found in fresh.matches(positions).values() for id_ in found}
        if code.error or not ids:
            return False
        # rows our own transaction has changed or deleted are locked by it: those are no news
        cr.execute(
            SQL("SELECT id FROM %s WHERE id = ANY(%s) FOR UPDATE SKIP LOCKED", SQL.identifier(model._table), list(ids))
        )
        fresh_ids = {id_ for (id_,) in cr.fetchall()}
        cr.rollback()  # nothing was written: only the locks are given back
    known = UpsertHandler(model, handler.payload).matches(positions)
    return bool(fresh_ids - {id_ for found in known.values() for id_ in found})


def _keys(cr, claim):
    payload = claim.payload
    if claim.waits and next(find_refs(payload.items), None) is not None:
        references = References.of_claim(cr, claim)
        payload = payload.subset(list(range(len(payload))))
        references.fetch(wanted_ids(payload.items))
        payload.items = [_resolved(references, item) for item in payload.items]
    _positions, numbers = _numbers(UpsertHandler(user_env(cr, claim)[claim.model], payload))
    return numbers


def _numbers(handler):
    """The positions whose values can be keys (the others are going to fail for it), and the marks of these."""
    positions, numbers = [], set()
    for position in range(len(handler.payload)):
        with suppress(BadKey):
            numbers.add(handler.keys.number(handler.key(position)))
            positions.append(position)
    return positions, numbers


def _resolved(references, item):
    try:
        return references.resolve(item)
    except MissingReference:
        return item  # it is going to fail for this


def _lock(cr, function, numbers):
    """Take advisory locks in one order everywhere, so that two chunks can't deadlock on them.

    Each key falls into one of `MAX_LOCKS` buckets. Who has many keys takes the buckets for itself; who has few shares them, and
    takes each key: both exclude each other.
    """
    buckets = sorted({number % MAX_LOCKS for number in numbers})
    if len(numbers) > MAX_LOCKS:
        return _acquire(cr, function, LOCK_SPACE + 1, buckets)
    shared = _acquire(cr, f"{function}_shared", LOCK_SPACE + 1, buckets)
    return shared + _acquire(cr, function, LOCK_SPACE, sorted(numbers))


def _acquire(cr, function, space, numbers):
    cr.execute(
        SQL("SELECT %s(%s, number) FROM unnest(%s::integer[]) AS number", SQL.identifier(function), space, numbers)
    )
    return [taken for (taken,) in cr.fetchall()]
