"""Locks that keep two concurrent upserts of one key from both creating a record, even without a unique constraint.

Each key is an advisory lock. At REPEATABLE READ the lock must be taken *before* the transaction's snapshot: otherwise the second
transaction would wait for the lock and still not see the record that the first one created. So a lane takes the locks first, on a
separate connection. In the caller's transaction (`execute`) the snapshot exists already; there, a second connection searches for
records that the snapshot does not show.
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

#: First key of our advisory locks, so that they don't collide with those of other code.
LOCK_SPACE = zlib.crc32(b"batch_executor.upsert") - 2**31
#: Number of lock buckets. A chunk with more keys than this locks only buckets, as PostgreSQL's lock table has a fixed size.
MAX_LOCKS = 1000


@contextmanager
def key_locks(registry, claim):
    """Hold the locks of a claimed chunk's keys during the body of the `with`, in which its work runs and commits.

    The locks are on a separate connection. A chunk that is no upsert takes none.

    :param registry: the database's registry
    :param claim: the `Claim`
    :raises ClaimLost: another lane has taken over the chunk
    """
    if claim.operation_type != UPSERT or claim.kind != states.RECORDS or claim.model not in registry:
        yield
        return
    with registry.cursor() as cr:
        hold_shared(cr, claim)
        _lock(cr, "pg_advisory_xact_lock", _lockable(cr, claim))
        yield


def lock_inline(env, model_name, payload, timeout_s):
    """Take the locks in the caller's transaction.

    Other errors are ignored here, as the records fail with the same error when they run.

    :param env: the user's environment
    :param str model_name: model of the records
    :param Payload payload: of the chunk
    :param float timeout_s: seconds that the search for records of other transactions may take; None: no limit
    :raises ConcurrencyError: another transaction is upserting one of these keys, or has done so since our snapshot. Odoo repeats
        the call, which then sees the other transaction's records
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
    """Hashes of the keys; an empty set if computing them raises an error, as the records then fail with it when they run."""
    try:
        return _keys(cr, claim)
    except BaseException as error:  # a field's own code may raise anything
        if is_shutdown(error) or interruption_of(error):
            raise
        return set()


def _created_since(handler, positions, deadline):
    """Whether other transactions have committed records with these keys that our snapshot does not show."""
    model = handler.model
    with model.env.registry.cursor() as cr:
        fresh = UpsertHandler(model.with_env(model.env(cr=cr)), handler.payload)
        with UserCode(fresh.env, model._name, deadline, timeout_fails=True) as code:
            ids = {id_ for found in fresh.matches(positions).values() for id_ in found}
        if code.error or not ids:
            return False
        # rows that our own transaction has changed or deleted are locked by it, and so are left out
        cr.execute(
            SQL("SELECT id FROM %s WHERE id = ANY(%s) FOR UPDATE SKIP LOCKED", SQL.identifier(model._table), list(ids))
        )
        fresh_ids = {id_ for (id_,) in cr.fetchall()}
        cr.rollback()  # releases the row locks; nothing was written
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
    """`(positions, hashes)` of the records whose keys are valid; the others fail when they run."""
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
        return item  # the record fails with this error when it runs


def _lock(cr, function, numbers):
    """Take advisory locks, always in the same order, so that two chunks can't deadlock.

    Each key belongs to one of `MAX_LOCKS` buckets. A chunk with more than `MAX_LOCKS` keys locks the buckets exclusively. A chunk
    with fewer keys locks its buckets shared, and each key exclusively. So each kind excludes the other.

    :param str function: PostgreSQL's function that takes a lock; its shared variant is used too
    :param numbers: hashes of the keys
    :returns: list with the result of each call
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
