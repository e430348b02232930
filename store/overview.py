"""What lanes do, what Odoo's scheduler does, and which chunks of a job ran when. Each reads a limited number of rows."""

from odoo.tools import SQL

from .chunk_row import WORK_GROUP, WORK_KEY
from .planning import by_index, rows_of
from .sql import NOW, fetch, fetch_dicts

#: Most lanes, and most running chunks, that are told.
MOST_LANES = 100
#: Runs of scheduled actions among which the last of each lane is looked for; no index has those of one in order. Of lanes that have no
#: run there, `lastcall` tells.
RUNS_READ = 1_000
#: The keys of all work locks that workers hold. PostgreSQL shows the first one, of their group, as a number without a sign.
WORK_LOCKS = SQL(
    """
    SELECT objid::bigint AS work_key
      FROM pg_locks
     WHERE locktype = 'advisory'
       AND objsubid = 2  -- of two keys
       AND classid::bigint = %s
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """,
    WORK_GROUP % 2**32,
)


def running_chunks(cr):
    """Chunks that lanes have claimed, those whose workers are gone included.

    :returns: dicts with id, job_id, worker, type, model, record_count, attempt, running_s, and is_alive: its worker holds its lock
    """
    query = SQL(
        """
          WITH held AS MATERIALIZED (%(held)s)
        SELECT chunk.id, chunk.job_id, chunk.worker, chunk.kind, chunk.operation_type, chunk.model, chunk.record_count, chunk.attempt,
               greatest(extract(epoch FROM %(now)s - chunk.claimed_at), 0)::float AS running_s,
               EXISTS (SELECT 1 FROM held WHERE held.work_key = %(key)s) AS is_alive
          FROM batch_chunk AS chunk
         WHERE chunk.state = 'running'
         ORDER BY chunk.job_id, chunk.claimed_at
         LIMIT %(limit)s
        """,
        held=WORK_LOCKS,
        now=NOW,
        key=WORK_KEY,
        limit=MOST_LANES,
    )
    with by_index(cr):
        return fetch_dicts(cr, query)


def lanes(cr):
    """The lanes, archived ones included, as Odoo's scheduler sees them.

    :returns: dicts with id, name, active, is_failing, unseen_s (since its last run began or ended; None: never), and overdue_s (since
        it should have run; negative: in the future)
    """
    query = SQL(
        """
          WITH progress AS MATERIALIZED (
            SELECT cron_id, max(create_date) AS create_date
              FROM (SELECT cron_id, create_date FROM ir_cron_progress ORDER BY id DESC LIMIT %(runs)s) AS run
             GROUP BY cron_id
          )
        SELECT cron.id,
               cron.active IS TRUE AS active,
               cron.failure_count > 0 AS is_failing,
               extract(epoch FROM %(now)s - greatest(cron.lastcall, progress.create_date))::float AS unseen_s,
               extract(epoch FROM %(now)s - least(cron.nextcall, trigger.call_at))::float AS overdue_s
          FROM ir_cron AS cron
          LEFT JOIN progress ON progress.cron_id = cron.id
          LEFT JOIN LATERAL (
            SELECT min(call_at) AS call_at FROM ir_cron_trigger WHERE cron_id = cron.id
          ) AS trigger ON true
         WHERE cron.is_batch_lane
         ORDER BY cron.id
         LIMIT %(limit)s
        """,
        now=NOW,
        runs=RUNS_READ,
        limit=MOST_LANES,
    )
    with by_index(cr):  # PostgreSQL may have counted the runs when there were few
        return fetch_dicts(cr, query)


def has_work(cr):
    """Whether a job is in the queue, or waits for its limit."""
    query = SQL(
        """
        SELECT coalesce(
            (SELECT true FROM batch_job WHERE ready ORDER BY priority DESC, queue_position, id LIMIT 1),
            (
                SELECT true
                  FROM batch_job
                 WHERE waits_for_limit
                   AND NOT ready
                 ORDER BY limit_id, priority DESC, queue_position, id
                 LIMIT 1
            )
        )
        """
    )
    return bool(fetch(cr, query)[0][0])


def scheduler(cr):
    """Odoo's scheduler as a whole.

    :returns: `(seconds since it ran anything, or None; whether it rests because modules change)`
    """
    query = SQL(
        """
        SELECT extract(epoch FROM %s - greatest(
                    (SELECT max(lastcall) FROM ir_cron),
                    (SELECT create_date FROM ir_cron_progress ORDER BY id DESC LIMIT 1)
               ))::float,
               EXISTS (SELECT 1 FROM ir_module_module WHERE state IN ('to install', 'to upgrade', 'to remove'))
        """,
        NOW,
    )
    [row] = fetch(cr, query)
    return row


def timeline(cr, job_id, limit):
    """The chunks of a job that were claimed last, as far as few rows tell.

    No index has their order. Chunks run about in the order of their ids, so these are looked at: the last ones before the first that
    waits, the last ones of all (those that retries and halving have added), and those that run.

    :param int limit: most chunks, and most rows of each kind that are looked at
    :returns: dicts with id, worker, kind, state, attempt, record_count, processed_records, failed_records, duration, and `started_s`,
        `ended_s`: seconds ago, the latter None while it runs; the last claimed first
    """
    columns = SQL(
        "id, worker, kind, state, attempt, record_count, processed_records, failed_records, duration, claimed_at, finished_at"
    )
    query = SQL(
        """
          WITH looked_at AS (
            (SELECT %(columns)s FROM batch_chunk WHERE %(before_waiting)s ORDER BY job_id DESC, id DESC LIMIT %(limit)s)
             UNION
            (SELECT %(columns)s FROM batch_chunk WHERE %(own)s ORDER BY job_id DESC, id DESC LIMIT %(limit)s)
             UNION
            (
                SELECT %(columns)s
                  FROM batch_chunk
                 WHERE job_id = %(job)s
                   AND state = 'running'
                 ORDER BY claimed_at
                 LIMIT %(limit)s
            )
          )
        SELECT id, worker, kind, state, attempt, record_count, processed_records, failed_records, duration,
               greatest(extract(epoch FROM %(now)s - claimed_at), 0)::float AS started_s,
               greatest(extract(epoch FROM %(now)s - finished_at), 0)::float AS ended_s
          FROM looked_at
         WHERE claimed_at IS NOT NULL
           AND (finished_at IS NOT NULL OR state = 'running')
         ORDER BY claimed_at DESC, id DESC
         LIMIT %(limit)s
        """,
        columns=columns,
        before_waiting=SQL(
            """
            job_id >= %(job)s AND (job_id, id) < (%(job)s, coalesce((
                SELECT id FROM batch_chunk WHERE job_id = %(job)s AND state = 'pending' ORDER BY sequence, id LIMIT 1
            ), 0))
            """,
            job=job_id,
        ),
        own=rows_of("job_id", job_id),
        job=job_id,
        now=NOW,
        limit=limit,
    )
    with by_index(cr):
        return fetch_dicts(cr, query)
