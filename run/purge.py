"""Delete what belongs to deleted jobs. A call deletes all of small jobs, and begins with large ones; lanes do the rest in short slices.

Between two chunks a lane gives it a twentieth of its time at most: jobs run about as fast as ever beside it.
"""

import time

from ..store import purge
from ..store.planning import by_index
from .wake import wake_lanes

#: Most rows that a call deletes, and most of one statement of it.
DELETED_NOW = 10_000
NOW_AT_ONCE = 1_000
#: Most rows of one statement, as soon as it is known how long they take; rows of the first one, and of any at least.
MOST_AT_ONCE = 5_000
FIRST_AT_ONCE = 200
LEAST_AT_ONCE = 10
#: Seconds that one statement is to take, and a slice of all of them. A lane takes one slice a second while it has other work.
PIECE_S = 0.01
SLICE_S = 0.05


def purge_now(env, job_ids):
    """Delete what belongs to jobs that this transaction has deleted, or to whose changes it has given up; lanes are woken for the rest.

    :param env: any environment
    :param job_ids: ids of these jobs
    """
    left = DELETED_NOW
    with by_index(env.cr):
        while left > 0 and (remains := purge.lock_remains(env.cr, job_ids)):
            while left > 0 and remains["stage"] is not None:
                left -= purge.delete_piece(env.cr, remains, min(left, NOW_AT_ONCE))
            purge.store_remains(env.cr, remains)
    if left <= 0 and purge.are_left(env.cr, job_ids):
        wake_lanes(env, 1)


def purge_slice(cr):
    """One slice by a lane: one statement at least.

    :param cr: the lane's cursor, in a short transaction
    :returns: whether there may be more to do for this lane
    """
    deadline, limit = time.monotonic() + SLICE_S, FIRST_AT_ONCE
    while remains := purge.lock_remains(cr):
        while remains["stage"] is not None:
            started = time.monotonic()
            purge.delete_piece(cr, remains, limit)
            now = time.monotonic()
            if now >= deadline:
                break
            # large payloads take a hundred times as long as small ones
            limit = min(max(int(limit * PIECE_S / max(now - started, PIECE_S / 4)), LEAST_AT_ONCE), MOST_AT_ONCE)
        purge.store_remains(cr, remains)
        if now >= deadline:
            return True
    return False
