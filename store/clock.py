"""The time a job was worked on: from its first claim to its end, without pauses and without the time between end and retry.

It is the sum of stretches. A stretch begins when a pending job becomes running (`store.claim`) or with `resume`. It ends when
the job ends (`store.finish`), or when the last running chunk of a paused job ends. `worked_since` is the start of the present
stretch, `worked_s` the sum of the earlier ones in seconds.
"""

from odoo.tools import SQL

from .job import update_job
from .sql import NOW

#: Seconds since the start of the present stretch; 0 outside a stretch, or if the system clock was set back.
STRETCH_S = SQL("coalesce(greatest(extract(epoch FROM %s - worked_since), 0), 0)::float", NOW)
#: Assignments that end the present stretch.
STOP_CLOCK = SQL("worked_s = worked_s + %s, worked_since = NULL", STRETCH_S)


def stop_clock(cr, job_id):
    """End the present stretch, if there is one."""
    cr.execute(SQL("UPDATE batch_job SET %s WHERE id = %s AND worked_since IS NOT NULL", STOP_CLOCK, job_id))


def resume(cr, job_id):
    """Set the state of a paused job to pending or running; a job that has started begins a new stretch."""
    assignments = SQL(
        """
        state = CASE WHEN started_at IS NULL THEN 'pending' ELSE 'running' END,
        worked_since = CASE WHEN started_at IS NOT NULL THEN coalesce(worked_since, %s) END
        """,
        NOW,
    )
    update_job(cr, job_id, assignments)
