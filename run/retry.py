"""Retry a job: its failed and cancelled records run again, in the same job. All in the caller's transaction."""

from odoo.exceptions import UserError

from ..store import queue, rerun
from ..store.job import read_job
from ..store.planning import by_index
from ..store.retry_counters import open_again
from . import advance, reopen
from .log import log
from .origin import refuse_retry
from .status import send_progress
from .wake import wake_lanes


def retry_job(env, job_id):
    """Retry a locked final job: make the first step of `run.reopen`; lanes make the others.

    :param env: a superuser environment of the caller
    :param int job_id: id of the job
    :raises UserError: the job is in one transaction, which has been committed
    """
    job = read_job(env.cr, job_id)
    text = env._(
        "Retried: %(failed)s failed, %(cancelled)s not run.", failed=job.failed_records, cancelled=job.cancelled_records
    )
    log(env["batch.job"].browse(job_id), text)
    _open_again(env, job_id)
    with by_index(env.cr):
        reopen.step(env, job_id)


def retry_chosen(env, job_id):
    """Run only the failures of a locked final job that were chosen last again (see `store.chosen`).

    As `retry_job`; a job in one transaction runs again as a whole.

    :param env: a superuser environment
    :param int job_id: id of the job
    :raises UserError: the job is in one transaction, which has been committed
    """
    _open_again(env, job_id, chosen_only=True)
    with by_index(env.cr):
        reopen.step(env, job_id)


def _open_again(env, job_id, chosen_only=False):
    """Set a final job back to pending, queue it and wake lanes. Its chunks are put back afterwards.

    :param bool chosen_only: run only the failures again that were chosen last
    :raises UserError: it must not run again
    """
    refuse_retry(env["batch.job"].browse(job_id))
    _refuse_committed(env, read_job(env.cr, job_id))
    advance.count(env, job_id)  # so that an action that has just run is stored as run
    open_again(env.cr, job_id, chosen_only)
    job = read_job(env.cr, job_id)
    if job.is_atomic:
        rerun.reset_counters(env.cr, job_id)
    if queue.enqueue(env.cr, job_id):
        send_progress(env, job_id)
    wake_lanes(env, job.max_concurrency)


def _refuse_committed(env, job):
    """Raise if a job in one transaction has records that were not rolled back: its retry would run them twice.

    This should not occur, except where user code has committed in spite of the guard.

    :param JobRow job: the locked job
    :raises UserError: as said
    """
    if job.is_atomic and not job.dry_run and job.processed_records:
        raise UserError(
            env._(
                "This job can't be retried: it would run all its records again, and %s of them have been committed. "
                "Submit the others anew.",
                job.processed_records,
            )
        )
