"""A claim with housekeeping: count and advance jobs until one of them has a chunk that may run."""

from functools import partial

from ..engine.failure_limit import has_limit
from ..exceptions import ChunkBroken, JobBroken, SignalsAreNew
from ..store.claim import lock_next_job, take_chunk
from ..store.job import read_job
from . import advance, limited
from .interruption import is_conflict
from .settings import lanes_here


def claim_with_housekeeping(env, worker, signals, paces, sole_job_id=None):
    """Claim the next chunk in the queue; count and advance the jobs on the way to it.

    The caller commits before it runs the chunk.

    :param env: a superuser environment, in a short transaction at READ COMMITTED
    :param str worker: name of the lane, host and process, for people
    :param signals: the lane's `Signals`
    :param dict paces: seconds per record of the lane's last chunks, by `Claim.lesson_key`
    :param int sole_job_id: the job in which no other lane ran a chunk at this lane's last claim, or None
    :returns: a `Claim`; None if no chunk can be claimed now, or if new signals must be applied first (`signals.are_new`)
    :raises ChunkBroken: a chunk can't be read
    :raises JobBroken: a job can't be counted or advanced
    :raises SignalsAreNew: a signal arrived during the claim; roll back, apply the signals, and claim again
    """
    looked_at = []
    while row := lock_next_job(env.cr, signals.query, looked_at):
        if signals.check(row["signals"]):
            return None
        looked_at.append(row["id"])
        try:
            taken = _take_counted(env, row, worker, signals, paces, sole_job_id)
        except ChunkBroken:
            raise
        except Exception as error:
            if is_conflict(error):
                raise
            raise JobBroken(row["id"]) from error
        if taken is None:
            continue
        claim, numbers = taken
        if signals.check(numbers):
            # the chunk may have been released by the same transaction that made these changes: it must run with them applied
            raise SignalsAreNew
        return claim
    return None


def _take_counted(env, row, worker, signals, paces, sole_job_id):
    """Count the settled chunks of a locked job if that is due, then take a chunk; advance the job if there is none to take."""
    job_id = row["id"]
    if row["is_count_due"]:
        advance.count(env, job_id)
        if has_limit(row["max_failures"], row["max_failures_share"]):
            advance.stop_if_over_limit(env, read_job(env.cr, job_id))
    # alone only if alone at two claims in a row: at one, other lanes may just be between two chunks, or on their way
    lanes = 1 if job_id == sole_job_id else lanes_here(env)
    take = partial(take_chunk, env.cr, job_id, worker, signals.query, lanes, paces)
    if row["limit_id"]:
        return limited.take_within(env, job_id, row["limit_id"], take)
    taken = take()
    if taken is None and advance.advance(env, job_id):
        taken = take()
    return taken
