"""How the next chunk is chosen: lock the job whose turn it is, take its first chunk that may run.

These run in short transactions at READ COMMITTED: a row that another lane has just changed is then looked at again, where
REPEATABLE READ would fail; and what is asked after a job was locked sees all that was committed before that.

`claim_fast` does both steps in one message to PostgreSQL. It takes nothing where more is to be done first: then
`run.claiming.claim_with_housekeeping` calls `lock_next_job` and `take_chunk`, and counts and moves on the job in between.
"""

from functools import lru_cache

from odoo.tools import SQL

from .chunk_row import CHUNK_COLUMNS, JOB_COLUMNS, read_claim
from .cut import cut_to_size, needs_cutting
from .prepared import fetch_prepared
from .sql import NOW, seconds

#: Least seconds between two updates of a running job's counters, over all lanes.
PROGRESS_EVERY_S = 1.0
#: Seconds after which a job is looked at whose action has been started, should its lane not say what became of it.
CALLBACK_LOOK_S = 600
#: Chunks that a claim passes at most because their groups are in flight.
LOOK_AHEAD = 500
#: Whether settled chunks are to be counted before anything is taken. That is at each claim where failures are limited, and where
#: chunks run strictly in order and some wait for others: none of them may be passed once those are over.
COUNT_DUE = SQL(
    """
    max_failures >= 0
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
#: Position of the next job beside `job` with its priority; NULL where there is none.
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
#: The job that an earlier statement of the same transaction has locked.
LOCKED_JOB = SQL("nullif(current_setting('batch_executor.job'), '')::integer")


def claim_fast(cr, worker, signals, known):
    """Take the next chunk in one message to PostgreSQL, where nothing else is to be done first. Nearly every claim is one.

    :param cr: a cursor in autocommit mode: the message is a transaction of its own
    :param str worker: who takes it, for people
    :param SQL signals: the numbers of the last changes in other processes
    :param tuple known: the same numbers as this process knows them; nothing is taken where they differ
    :returns: a `Claim`, which is committed; None where nothing was taken
    :raises ChunkBroken: the chunk can't be read
    """
    rows = fetch_prepared(cr, *_fast_statements(worker, signals, known))
    return read_claim(rows[0]) if rows else None


def lock_next_job(cr, signals, looked_at):
    """Lock the job whose turn it is.

    :param SQL signals: the numbers of the last changes in other processes
    :param list looked_at: ids of jobs where nothing was found just now
    :returns: a dict with `id`, `max_failures`, `is_count_due` and `signals`; None where no job is in the queue
    """
    columns = SQL("id, max_failures, %s AS is_count_due, %s AS signals", COUNT_DUE, signals)
    rows = fetch_prepared(cr, _lock_next(columns, looked_at))
    return rows[0] if rows else None


def take_chunk(cr, job_id, worker, signals, sole_job_id=None):
    """Mark the first chunk of a locked job that may run now as running, and cut it to size where that is the engine's choice.

    :param int job_id: a job that an earlier statement of this transaction has locked
    :param str worker: who takes it, for people
    :param SQL signals: the numbers of the last changes in other processes
    :param int sole_job_id: a job in which no other lane was at work at this lane's last claim
    :returns: the `Claim` and the numbers of the last changes; None where there is no such chunk
    :raises ChunkBroken: the chunk can't be read
    """
    rows = fetch_prepared(cr, _take(worker, SQL("%s", job_id), signals))
    if not rows:
        return None
    [row] = rows
    if needs_cutting(row):
        # alone twice in a row: once, the others may just be between two chunks of theirs
        cut_to_size(cr, row, is_alone=row["in_flight"] == 0 and job_id == sole_job_id)
    return read_claim(row), row["signals"]


@lru_cache(maxsize=64)
def _fast_statements(worker, signals, known):
    lock = SQL("SELECT set_config('batch_executor.job', coalesce((%s)::text, ''), true)", _lock_next(SQL("id")))
    # a size that is still to be chosen takes more than a statement
    condition = SQL(
        "AND (%s) IS NOT TRUE AND max_chunk_size > 0 AND %s = %s::integer[]", COUNT_DUE, signals, list(known)
    )
    return lock, _take(worker, LOCKED_JOB, signals, condition)


def _lock_next(columns, looked_at=()):
    """The statement that locks the job whose turn it is.

    NO KEY UPDATE, so that failures and messages can still refer to it; SKIP LOCKED, so that lanes looking at the
    same moment go to different jobs.

    :param SQL columns: what is read of it
    :param looked_at: ids of jobs where nothing was found just now
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


def _take(worker, job, signals, condition=None):
    """The statement that takes the first chunk of a job that may run now, and moves the job back in the queue.

    In strict order (`max_concurrency` 1) nothing may pass a chunk whose time has not come yet.

    The order and limit of `in_flight` keep PostgreSQL at its index: with statistics of a day when nearly all chunks ran, it
    would else rather read all chunks of the job.

    :param SQL job: id of a job that an earlier statement of this transaction has locked: `in_flight` must be read after that
    :param SQL signals: the numbers of the last changes in other processes, returned with what is taken
    :param SQL condition: of the job, for anything to be taken at all; starts with AND
    """
    return SQL(
        """
          WITH picked AS MATERIALIZED (
            SELECT %(job_columns)s,
                   max_concurrency,
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
          -- the last chunk that is looked at: all the others may be of groups in flight
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
          -- a chunk that has kept losing to the others: nothing more starts until it has run with none of them in flight
          lonely AS MATERIALIZED (
            SELECT id
              FROM batch_chunk
             WHERE job_id = (SELECT job_id FROM picked)
               AND state = 'pending'
               AND runs_alone
             ORDER BY sequence, id
             LIMIT 1
               FOR NO KEY UPDATE SKIP LOCKED
          ),
          -- the first chunk that no group, no limit and no other chunk keeps from running
          candidate AS (
            SELECT id, coalesce(run_at > now() AT TIME ZONE 'UTC', false) AS is_early
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
            SELECT id FROM candidate WHERE NOT is_early
             UNION ALL
            SELECT id FROM lonely WHERE (SELECT count(*) = 0 FROM in_flight)
          ),
          -- by as many places as its user has jobs in the queue: users share the lanes evenly, and the jobs of a user among
          -- themselves. From the place of the next job, so that one that was parked for long does not catch up on the turns it
          -- missed. A job that has the queue to itself stays where it is, and its row as well.
          moved_back AS (
            UPDATE batch_job AS job
               SET queue_position = greatest(job.queue_position, coalesce((%(next_position)s), job.queue_position))
                        + (SELECT count(*) FROM batch_job AS own WHERE own.ready AND own.user_id = job.user_id),
                   state = CASE WHEN job.state = 'pending' THEN 'running' ELSE job.state END,
                   started_at = coalesce(job.started_at, %(now)s),
                   worked_since = CASE WHEN job.state = 'pending' THEN %(now)s ELSE job.worked_since END,
                   -- what is left of a job that is over is its action, which has the job's row to itself while it runs
                   ready = job.finished_at IS NULL,
                   wake_at = CASE WHEN job.finished_at IS NOT NULL THEN %(now)s + %(callback_look)s END
             WHERE job.id = (SELECT job_id FROM picked)
               AND (job.state = 'pending' OR job.finished_at IS NOT NULL OR (%(next_position)s) IS NOT NULL)
               AND EXISTS (SELECT 1 FROM taken)
          )
        %(mark_running)s
          FROM picked
         -- not joined: while there is hardly a chunk PostgreSQL might plan to look for it among all of them
         WHERE chunk.id = (SELECT id FROM taken)
        RETURNING picked.*, %(columns)s, (SELECT count(*) FROM in_flight) AS in_flight, %(signals)s AS signals
        """,
        job_columns=JOB_COLUMNS,
        job=job,
        condition=condition or SQL(),
        look_ahead=LOOK_AHEAD,
        next_position=NEXT_POSITION,
        now=NOW,
        callback_look=seconds(CALLBACK_LOOK_S),
        mark_running=mark_running(worker),
        columns=CHUNK_COLUMNS,
        signals=signals,
    )


def mark_running(worker):
    """The start of a statement that marks chunks as running; its WHERE names them.

    The attempt is counted before it starts: work that kills its worker must not be taken for ever.
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
