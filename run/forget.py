"""Drop the values of records that succeeded, some time after the end of their job: they may contain passwords.

Failed and cancelled records keep their values, as they can be retried. A job in one transaction is retried as a whole, so it
keeps all values unless it completed. Ids, results and counters are always kept.
"""

import logging

from ..engine import states
from ..engine.steps import take_some
from ..store import forget
from ..store.planning import by_index
from .interruption import is_conflict
from .settings import get_setting

_logger = logging.getLogger(__name__)

#: Most chunks that one step reads, and most records whose values it drops; it drops at least one chunk's.
LOOKED_AT_ONCE = 2_000
FORGOTTEN_AT_ONCE = 5_000


def forget_old_values(env):
    """One step: drop values of jobs that ended longer ago than the setting `keep_payload_days`.

    :returns: whether there was a job with values to drop
    """
    with by_index(env.cr):
        return forget_step(env.cr, get_setting(env, "keep_payload_days"))


def forget_values_now(env):
    """One step by a lane, if the setting `keep_payload_days` is 0: values are dropped once their job has ended."""
    if get_setting(env, "keep_payload_days") == 0:
        forget_step(env.cr, 0)


def has_values_to_forget(env):
    """Whether a lane has values to drop now: see `forget_values_now`."""
    return get_setting(env, "keep_payload_days") == 0 and forget.next_with_values(env.cr, 0) is not None


def forget_step(cr, days):
    """Drop values in the next chunks of a job that ended at least so many days ago.

    If the values of a job can't be dropped, the job keeps them and is skipped from then on, so that it does not block others.

    :param int days: days since the end of the job
    :returns: False if no such job is left
    """
    job = forget.next_with_values(cr, days, lock=True)
    if not job:
        return False
    try:
        with cr.savepoint():
            _forget_some(cr, job)
    except Exception as error:
        if is_conflict(error):
            raise
        _logger.exception("job %s: its values could not be dropped", job["id"])
        forget.set_all_forgotten(cr, job["id"])
    return True


def _forget_some(cr, job):
    """Drop values in the next chunks of a job.

    :param dict job: as from `store.forget.next_with_values`
    """
    rows = forget.chunks_after(cr, job["id"], job["forgotten_to"], LOOKED_AT_ONCE)
    taken, left = take_some([row for row in rows if row["is_wanted"]], FORGOTTEN_AT_ONCE)
    chunk_ids = [row["id"] for row in taken]
    if not job["is_atomic"] or job["state"] == states.COMPLETED:
        forget.forget_details(cr, forget.forget_payloads(cr, chunk_ids))
    forget.forget_failures(cr, chunk_ids)
    if left or len(rows) == LOOKED_AT_ONCE:
        forget.set_forgotten_to(cr, job["id"], left[0]["id"] - 1 if left else rows[-1]["id"])
    else:
        forget.set_all_forgotten(cr, job["id"])
