"""Named limits: found for a submission; claims of jobs that have one; what lets jobs go on that wait for it. The statements are in `store.limit` and `store.limit_queue`."""

from ..engine.limit import room
from ..store import limit as store
from ..store import limit_queue
from . import advance
from .wake import wake_lanes

# -- submissions -----------------------------------------------------------------------------------


def find_limit(env, name, problems):
    """Id of the limit with a name; None without a name, or where there is none, which is a problem.

    :param env: the caller's environment
    :param Problems problems: to add to
    """
    if not name:
        return None
    limit = env["batch.limit"].search([("name", "=", name)], limit=1)
    if not limit:
        problems.add(env._("there is no limit '%s', or it is archived", name), key="limit")
    return limit.id or None


def check_sets(limit, operations, problems):
    """Add a problem for each operation with `set`: its method gets all records at once, so a limit of records can't hold.

    :param limit: the limit of the job, or an empty recordset
    :param operations: parsed `Operation`s
    """
    if not limit.max_records_per_second:
        return
    for operation in operations:
        if operation.params.get("set"):
            text = limit.env._("a method that gets all records at once can't keep to the records per second of limit %s", limit.name)
            problems.add(text, operation.position, key="set")


# -- claims ----------------------------------------------------------------------------------------


def take_within(env, job_id, limit_id, take):
    """Take a chunk of a locked job, if its limit allows it; else let the job wait for its limit.

    :param env: a superuser environment, in the short transaction of a claim
    :param take: function of a `Room` that takes the first chunk of the job and returns `(Claim, signals)`, or None
    :returns: what `take` returns; None also where the limit has no room, or another lane has just locked it
    """
    cr = env.cr
    for _attempt in range(2):
        position = store.may_start(cr, job_id)
        if position is not None:
            limit = store.lock_limit(cr, limit_id)
            if limit is None:
                return None  # the job stays in the queue
            found = room(limit, store.usage(cr, limit))
            if not found.is_open:
                advance.count_again(env, job_id)  # it may wait for long, and should show by then what it has done
                limit_queue.wait_for_limit(cr, job_id, limit_id)
                limit_queue.look_again(cr, limit_id, found.wait_s)
                return None
            taken = take(room=found)
            if taken:
                store.move_back(cr, job_id, limit_id, position)
            _let_next(cr, found.after(taken[0].share) if taken else found)
            if taken:
                return taken
        # none that may run: as for any job, and if that has released some, once more
        if not advance.advance(env, job_id):
            return None
    return None


def let_next(env, limit_id, is_patient=False):
    """Let the first job go on that waits for a limit, if there is room.

    :param env: a superuser environment, in a short transaction at READ COMMITTED
    :param bool is_patient: see `store.limit.lock_limit`
    """
    limit = store.lock_limit(env.cr, limit_id, is_patient)
    if limit:
        _let_next(env.cr, room(limit, store.usage(env.cr, limit)))


def seconds_until_share(env, claim):
    """How long a chunk must wait that has taken a larger share than there was room for; 0 once it may run.

    :param env: a superuser environment, in a short transaction at READ COMMITTED
    :param claim: the `Claim`
    """
    limit = store.read_limit(env.cr, claim.limit_id)
    used = store.usage(env.cr, limit)
    if used.records <= max(limit.budget, claim.share):
        return 0.0
    return min(used.frees_s or limit_queue.LOOK_S, limit_queue.LOOK_S) or 0.01


def let_due(env):
    """Let jobs go on whose limits are to be looked at now."""
    for limit_id in limit_queue.due(env.cr):
        let_next(env, limit_id)


def _let_next(cr, found):
    if found.is_open:
        limit_queue.wake_first(cr, found.limit.id)
    limit_queue.look_again(cr, found.limit.id, found.wait_s)


# -- what people see -------------------------------------------------------------------------------


def limit_changed(limits):
    """After their numbers were changed: jobs that wait for them may start, or not.

    :param limits: recordset of `batch.limit`
    """
    limits.flush_recordset()
    limit_queue.numbers_changed(limits.env.cr, limits.ids)
    limits.invalidate_recordset()
    wake_lanes(limits.env)
