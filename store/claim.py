"""Claims the next chunk: locks the first job in the queue, and takes its first chunk that may run.

Claims run in short transactions at READ COMMITTED. If another lane has just changed a row, PostgreSQL checks the new version,
where REPEATABLE READ would fail. A statement after the lock of the job sees everything committed before the lock.

`claim_fast` does both steps in one message to PostgreSQL. It takes nothing where the job needs housekeeping first, or has a limit: then
`run.claiming.claim_with_housekeeping` calls `lock_next_job` and `take_chunk`, and counts and advances the job in between.
"""

from functools import lru_cache
from types import MappingProxyType

from odoo.tools import SQL

from ..engine import sizing
from .chunk_row import CHUNK_COLUMNS, JOB_COLUMNS, read_claim
from .cut import cut_to_size, needs_cutting
from .limit import take_share
from .prepared import fetch_prepared
from .sql import NOW, seconds

#: Least seconds between two updates of a running job's counters, whichever lanes make them.
PROGRESS_EVERY_S = 1.0
#: Seconds after which lanes look again at a job whose action was claimed, in case its lane never reports the result.
CALLBACK_LOOK_S = 600
#: Most chunks that a claim skips because their groups are in flight.
LOOK_AHEAD = 500
#: Whether settled chunks must be counted before a chunk is taken: after `PROGRESS_EVERY_S`; at each claim where failures are
#: limited; and at each claim in strict order while chunks wait for others, because none may be skipped once it can run.
COUNT_DUE = SQL(
    """
    max_failures >= 0
    OR max_failures_share > 0
    OR coalesce(progress_at, started_at) < %s - %s
    OR max_concurrency = 1 AND (
        SELECT true
          FROM batch_chunk
         WHERE job_id = batch_job.id
           AND state IN ('blocked', 'held')
         ORDER BY sequence, id
         LIMIT 1
    )
    """,
    NOW,
    seconds(PROGRESS_EVERY_S),
)
#: Queue position of the first other job with the priority of `job`; NULL where there is none.
NEXT_POSITION = SQL(
    """
    SELECT other.queue_position
      FROM batch_job AS other
     WHERE other.ready
       AND other.priority = job.priority
       AND other.id <> job.id
     ORDER BY other.queue_position, other.id
     LIMIT 1
    """
)
#: Id of the job that an earlier statement of the same transaction has locked.
LOCKED_JOB = SQL("nullif(current_setting('batch_executor.job'), '')::integer")


def claim_fast(cr, worker, signals, known):
    """Take the next chunk in one message to PostgreSQL, if no housekeeping is due. This covers nearly every claim.

    :param cr: a cursor in autocommit mode: the message is one transaction
    :param str worker: name of the worker, for people
    :param SQL signals: the sequence numbers of registry and cache invalidations
    :param tuple known: the same numbers as this process knows them; nothing is taken where they differ
    :returns: a `Claim`, already committed; None where nothing was taken
    :raises ChunkBroken: the chunk can't be read
    """
    rows = fetch_prepared(cr, *_fast_statements(worker, signals, known))
    return read_claim(rows[0]) if rows else None


def lock_next_job(cr, signals, looked_at):
    """Lock the first job in the queue.

    :param SQL signals: the sequence numbers of registry and cache invalidations
    :param list looked_at: ids of jobs to leave out, because this claim has found nothing in them
    :returns: a dict with `id`, `limit_id`, `max_failures`, `max_failures_share`, `is_count_due` and `signals`; None where there is no other job
    """
    limits = SQL("limit_id, max_failures, coalesce(max_failures_share, 0) AS max_failures_share")
    columns = SQL("id, %s, %s AS is_count_due, %s AS signals", limits, COUNT_DUE, signals)
    rows = fetch_prepared(cr, _lock_next(columns, looked_at))
    return rows[0] if rows else None


def take_chunk(cr, job_id, worker, signals, lanes=1, paces=MappingProxyType({}), room=None):
    """Mark the first chunk of a locked job that may run now as running; cut it to size where the engine chooses the size.

    :param int job_id: a job that an earlier statement of this transaction has locked
    :param str worker: name of the worker, for people
    :param SQL signals: the sequence numbers of registry and cache invalidations
    :param int lanes: lanes that probably share the job, this one included
    :param dict paces: seconds per record of the lane's last chunks, by `Claim.lesson_key`
    :param Room room: of the limit of the job, which is locked; None where it has none
    :returns: `(Claim, sequence numbers)`; None where there is no such chunk
    :raises ChunkBroken: the chunk can't be read
    """
    rows = fetch_prepared(cr, _take(worker, SQL("%s", job_id), signals))
    if not rows:
        return None
    [row] = rows
    if needs_cutting(row):
        cut_to_size(cr, row, lanes, paces)
    if room:
        take_share(cr, row, room, paces)
    return read_claim(row), row["signals"]


@lru_cache(maxsize=64)
def _fast_statements(worker, signals, known):
    lock = SQL("SELECT set_config('batch_executor.job', coalesce((%s)::text, ''), true)", _lock_next(SQL("id")))
    condition = SQL("AND limit_id IS NULL AND (%s) IS NOT TRUE AND %s = %s::integer[]", COUNT_DUE, signals, list(known))
    # other chunks of max_chunk_size 0 need housekeeping: they are cut to size by further statements
    fitting = SQL("(record_count <= %s OR (SELECT max_chunk_size > 0 FROM picked))", sizing.SIZES[0])
    # nothing is to be returned of the signals: the condition has compared them, in the same snapshot
    return lock, _take(worker, LOCKED_JOB, SQL("NULL"), condition, fitting)


def _lock_next(columns, looked_at=()):
    """The statement that locks the first job in the queue.

    NO KEY UPDATE lets failures and messages be stored with a reference to the job. SKIP LOCKED sends lanes that claim at
    the same time to different jobs.

    :param SQL columns: the columns to return
    :param looked_at: ids of jobs to leave out
    """
    return SQL(
        """
        SELECT %(columns)s
          FROM batch_job
         WHERE ready
           AND NOT id = ANY(%(looked_at)s::integer[])
           AND (steered_until IS NULL OR steered_until < %(now)s)
         ORDER BY priority DESC, queue_position, id
         LIMIT 1
           FOR NO KEY UPDATE SKIP LOCKED
        """,
        columns=columns,
        looked_at=list(looked_at),
        now=NOW,
    )


def _take(worker, job, signals, condition=None, fitting=None):
    """The statement that takes the first chunk of a job that may run now, and moves the job back in the queue.

    In strict order (`max_concurrency` 1) no chunk may overtake one whose `run_at` has not come yet.

    `in_flight` has an order and a limit so that PostgreSQL uses its index. With outdated statistics, from a time when nearly
    all chunks were running, it would read all chunks of the job instead.

    :param SQL job: id of a job that an earlier statement of this transaction has locked, so that `in_flight` is up to date
    :param SQL signals: the sequence numbers of registry and cache invalidations, to be returned with the chunk
    :param SQL condition: on the job, without which nothing is taken; starts with AND
    :param SQL fitting: on the chunk, without which it is not taken, and none after it
    """
    return SQL(
        """
          WITH picked AS MATERIALIZED (
            SELECT %(job_columns)s,
                   CASE WHEN is_atomic THEN 1 ELSE max_concurrency END AS in_flight_limit
              FROM batch_job
             WHERE id = %(job)s
               AND state <> 'paused'
               AND reopening IS NOT TRUE
               AND releasing IS NOT TRUE
               AND (cancel_requested_at IS NULL OR finished_at IS NOT NULL)
               %(condition)s
          ),
          in_flight AS MATERIALIZED (
            SELECT group_keys, runs_alone
              FROM batch_chunk
             WHERE job_id = (SELECT job_id FROM picked)
               AND state = 'running'
             ORDER BY claimed_at
             LIMIT (SELECT in_flight_limit FROM picked)
          ),
          -- the last chunk to look at, in case all chunks before it belong to groups in flight
          edge AS (
            (
                SELECT sequence, id
                  FROM batch_chunk
                 WHERE job_id = (SELECT job_id FROM picked)
                   AND state = 'pending'
                   AND (SELECT count(group_keys) > 0 FROM in_flight)
                 ORDER BY sequence, id
                OFFSET %(look_ahead)s
                 LIMIT 1
            )
            UNION ALL
            SELECT 'infinity', 2147483647
             LIMIT 1
          ),
          -- a chunk that keeps conflicting with others of its job: no other starts until it has run alone
          lonely AS MATERIALIZED (
            SELECT id, %(fitting)s AS fits
              FROM batch_chunk
             WHERE job_id = (SELECT job_id FROM picked)
               AND state = 'pending'
               AND runs_alone
             ORDER BY sequence, id
             LIMIT 1
               FOR NO KEY UPDATE SKIP LOCKED
          ),
          -- the first chunk that may run: by its groups, the limit of the job, and chunks that run alone
          candidate AS (
            SELECT id, coalesce(run_at > now() AT TIME ZONE 'UTC', false) AS is_early, %(fitting)s AS fits
              FROM batch_chunk
             WHERE job_id = (SELECT job_id FROM picked)
               AND state = 'pending'
               AND (
                    run_at IS NULL
                    OR run_at <= now() AT TIME ZONE 'UTC'
                    OR (SELECT max_concurrency = 1 FROM picked)
               )
               AND (group_keys IS NULL OR NOT group_keys && coalesce((
                        SELECT array_agg(mark) FROM in_flight, unnest(in_flight.group_keys) AS mark
                   ), '{}'))
               AND (sequence, id) <= (SELECT sequence, id FROM edge)
               AND (SELECT count(*) FROM in_flight) < (SELECT in_flight_limit FROM picked)
               AND (SELECT count(*) = 0 FROM lonely)
               AND (SELECT bool_or(runs_alone) IS NOT TRUE FROM in_flight)
             ORDER BY sequence, id
             LIMIT 1
               FOR NO KEY UPDATE SKIP LOCKED
          ),
          taken AS (
            SELECT id FROM candidate WHERE fits AND NOT is_early
             UNION ALL
            SELECT id FROM lonely WHERE fits AND (SELECT count(*) = 0 FROM in_flight)
          ),
          -- moved back by as many places as its user has jobs in the queue: users share the lanes evenly, and so do the jobs
          -- of a user. Counted from the place of the next job, so that a job that was parked for long does not make up for the
          -- turns it missed. The only job in the queue need not be moved.
          moved_back AS (
            UPDATE batch_job AS job
               SET queue_position = greatest(job.queue_position, coalesce((%(next_position)s), job.queue_position))
                        + (SELECT count(*) FROM batch_job AS own WHERE own.ready AND own.user_id = job.user_id),
                   state = CASE WHEN job.state = 'pending' THEN 'running' ELSE job.state END,
                   started_at = coalesce(job.started_at, %(now)s),
                   worked_since = CASE WHEN job.finished_at IS NULL THEN coalesce(job.worked_since, %(now)s) END,
                   -- a finished job has only its action left: no lane should lock it while that runs
                   ready = job.finished_at IS NULL,
                   wake_at = CASE WHEN job.finished_at IS NOT NULL THEN %(now)s + %(callback_look)s END
             WHERE job.id = (SELECT job_id FROM picked)
               AND (job.state = 'pending' OR job.worked_since IS NULL OR (%(next_position)s) IS NOT NULL)
               AND EXISTS (SELECT 1 FROM taken)
          )
        %(mark_running)s
          FROM picked
         -- no join: if the table was nearly empty when the plan was made, PostgreSQL might read all chunks
         WHERE chunk.id = (SELECT id FROM taken)
        RETURNING picked.*, %(columns)s, (SELECT count(*) FROM in_flight) AS in_flight, %(signals)s AS signals
        """,
        job_columns=JOB_COLUMNS,
        job=job,
        condition=condition or SQL(),
        fitting=fitting or SQL("true"),
        look_ahead=LOOK_AHEAD,
        next_position=NEXT_POSITION,
        now=NOW,
        callback_look=seconds(CALLBACK_LOOK_S),
        mark_running=mark_running(worker),
        columns=CHUNK_COLUMNS,
        signals=signals,
    )


def mark_running(worker):
    """The start of a statement that marks chunks as running; the caller adds a WHERE clause.

    The attempt is counted before it starts, so that work which kills its worker is not retried for ever.

    :param str worker: name of the worker, for people
    """
    return SQL(
        """
        UPDATE batch_chunk AS chunk
           SET state = 'running',
               attempt = attempt + 1,
               claims = claims + 1,
               worker = %s,
               claimed_at = %s,
               run_at = NULL
        """,
        worker,
        NOW,
    )
