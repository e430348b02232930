"""The verbs that change a job: cancel, pause, resume, start, run now.

They run in the caller's transaction, after `lock_for_change` has locked the job's row. If two calls come at once, the second
waits for the lock; if the first has changed the row, Odoo runs the second again. `env` is a superuser environment.
"""

from contextlib import suppress

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from odoo.exceptions import MissingError, UserError

from ..engine import states
from ..store import change, clock, queue
from ..store import finish as ending
from ..store.job import lock_job, read_job
from . import advance
from .access import check_outside, check_visible
from .log import log
from .status import send_progress
from .wake import wake_lanes, wake_lanes_for

#: Seconds for which lanes claim nothing in a job that could not be locked. Odoo repeats a call with a conflict within two seconds.
KEEP_OFF_S = 3
#: Most operations that `cancel` itself closes; a lane closes those of a larger job.
CLOSED_AT_ONCE = 10_000


def lock_for_change(job, allowed, refusal):
    """Check the caller, lock a job until the end of the transaction, and check its state.

    :param job: one job, in the caller's environment
    :param allowed: states in which the change is possible
    :param str refusal: error message for other states. It is translated, so the caller checks the context before making it
    :returns: the job in a superuser environment
    :raises AccessError, MissingError: see `check_visible`
    :raises UserError: the state is not allowed, or the calling code is run by the job itself
    :raises psycopg2.errors.SerializationFailure: another transaction changed the job since this one began
    """
    check_visible(job)
    check_outside(job)
    job = job.sudo()
    _lock(job.env, job.id)
    job.invalidate_recordset()
    if job.state not in allowed:
        raise UserError(refusal)
    return job


def lock_for_write(jobs):
    """Lock jobs before the ORM writes them: lanes write their rows too, and a conflict must arise where it is not logged.

    :param jobs: recordset of `batch.job`, in a superuser environment
    :raises MissingError: one does not exist
    :raises psycopg2.errors.SerializationFailure: as `lock_for_change`
    """
    for job in jobs.sorted("id"):  # always in the same order, so that two of these calls can't deadlock
        _lock(job.env, job.id)


def _lock(env, job_id):
    try:
        job = lock_job(env.cr, job_id)
    except psycopg2.errors.SerializationFailure:
        _keep_lanes_off(env.registry, job_id)
        raise
    if job is None:  # the superuser's access to it is not checked, so nothing has missed it before
        raise MissingError(env._("There is no such batch job."))
    if job.steered_until:
        change.let_lanes_back(env.cr, job_id)


def _keep_lanes_off(registry, job_id):
    """Stop claims in a job for `KEEP_OFF_S`, so that the repeated call can lock its row.

    A claim may write the job's row. In a busy job it would do so after the snapshot of every repeated call, and each of them
    would fail with a conflict.
    """
    with registry.cursor() as cr:
        cr.connection.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
        change.keep_lanes_off(cr, job_id, KEEP_OFF_S)


def cancel(env, job):
    """Cancel a locked job: no further chunk starts.

    The call itself cancels a limited number of waiting chunks. Lanes cancel the others in steps, finish the job and tell of its end.

    :param job: the record, in a superuser environment of the caller
    """
    cr, job_id = env.cr, job.id
    if not job.cancel_requested_at:
        log(job, env._("Cancelled."))
    ending.request_stop(cr, job_id, user_id=env.uid)
    # if a lane claims one of these chunks at the same moment, the call must not fail: lanes cancel the rest
    with suppress(psycopg2.errors.SerializationFailure), cr.savepoint():
        is_over = _cancel_waiting(cr, job_id)
        advance.count(env, job_id)
        if is_over:
            advance.finish(env, job_id)
    job = read_job(cr, job_id)
    if job.state not in states.JOB_FINAL:
        change.let_lanes_cancel(cr, job_id)
        advance.notify(env, job_id)
    wake_lanes(env, 1)  # to cancel the rest, to run the job's action, or to tell of the end


def _cancel_waiting(cr, job_id):
    """Cancel chunks that have not started, up to the limit of one call.

    :returns: whether nothing is left to cancel or to run, and the job can be finished here
    """
    job = read_job(cr, job_id)
    if job.reopening or ending.cancel_waiting(cr, job_id):
        return False
    return job.total_operations <= CLOSED_AT_ONCE and not any(ending.unfinished(cr, job_id))


def pause(env, job):
    """Pause a locked job: no further chunk starts until it is resumed.

    :param job: the record, in a superuser environment of the caller
    """
    job_id = job.id
    if job.state != states.PAUSED:
        log(job, env._("Paused."))
    change.pause(env.cr, job_id)
    advance.count(env, job_id)
    _pending, running, _waiting = ending.unfinished(env.cr, job_id)
    if not running:
        clock.stop_clock(env.cr, job_id)
    advance.notify(env, job_id)
    wake_lanes(env, 1)


def resume(env, job):
    """Resume a locked job if it is paused; otherwise do nothing.

    :param job: the record, in a superuser environment of the caller
    """
    if job.state == states.PAUSED:
        log(job, env._("Resumed."))
        change.resume(env.cr, job.id)
        _enqueue(env, job.id)
        wake_lanes(env, job.max_concurrency)


def _enqueue(env, job_id):
    """Put a job into the queue, and tell the browsers of its submitter."""
    if queue.enqueue(env.cr, job_id):
        send_progress(env, job_id)


def run_now(env, job):
    """Let a locked job that waits for its time start at once; a paused one, as soon as it is resumed.

    :param job: the record, in a superuser environment of the caller
    """
    log(job, env._("Set to run now."))
    change.run_now(env.cr, job.id)
    if job.state != states.PAUSED:
        _enqueue(env, job.id)
        wake_lanes(env, job.max_concurrency)


def start(env, job):
    """Queue a locked draft.

    :param job: the record, in a superuser environment of the caller
    """
    log(job, env._("Started."))
    change.start(env.cr, job.id)
    _enqueue(env, job.id)
    wake_lanes_for(env, job.run_at, job.max_concurrency)
