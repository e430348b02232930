"""What people do to a job from outside: cancel, pause, resume, start.

In the caller's transaction, under the lock of the job's row, which `lock_for_change` takes first. Of two calls at once the second
waits; where the first has changed the row, Odoo runs the second again. `env` is the superuser's.
"""

from contextlib import suppress

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from odoo.exceptions import UserError

from ..engine import states
from ..store import change, clock, queue
from ..store import finish as ending
from ..store.job import lock_job, read_job
from . import advance
from .access import check_outside, check_visible
from .wake import wake_lanes, wake_lanes_for

#: Seconds without claims in a job that could not be locked: Odoo runs a call that met a conflict again within two.
KEEP_OFF_S = 3
#: Operations that a call gives their final states; those of a larger job get them from a lane.
CLOSED_AT_ONCE = 10_000


def lock_for_change(job, allowed, refusal):
    """Lock a job until the end of the transaction, once its caller may see it and its state allows the change.

    :param job: the record, as the caller has it
    :param allowed: states
    :param str refusal: what the caller is told in other states; translated, so that the context must have been checked before
    :returns: the job as superuser
    :raises UserError: its state does not allow it, or the job itself runs the caller
    :raises psycopg2.errors.SerializationFailure: somebody else has changed it since this transaction began
    """
    check_visible(job)
    check_outside(job)
    job = job.sudo()
    _lock(job.env, job.id)
    job.invalidate_recordset()
    if job.state not in allowed:
        raise UserError(refusal)
    return job


def _lock(env, job_id):
    try:
        job = lock_job(env.cr, job_id)
    except psycopg2.errors.SerializationFailure:
        _keep_lanes_off(env.registry, job_id)
        raise
    if job.steered_until:
        change.let_lanes_back(env.cr, job_id)


def _keep_lanes_off(registry, job_id):
    """Let lanes claim nothing in a job for a while: each claim changes its row since the snapshot of whoever wants to lock it.

    Of a job that is claimed from all the time, a verb would else be refused as often as Odoo runs it again.
    """
    with registry.cursor() as cr:
        cr.connection.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
        change.keep_lanes_off(cr, job_id, KEEP_OFF_S)


def cancel(env, job_id):
    """Let nothing more of a locked job start.

    Of a large job lanes cancel what waits, in steps: it is final once they are through.
    """
    cr = env.cr
    ending.request_stop(cr, job_id)
    # a lane that is just claiming one of these chunks must not make the whole call fail: lanes do it then
    with suppress(psycopg2.errors.SerializationFailure), cr.savepoint():
        is_over = _cancel_waiting(cr, job_id)
        advance.count(env, job_id)
        if is_over:
            advance.finish(env, job_id)
    job = read_job(cr, job_id)
    if job.state not in states.JOB_FINAL:
        change.let_lanes_cancel(cr, job_id)
    if job.ready or job.state not in states.JOB_FINAL:
        wake_lanes(env, 1)  # for what is left to do, be it only the job's action


def _cancel_waiting(cr, job_id):
    """Cancel what has not started, as far as that can be done while somebody waits for it; lanes see to the rest.

    :returns: whether the job is over by that
    """
    job = read_job(cr, job_id)
    if job.reopening or ending.cancel_waiting(cr, job_id):
        return False
    return job.total_operations <= CLOSED_AT_ONCE and not any(ending.unfinished(cr, job_id))


def pause(env, job_id):
    """Let nothing more of a locked job start until it is resumed."""
    change.pause(env.cr, job_id)
    advance.count(env, job_id)
    _pending, running, _waiting = ending.unfinished(env.cr, job_id)
    if not running:
        clock.stop_clock(env.cr, job_id)
    wake_lanes(env, 1)


def resume(env, job):
    """Let a locked job go on that is paused.

    :param job: the record
    """
    if job.state == states.PAUSED:
        clock.resume(env.cr, job.id)
        queue.enqueue(env.cr, job.id)
        wake_lanes(env, job.max_concurrency)


def start(env, job):
    """Let a locked draft run.

    :param job: the record
    """
    change.start(env.cr, job.id)
    queue.enqueue(env.cr, job.id)
    wake_lanes_for(env, job.run_at, job.max_concurrency)
