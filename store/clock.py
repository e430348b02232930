"""The time a job was worked on: from its first claim to its end, without pauses, without the time between end and retry, and
without the time in which all its chunks waited to be tried again.

It is the sum of stretches. A stretch begins with a claim (`store.claim`). It ends when the job ends (`store.finish`), or when its
last running chunk ends while the others may not run yet. `worked_since` is the start of the present stretch, `worked_s` the sum
of the earlier ones in seconds.
"""

from odoo.tools import SQL

from .sql import NOW

#: Seconds since the start of the present stretch; 0 outside a stretch, or if the system clock was set back.
STRETCH_S = SQL("coalesce(greatest(extract(epoch FROM %s - worked_since), 0), 0)::float", NOW)
#: Assignments that end the present stretch.
STOP_CLOCK = SQL("worked_s = worked_s + %s, worked_since = NULL", STRETCH_S)


def stop_clock(cr, job_id):
    """End the present stretch, if there is one."""
    cr.execute(SQL("UPDATE batch_job SET %s WHERE id = %s AND worked_since IS NOT NULL", STOP_CLOCK, job_id))


def stop_clock_of_lost(cr, job_id, claimed_at):
    """End the present stretch of a job whose worker was lost, at its last sign of life; not where other chunks run.

    Nobody knows when a worker was killed. Without this, the hours until a server is started again would count as work.

    :param datetime claimed_at: when the lost chunk was claimed
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET worked_s = worked_s
                        + greatest(extract(epoch FROM greatest(progress_at, %(claimed_at)s) - worked_since), 0)::float,
                   worked_since = NULL
             WHERE id = %(id)s
               AND worked_since IS NOT NULL
               AND (
                    SELECT true
                      FROM batch_chunk
                     WHERE job_id = %(id)s
                       AND state = 'running'
                     ORDER BY claimed_at  -- the order of the index, else PostgreSQL may read the whole table
                     LIMIT 1
               ) IS NULL
            """,
            id=job_id,
            claimed_at=claimed_at,
        )
    )
