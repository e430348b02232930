"""The time a job was worked on: from its first claim to its end, without pauses and without the wait for a retry.

A stretch of work begins with the claim that makes a pending job run (`store.claim`) or with `resume`. It ends with the job
(`store.finish`), or once nothing of a paused job runs any longer. `worked_since` is set during a stretch, `worked_s` is the
sum of those before.
"""

from odoo.tools import SQL

from .job import update_job
from .sql import NOW

#: Seconds since the present stretch of work began; 0 outside of one, and where the clock was set back.
STRETCH_S = SQL("coalesce(greatest(extract(epoch FROM %s - worked_since), 0), 0)::float", NOW)
#: Ends the present stretch.
STOP_CLOCK = SQL("worked_s = worked_s + %s, worked_since = NULL", STRETCH_S)


def stop_clock(cr, job_id):
    """End the present stretch of work, should there be one."""
    cr.execute(SQL("UPDATE batch_job SET %s WHERE id = %s AND worked_since IS NOT NULL", STOP_CLOCK, job_id))


def resume(cr, job_id):
    """Let a paused job go on; its clock goes on where it has been running before."""
    assignments = SQL(
        """
        state = CASE WHEN started_at IS NULL THEN 'pending' ELSE 'running' END,
        worked_since = CASE WHEN started_at IS NOT NULL THEN coalesce(worked_since, %s) END
        """,
        NOW,
    )
    update_job(cr, job_id, assignments)
