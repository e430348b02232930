"""A claim with all that may have to be done first: jobs are counted and moved on until one has a chunk that may run."""

from ..engine.options import NO_LIMIT
from ..exceptions import ChunkBroken, JobBroken, SignalsAreNew
from ..store.claim import lock_next_job, take_chunk
from ..store.job import read_job
from . import advance
from .interruption import is_conflict


def claim_with_housekeeping(env, worker, signals, sole_job_id=None):
    """Take the next chunk whose turn it is, counting jobs and moving them on along the way as far as needed.

    The caller commits before the work starts.

    :param env: of the superuser, in a short transaction at READ COMMITTED
    :param str worker: who takes it, for people
    :param signals: the `Signals` of changes in other processes
    :param int sole_job_id: a job in which no other lane was at work at this lane's last claim
    :returns: a `Claim`; None where nothing can be taken now, or not before the signals are applied
    :raises ChunkBroken: a chunk can't be read
    :raises JobBroken: a job can't be counted or moved on
    :raises SignalsAreNew: what was taken must be given back, and taken again once the signals are applied
    """
    looked_at = []
    while row := lock_next_job(env.cr, signals.query, looked_at):
        if signals.check(row["signals"]):
            return None
        looked_at.append(row["id"])
        try:
            taken = _take_counted(env, row, worker, signals, sole_job_id)
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
            # it may have been let go on a moment ago, by the end of what has made these changes
            raise SignalsAreNew
        return claim
    return None


def _take_counted(env, row, worker, signals, sole_job_id):
    """Count what was settled in a locked job where that is due, then take a chunk of it; move it on where there is none."""
    job_id = row["id"]
    if row["is_count_due"]:
        advance.count(env, job_id)
        if row["max_failures"] != NO_LIMIT:
            advance.must_stop(env, read_job(env.cr, job_id))
    taken = take_chunk(env.cr, job_id, worker, signals.query, sole_job_id)
    if taken is None and advance.advance(env, job_id):
        taken = take_chunk(env.cr, job_id, worker, signals.query, sole_job_id)
    return taken
