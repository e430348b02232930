"""Move a job forward: count its settled chunks, release chunks that waited for them, and set its final state.

Everything here runs in short transactions that hold the lock of the job's row. `env` is a superuser environment.
"""

import json
import logging

from ..engine import metrics, states
from ..engine.failure_limit import most_failures
from ..engine.forecast import newer_origin, run_records, worked_s
from ..engine.pace import with_point
from ..engine.payload import dumps
from ..store import clock, progress, queue, release
from ..store import finish as ending
from ..store.job import read_job
from ..store.metrics import count_up
from . import reopen
from .callback import insert_action_chunk
from .numbers import stopped
from .status import send_progress, utc_now
from .trace import of_job
from .webhook import store_end

_logger = logging.getLogger(__name__)


# -- counting --------------------------------------------------------------------------------------


def count(env, job_id):
    """Count settled chunks into their operations and the job, each chunk once; release the chunks that waited for them.

    The time of the count is stored even if there was nothing to count, so that the next regular count is not due at once.

    :param int job_id: id of a locked job
    :returns: number of chunks released
    """
    counted, released = _count_all(env, job_id)
    if not counted:
        progress.postpone_count(env.cr, job_id)
    return released


def count_again(env, job_id):
    """Count the chunks settled since `count`, in the same transaction; returns the number of chunks released."""
    _counted, released = _count_all(env, job_id)
    return released


def _count_all(env, job_id):
    counted = released = 0
    while chunks := progress.mark_counted(env.cr, job_id):
        released += _count_chunks(env, job_id, chunks)
        counted += len(chunks)
        if len(chunks) < progress.COUNTED_AT_ONCE:
            break
    return counted, released


def _count_chunks(env, job_id, chunks):
    """Add chunks that were just marked as counted to all counters; returns the number of chunks released."""
    cr = env.cr
    ended, awaited = progress.add_to_operations(cr, chunks)
    job, points, is_watched = progress.add_to_job(cr, job_id, chunks, ended)
    count_up(cr, metrics.of_chunks(chunks, job.is_atomic))
    for chunk in chunks:
        if chunk["kind"] == states.CALLBACK and chunk["state"] == states.DONE:
            ending.set_called_back(cr, job_id, chunk["error"])
    if not job.is_atomic:
        _keep_pace(cr, job, max(chunk["duration"] or 0.0 for chunk in chunks))
        _keep_history(cr, job, points)
    if is_watched:
        send_progress(env, job_id)
    awaited += [id_ for chunk in chunks for id_ in chunk["ended_ids"] or ()]
    ordered = {chunk["operation_id"] for chunk in chunks if chunk["round_no"] is not None}
    return release.release_waiting(cr, job_id, awaited) + release.release_rounds(cr, job_id, ordered)


def _keep_pace(cr, job, chunk_s):
    """Move the start of the job's pace measurement forward, so that recent chunks weigh more.

    :param JobRow job: the job as it is now
    :param float chunk_s: seconds of the longest of the chunks just counted
    """
    origin = newer_origin((job.paced_records, job.paced_s), run_records(job), worked_s(job, utc_now()), chunk_s)
    if origin:
        progress.set_pace_origin(cr, job.id, *origin)


def _keep_history(cr, job, points):
    """Add a point to the history of the job's pace, if it is time for one: this becomes rare as the job grows older.

    :param JobRow job: the job as it is now
    :param str points: the history as JSON, or None
    """
    points = with_point(json.loads(points or "[]"), worked_s(job, utc_now()), run_records(job))
    if points:
        progress.set_pace_points(cr, job.id, dumps(points))


# -- moving on -------------------------------------------------------------------------------------


def advance(env, job_id):
    """Do the next step in a locked job in which nothing can be claimed: put back, cancel, release, park or finish.

    A step that concerns many chunks handles a limited number of them. The job then stays in the queue, and the next call
    continues.

    :param int job_id: id of a locked job
    :returns: whether a chunk may be claimable now
    """
    cr = env.cr
    if read_job(cr, job_id).reopening and not reopen.step(env, job_id):
        return False
    released = count(env, job_id)
    job = read_job(cr, job_id)
    is_stopping = stop_if_over_limit(env, job)
    if is_stopping and ending.cancel_waiting(cr, job_id):
        return False
    has_looked = job.releasing and not is_stopping
    if has_looked:
        release.release_step(cr, job)
        if job.releasing:
            return False
    # read before the last count, so that a chunk settled between the two is not missed
    pending, running, waiting = ending.unfinished(cr, job_id)
    released += count_again(env, job_id)
    job = read_job(cr, job_id)
    if job.releasing and not is_stopping:
        return False
    may_start = not is_stopping and job.state != states.PAUSED
    if may_start and waiting and not (pending or running or released or job.is_atomic):
        return _look_for_forgotten(env, job, has_looked)
    if may_start and (released or (has_looked and pending)):
        return True
    if pending or running or waiting:
        if not running:  # paused, or all that is left waits to be tried again
            clock.stop_clock(cr, job_id)
        queue.park(cr, job_id)
    elif job.finished_at:
        queue.leave(cr, job_id)  # already finished, and its action has run
    else:
        finish(env, job_id)
    return False


def _look_for_forgotten(env, job, has_looked):
    """Handle a job whose remaining chunks all wait although nothing is pending or running that could release them.

    :param JobRow job: the job as it is now
    :param bool has_looked: whether a release has just gone through all operations; if so, the job is stopped with an error
    :returns: whether a chunk may be claimable now
    """
    if not has_looked:
        release.start_releasing(env.cr, job.id)
    else:
        _logger.error("job %s: its remaining chunks wait for operations that can't be run", job.id)
        message = env._("Internal error: the remaining records waited for operations that could not be run.")
        ending.request_stop(env.cr, job.id, message)
    return advance(env, job.id)


def stop_if_over_limit(env, job):
    """Stop a job that is over its limit of failures.

    Never a finished job, which only runs its action, nor one in which a retry puts records back. A job in one transaction applies its
    limit of failures itself.

    :param JobRow job: the locked job as it is now
    :returns: whether no further chunk of the job may start, because it was stopped now or before
    """
    if job.finished_at or job.reopening:
        return False
    failed = job.failed_records - job.earlier_failures
    limit = most_failures(job.max_failures, job.max_failures_share, job.total_records)
    if job.cancel_requested_at or failed <= limit or job.is_atomic:
        return bool(job.cancel_requested_at)
    ending.request_stop(env.cr, job.id, stopped(env, job.failed_records, job.max_failures, job.max_failures_share))
    return True


# -- the end ---------------------------------------------------------------------------------------


def finish(env, job_id):
    """Set the final state of a job whose chunks are all settled and counted; store the chunk of its action, if it has one.

    :param int job_id: id of a locked job
    """
    cr = env.cr
    ending.wait_for_disk(cr)
    ending.close_operations(cr, job_id)
    job = read_job(cr, job_id)
    if job.is_atomic:
        ending.count_whole(cr, job_id)
        job = read_job(cr, job_id)
    was_cancelled = job.cancel_requested_at and not job.error and (job.cancelled_records or not job.total_records)
    state = states.job_state(
        total=job.total_records,
        processed=job.processed_records,
        failed=job.failed_records,
        cancelled=bool(was_cancelled),
    )
    has_action = bool(job.on_complete_id and not job.called_back_at)
    ending.finish(cr, job_id, state, has_action)
    if job.webhook_id:
        store_end(env, job)
    count_up(cr, {metrics.key("jobs_ended", state): 1})
    if has_action:
        insert_action_chunk(cr, job_id)
    _logger.info(
        "job %s (%s) is %s: %s of %s records succeeded, %s failed",
        job_id,
        job.name,
        state,
        job.processed_records,
        job.total_records,
        job.failed_records,
        extra=of_job(job.id, traceparent=job.traceparent),
    )
    notify(env, job_id)


def notify(env, job_id):
    """Send the job's status to the submitter's open browsers, if there are any; sent when this transaction commits."""
    if progress.is_watched(env.cr, job_id):
        send_progress(env, job_id)


def show_progress(env, job_id, processed, failed):
    """Store and send the progress of a job that runs in one transaction.

    :param int processed: records that have succeeded so far
    :param int failed: records that have failed so far
    :returns: False if the job was cancelled meanwhile
    """
    progress.show_progress(env.cr, job_id, processed, failed)
    notify(env, job_id)
    return not read_job(env.cr, job_id).cancel_requested_at
