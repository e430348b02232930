"""Changes of a job's row by the verbs start, pause, resume and cancel.

The caller has locked the job, except for `keep_lanes_off`.
"""

from odoo.tools import SQL

from .job import update_job
from .sql import NOW, seconds


def keep_lanes_off(cr, job_id, for_s):
    """Keep lanes from claiming chunks of a job.

    :param for_s: seconds
    """
    update_job(cr, job_id, SQL("steered_until = %s + %s", NOW, seconds(for_s)))


def let_lanes_back(cr, job_id):
    """Undo `keep_lanes_off`."""
    update_job(cr, job_id, SQL("steered_until = NULL"))


def start(cr, job_id):
    """Turn a draft into a pending job."""
    update_job(cr, job_id, SQL("state = 'pending', awaited_since = %s", NOW))


def run_now(cr, job_id):
    """Let a job that waits for its time start at once."""
    update_job(cr, job_id, SQL("run_at = now() AT TIME ZONE 'UTC'"))


def set_pace(cr, job_id, priority, max_concurrency):
    """Change how urgent a job is, and how many of its chunks may be in flight. Each claim reads both anew."""
    update_job(cr, job_id, SQL("priority = %s, max_concurrency = %s", priority, max_concurrency))


def pause(cr, job_id):
    """Pause a job. It stays in the queue until a lane has counted the chunks that are still in flight."""
    update_job(cr, job_id, SQL("state = 'paused', ready = true, wake_at = NULL"))


def resume(cr, job_id):
    """Set the state of a paused job to pending or running."""
    update_job(cr, job_id, SQL("state = CASE WHEN started_at IS NULL THEN 'pending' ELSE 'running' END"))


def let_lanes_cancel(cr, job_id):
    """Put a job that is to be cancelled into the queue, so that lanes cancel its waiting chunks.

    A paused job becomes running; a draft becomes pending, so that nothing more is added to it.
    """
    assignments = SQL(
        """
        ready = true, wake_at = NULL,
        state = CASE state WHEN 'paused' THEN 'running' WHEN 'draft' THEN 'pending' ELSE state END
        """
    )
    update_job(cr, job_id, assignments)
