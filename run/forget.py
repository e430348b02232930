"""Dropping the values of what succeeded, some time after the end of its job: passwords may be among them.

What failed keeps its values while it stands, and so does what was cancelled: both can be retried. A job in one transaction is
retried as a whole, and keeps all of them unless it completed. Ids, results and counters stay.
"""

import logging

from ..engine import states
from ..engine.steps import take_some
from ..store import forget
from ..store.planning import by_index
from .interruption import is_conflict
from .settings import get_setting

_logger = logging.getLogger(__name__)

#: Chunks that one step looks at, and records whose values it drops, at most (but for the last chunk's).
LOOKED_AT_ONCE = 2_000
FORGOTTEN_AT_ONCE = 5_000


def forget_old_values(env):
    """One step of dropping the values of what succeeded longer ago than the settings keep them.

    :returns: whether there was anything to do
    """
    with by_index(env.cr):
        return forget_step(env.cr, get_setting(env, "keep_payload_days"))


def forget_values_now(env):
    """One step of the same by a lane, where the settings keep values no longer than their job runs.

    A job whose values can't be dropped keeps them: other jobs must not wait for it.
    """
    if get_setting(env, "keep_payload_days") != 0:
        return
    try:
        with env.cr.savepoint():
            forget_step(env.cr, 0)
    except Exception as error:
        if is_conflict(error):
            raise
        job = forget.next_with_values(env.cr, 0)
        _logger.exception("job %s: its values could not be dropped", job and job["id"])
        if job:
            forget.note_all_forgotten(env.cr, job["id"])


def has_values_to_forget(env):
    """Whether lanes have values to drop."""
    return get_setting(env, "keep_payload_days") == 0 and forget.next_with_values(env.cr, 0) is not None


def forget_step(cr, days):
    """Drop values in the next chunks of a job that has been over for so many days.

    :returns: False where there is nothing left to drop
    """
    job = forget.next_with_values(cr, days, lock=True)
    if not job:
        return False
    rows = forget.chunks_after(cr, job["id"], job["forgotten_to"], LOOKED_AT_ONCE)
    taken, left = take_some([row for row in rows if row["is_wanted"]], FORGOTTEN_AT_ONCE)
    chunk_ids = [row["id"] for row in taken]
    if not job["is_atomic"] or job["state"] == states.COMPLETED:
        forget.forget_details(cr, forget.forget_payloads(cr, chunk_ids))
    forget.forget_failures(cr, chunk_ids)
    if left or len(rows) == LOOKED_AT_ONCE:
        forget.note_forgotten(cr, job["id"], left[0]["id"] - 1 if left else rows[-1]["id"])
    else:
        forget.note_all_forgotten(cr, job["id"])
    return True
