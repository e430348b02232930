"""Retrying a job: what has failed or was cancelled runs again, under the same job. In the caller's transaction."""

from ..store import queue, rerun
from ..store.job import read_job
from ..store.planning import by_index
from ..store.retry_counters import open_again
from . import advance, reopen
from .wake import wake_lanes


def retry_job(env, job_id):
    """Retry a (locked) final job: put back what one step of `run.reopen` takes on; lanes go on.

    :param env: the superuser's
    """
    _open_again(env, job_id)
    with by_index(env.cr):
        reopen.step(env, job_id)


def retry_failures(env, job_id, failures):
    """Run just these failed records of a (locked) final job again; a job in one transaction runs again as a whole.

    :param env: the superuser's
    :param dict failures: chunk id -> ids of its failures that are meant
    """
    job = _open_again(env, job_id)
    with by_index(env.cr):
        if job.is_atomic:
            reopen.step(env, job_id)
        else:
            reopen.reopen_failures(env, job_id, failures)


def _open_again(env, job_id):
    """Make a final job a pending one whose chunks are still to be put back; returns its row."""
    advance.count(env, job_id)  # an action that has just run is known to have run
    open_again(env.cr, job_id)
    job = read_job(env.cr, job_id)
    if job.is_atomic:
        rerun.reset_counters(env.cr, job_id)
    queue.enqueue(env.cr, job_id)
    wake_lanes(env, job.max_concurrency)
    return job
