"""The statements of a claim: lock the job whose turn it is, take its first chunk that may run."""

import zlib
from functools import lru_cache

from odoo.tools import SQL

#: Least seconds between two updates of a running job's counters, over all lanes.
PROGRESS_EVERY_S = 1.0
#: Seconds after which a job is looked at whose action has been started, should its lane not say what became of it.
CALLBACK_LOOK_S = 600
#: Chunks that a claim passes at most because their groups are in flight.
LOOK_AHEAD = 500
#: What a claim needs of a chunk's row.
CHUNK_COLUMNS = SQL(
    """
    chunk.id, claims, attempt, kind, operation_id, operation_type, model, sequence, payload, record_count,
    wait_ids IS NOT NULL AS waits, group_keys, round_no, runs_alone
    """
)
#: What it needs of its job's row.
JOB_COLUMNS = SQL(
    """
    id AS job_id, user_id, context, timeout, retry_attempts, rollback, dry_run, strict, max_failures, max_chunk_size,
    is_atomic,
    total_records - processed_records - failed_records - cancelled_records AS remaining
    """
)
#: Whether what was settled is to be counted first. Where failures are limited, it is at each claim.
ROLL_UP_DUE = SQL(
    """
    max_failures >= 0
    OR coalesce(progress_at, started_at) < clock_timestamp() AT TIME ZONE 'UTC' - %s * interval '1 second'
    """,
    PROGRESS_EVERY_S,
)
#: Key of a session's lock on the claim of a chunk that it works on.
WORK_LOCK = SQL(
    "%s, mod(chunk.id::bigint * 1000 + chunk.claims, 2147483647)::integer", zlib.crc32(b"batch_executor.work") - 2**31
)
#: The job that an earlier statement of the same transaction has locked.
LOCKED_JOB = SQL("nullif(current_setting('batch_executor.job'), '')::integer")


@lru_cache(maxsize=64)
def claim_at_once(worker, signals, heard):
    """The statements of a claim where nothing else is to be done first; they take nothing where something is.

    :param str worker: who takes it, for people
    :param SQL signals: the numbers of the last changes in other processes
    :param tuple heard: the same numbers as far as this process has heard of them
    """
    lock = SQL("SELECT set_config('batch_executor.job', coalesce((%s)::text, ''), true)", lock_next(SQL("id")))
    # a size that is still to be chosen takes more than a statement
    condition = SQL(
        "AND (%s) IS NOT TRUE AND max_chunk_size > 0 AND %s = %s::integer[]", ROLL_UP_DUE, signals, list(heard)
    )
    return lock, take(worker, LOCKED_JOB, signals, condition)


def lock_next(columns, looked_at=()):
    """Lock the job whose turn it is.

    NO KEY UPDATE, so that failures and messages can still refer to it; SKIP LOCKED, so that lanes looking at the
    same moment go to different jobs.

    :param SQL columns: what is to be asked of it
    :param looked_at: ids of jobs where nothing was found just now
    """
    return SQL(
        """
        SELECT %(columns)s
          FROM batch_job
         WHERE ready
           AND NOT id = ANY(%(looked_at)s::integer[])
           AND (steered_until IS NULL OR steered_until < clock_timestamp() AT TIME ZONE 'UTC')
         ORDER BY priority DESC, turn, id
         LIMIT 1
           FOR NO KEY UPDATE SKIP LOCKED
        """,
        columns=columns,
        looked_at=list(looked_at),
    )


def take(worker, job, signals, condition=None):
    """In one statement: how many are in flight, what they keep others from, the first that may run, its claim.

    In strict order nothing may pass a chunk whose time has not come yet.

    Order and limit of what is in flight keep PostgreSQL at its index: with statistics of a day when nearly all there
    was ran, it would else rather read all chunks of the job.

    :param SQL job: id of a job that an earlier statement of this transaction has locked: what is in flight must be known
        as it has been since then
    :param SQL signals: the numbers of the last changes in other processes, to be told with what is taken
    :param SQL condition: under which anything may be taken at all, starting with AND
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
            SELECT 2147483647, 2147483647
             LIMIT 1
          ),
          -- one that has kept losing to the others: nothing more starts until it has run with none of them in flight
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
          turn AS (%(turn)s)
        %(mark)s
          FROM picked
         -- not joined: while there is hardly a chunk PostgreSQL might plan to look for it among all of them
         WHERE chunk.id = (SELECT id FROM taken)
        RETURNING picked.*, %(columns)s, (SELECT count(*) FROM in_flight) AS in_flight, %(signals)s AS signals
        """,
        job_columns=JOB_COLUMNS,
        job=job,
        signals=signals,
        condition=condition or SQL(),
        look_ahead=LOOK_AHEAD,
        turn=_move_back(SQL("(SELECT job_id FROM picked)"), SQL("EXISTS (SELECT 1 FROM taken)")),
        mark=mark_running(worker),
        columns=CHUNK_COLUMNS,
    )


def _move_back(job, claimed):
    """Move a job back in the queue with a claim, by as many places as its user has jobs in it.

    Users then share the lanes evenly, and the jobs of a user among themselves; a job that was parked for long
    does not catch up on the turns it missed. One that has the queue to itself stays where it is, and its row as well.

    :param SQL job: its id
    :param SQL claimed: the condition under which something is claimed
    """
    return SQL(
        """
        UPDATE batch_job AS job
           SET turn = greatest(job.turn, coalesce((%(next)s), job.turn))
                    + (SELECT count(*) FROM batch_job AS own WHERE own.ready AND own.user_id = job.user_id),
               state = CASE WHEN job.state = 'pending' THEN 'running' ELSE job.state END,
               started_at = coalesce(job.started_at, clock_timestamp() AT TIME ZONE 'UTC'),
               worked_since = CASE
                    WHEN job.state = 'pending' THEN clock_timestamp() AT TIME ZONE 'UTC' ELSE job.worked_since
               END,
               -- what is left of one that is over is its action, which has the job's row to itself while it runs
               ready = job.finished_at IS NULL,
               wake_at = CASE
                    WHEN job.finished_at IS NOT NULL THEN clock_timestamp() AT TIME ZONE 'UTC' + %(look)s * interval '1 second'
               END
         WHERE job.id = %(job)s
           AND (job.state = 'pending' OR job.finished_at IS NOT NULL OR (%(next)s) IS NOT NULL)
           AND %(claimed)s
        """,
        job=job,
        claimed=claimed,
        look=CALLBACK_LOOK_S,
        next=SQL(
            """
            SELECT other.turn
              FROM batch_job AS other
             WHERE other.ready
               AND other.priority = job.priority
               AND other.id <> job.id
             ORDER BY other.turn, other.id
             LIMIT 1
            """
        ),
    )


def mark_running(worker):
    """The attempt is counted before it starts: work that kills its worker must not be taken for ever."""
    return SQL(
        """
        UPDATE batch_chunk AS chunk
           SET state = 'running',
               attempt = attempt + 1,
               claims = claims + 1,
               worker = %s,
               claimed_at = clock_timestamp() AT TIME ZONE 'UTC',
               run_at = NULL
        """,
        worker,
    )
