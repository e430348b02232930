"""What the verbs change in a job's row: start, pause, cancel. `clock.resume` lets a paused job go on.

Under the lock of the job.
"""

from odoo.tools import SQL

from .job import update_job
from .sql import NOW, seconds


def keep_lanes_off(cr, job_id, for_s):
    """Let lanes claim nothing in a job for so many seconds."""
    update_job(cr, job_id, SQL("steered_until = %s + %s", NOW, seconds(for_s)))


def let_lanes_back(cr, job_id):
    """End what `keep_lanes_off` has begun."""
    update_job(cr, job_id, SQL("steered_until = NULL"))


def start(cr, job_id):
    """Make a draft a job that waits for its first claim."""
    update_job(cr, job_id, SQL("state = 'pending'"))


def pause(cr, job_id):
    """Pause a job. It stays in the queue until a lane has counted what was in flight."""
    update_job(cr, job_id, SQL("state = 'paused', ready = true, wake_at = NULL"))


def let_lanes_cancel(cr, job_id):
    """Have lanes cancel what waits in a job that is to stop: also in one that is paused, or a draft, which takes nothing more."""
    assignments = SQL(
        """
        ready = true, wake_at = NULL,
        state = CASE state WHEN 'paused' THEN 'running' WHEN 'draft' THEN 'pending' ELSE state END
        """
    )
    update_job(cr, job_id, assignments)
