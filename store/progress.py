"""Adds settled chunks to the counters of their operations and their job, each chunk once.

This runs in short transactions of lanes and verbs that have locked the job, never in the transaction of the work.
"""

from odoo.tools import SQL

from ..engine import states
from ..engine.effects import EFFECT_COLUMNS
from ..engine.forecast import InFlight
from .job import JOB_ROW, as_job, update_job
from .prepared import fetch_prepared
from .sql import NOW, fetch, fetch_dicts

#: Chunks counted by one statement.
COUNTED_AT_ONCE = 2000
#: Columns of chunks that are summed into those of their operation.
ADDED_UP = (
    "found_records", "processed_records", "failed_records", "cancelled_records", "warning_count", *EFFECT_COLUMNS, "duration",
)  # fmt: skip
#: Whether the submitter of a job has a browser open. A bus message costs Odoo a database connection, so none is sent to users
#: without a browser.
IS_WATCHED = SQL(
    """
    EXISTS (
        SELECT 1 FROM mail_presence AS presence WHERE presence.user_id = batch_job.user_id AND presence.status <> 'offline'
    )
    """
)


# -- counting --------------------------------------------------------------------------------------


def mark_counted(cr, job_id):
    """Mark settled chunks of a job as counted, up to `COUNTED_AT_ONCE`.

    The query has the order of the index, so that PostgreSQL uses it whatever its statistics say.

    :returns: a dict for each chunk, with what is to be counted
    """
    return fetch_prepared(
        cr,
        SQL(
            """
            UPDATE batch_chunk
               SET tallied = true
             WHERE id = ANY(ARRAY(
                SELECT id
                  FROM batch_chunk
                 WHERE job_id = %s
                   AND NOT tallied
                   AND finished_at IS NOT NULL
                 ORDER BY finished_at
                 LIMIT %s
             ))
            RETURNING kind, state, operation_id, processed_records, failed_records, cancelled_records, found_records, warning_count,
                      created_records, updated_records, unchanged_records, deleted_records,
                      completed_operations, failed_operations, duration, error, skip_reason, ended_ids, round_no
            """,
            job_id,
            COUNTED_AT_ONCE,
        ),
    )


def add_to_operations(cr, chunks):
    """Add chunks to the counters of their operations; chunks shared by operations are left out.

    :param list chunks: dicts of `mark_counted`
    :returns: `(states of operations that have just ended, ids of ended operations that others wait for)`
    """
    sums = {}
    for chunk in chunks:
        if operation_id := chunk["operation_id"]:
            total = sums.setdefault(operation_id, [*[0] * len(ADDED_UP), None])
            for place, column in enumerate(ADDED_UP):
                total[place] += chunk[column] or 0
            total[-1] = total[-1] or chunk["error"] or chunk["skip_reason"]
    if not sums:
        return [], []
    rows = cr.execute_values(
        """
        UPDATE batch_operation AS operation
           SET record_count = operation.record_count + counted.found,
               processed_records = operation.processed_records + counted.processed,
               failed_records = operation.failed_records + counted.failed,
               cancelled_records = operation.cancelled_records + counted.cancelled,
               warning_count = coalesce(operation.warning_count, 0) + counted.warnings,
               created_records = coalesce(operation.created_records, 0) + counted.created,
               updated_records = coalesce(operation.updated_records, 0) + counted.updated,
               unchanged_records = coalesce(operation.unchanged_records, 0) + counted.unchanged,
               deleted_records = coalesce(operation.deleted_records, 0) + counted.deleted,
               duration = coalesce(operation.duration, 0) + counted.duration,
               error = coalesce(operation.error, counted.error),
               started_at = coalesce(operation.started_at, clock_timestamp() AT TIME ZONE 'UTC')
          FROM (VALUES %s)
            AS counted (id, found, processed, failed, cancelled, warnings, created, updated, unchanged, deleted, duration, error)
         WHERE operation.id = counted.id
        RETURNING operation.id, operation.state, operation.record_count, operation.processed_records,
                  operation.failed_records, operation.cancelled_records, operation.is_awaited IS NOT FALSE,
                  EXISTS (
                    SELECT 1
                      FROM batch_chunk AS page
                     WHERE page.operation_id = operation.id
                       AND page.kind = 'resolve'
                       AND page.finished_at IS NULL
                  ) AS is_open
        """,
        [(operation_id, *total) for operation_id, total in sums.items()],
        template=f"({'%s, ' * len(ADDED_UP)}%s::float, %s::text)",
        page_size=len(sums),
        fetch=True,
    )
    skipped = {chunk["operation_id"] for chunk in chunks if chunk["skip_reason"]}
    moved, awaited = [], []
    for operation_id, old_state, count, processed, failed, cancelled, is_awaited, is_open in rows:
        state = states.counted_state(count, processed, failed, cancelled, is_open, operation_id in skipped)
        if state != old_state:
            moved.append((operation_id, state, state in states.OPERATION_FINAL))
        if is_awaited and state in states.OPERATION_FINAL:
            awaited.append(operation_id)
    _move_operations(cr, moved)
    return [state for _id, state, is_final in moved if is_final], awaited


def _move_operations(cr, moved):
    """Write the new state of operations.

    :param list moved: `(id, state, whether the state is final)`
    """
    if moved:
        cr.execute_values(
            """
            UPDATE batch_operation AS operation
               SET state = moved.state,
                   finished_at = CASE WHEN moved.is_final THEN clock_timestamp() AT TIME ZONE 'UTC' END
              FROM (VALUES %s) AS moved (id, state, is_final)
             WHERE operation.id = moved.id
            """,
            moved,
            page_size=len(moved),
        )


def add_to_job(cr, job_id, chunks, ended):
    """Add chunks to the counters of their job.

    Processed and failed records of an atomic job are not added: `show_progress` sets them while it runs, and
    `finish.count_whole` at its end; so does that with what became of them.

    :param list chunks: dicts of `mark_counted`
    :param list ended: states of operations that have just ended, from `add_to_operations`
    :returns: `(the updated JobRow, the history of its pace as JSON or None, whether its submitter has a browser open)`
    """

    def total(column):
        return sum(chunk[column] or 0 for chunk in chunks)

    [row] = fetch_prepared(
        cr,
        SQL(
            """
            UPDATE batch_job
               SET processed_records = processed_records + CASE WHEN is_atomic THEN 0 ELSE %(processed)s END,
                   failed_records = failed_records + CASE WHEN is_atomic THEN 0 ELSE %(failed)s END,
                   cancelled_records = cancelled_records + %(cancelled)s,
                   total_records = total_records + %(found)s,
                   %(effects)s,
                   warning_count = warning_count + %(warnings)s,
                   completed_operations = completed_operations + %(completed_operations)s,
                   failed_operations = failed_operations + %(failed_operations)s,
                   progress_at = %(now)s
             WHERE id = %(id)s
            RETURNING %(job)s, pace_points, %(is_watched)s AS is_watched
            """,
            job=JOB_ROW,
            is_watched=IS_WATCHED,
            now=NOW,
            id=job_id,
            processed=total("processed_records"),
            failed=total("failed_records"),
            cancelled=total("cancelled_records"),
            found=total("found_records"),
            effects=SQL(", ").join(
                SQL("%s = coalesce(%s, 0) + CASE WHEN is_atomic THEN 0 ELSE %s END", name, name, total(column))
                for column in EFFECT_COLUMNS
                for name in [SQL.identifier(column)]
            ),
            warnings=total("warning_count"),
            completed_operations=total("completed_operations") + ended.count(states.COMPLETED),
            failed_operations=total("failed_operations") + sum(state in states.OPERATION_FAILED for state in ended),
        ),
    )
    return as_job(row), row["pace_points"], row["is_watched"]


def postpone_count(cr, job_id):
    """Record that nothing was left to count, so that the next count is not due at once."""
    cr.execute(SQL("UPDATE batch_job SET progress_at = %s WHERE id = %s AND is_atomic IS NOT TRUE", NOW, job_id))


# -- showing ---------------------------------------------------------------------------------------


def show_progress(cr, job_id, processed, failed):
    """Set the counters of an atomic job while it runs.

    :param int processed: records that have succeeded so far
    :param int failed: records that have failed so far
    """
    assignments = SQL("processed_records = %s, failed_records = %s, progress_at = %s", processed, failed, NOW)
    update_job(cr, job_id, assignments)


def set_pace_origin(cr, job_id, records, worked_s):
    """Set the origin of the recent pace of a job, see `engine.forecast.newer_origin`.

    :param int records: records that had run at the origin
    :param float worked_s: seconds worked at the origin
    """
    update_job(cr, job_id, SQL("paced_records = %s, paced_s = %s", records, worked_s))


def set_pace_points(cr, job_id, points):
    """Store the history of the pace of a job.

    :param str points: of `engine.pace`, as JSON
    """
    update_job(cr, job_id, SQL("pace_points = %s", points))


def is_watched(cr, job_id):
    """Whether the submitter of a job has a browser open."""
    return bool(fetch(cr, SQL("SELECT 1 FROM batch_job WHERE id = %s AND %s", job_id, IS_WATCHED)))


def read_in_flight(cr, job_ids, lanes):
    """What is in flight in running jobs. This reads a few rows of each, however large it is.

    Settled records that are not counted yet only enter the forecast, not the status, so that `completed` and the counters
    agree.

    :param int lanes: pending chunks are counted up to this number
    :returns: job id -> `InFlight`
    """
    rows = fetch_dicts(
        cr,
        SQL(
            """
            SELECT job.id, running.lanes, running.lane_s, waiting.chunks AS pending, uncounted.records AS uncounted
              FROM unnest(%(jobs)s) AS job (id),
           LATERAL (
                SELECT count(*) AS lanes,
                       coalesce(
                            sum(extract(epoch FROM %(now)s - claimed_at))
                                FILTER (WHERE kind = 'records'),  -- the driver updates the counters while it runs
                            0
                       )::float AS lane_s
                  FROM batch_chunk
                 WHERE job_id = job.id
                   AND state = 'running'
                ) AS running,
           LATERAL (
                SELECT count(*) AS chunks
                  FROM (
                    SELECT FROM batch_chunk
                     WHERE job_id = job.id
                       AND state = 'pending'
                     ORDER BY sequence, id
                     LIMIT %(lanes)s
                    ) AS first
                ) AS waiting,
           LATERAL (
                SELECT coalesce(sum(processed_records + failed_records + cancelled_records), 0) AS records
                  FROM batch_chunk
                 WHERE job_id = job.id
                   AND NOT tallied
                   AND finished_at IS NOT NULL
                ) AS uncounted
            """,
            now=NOW,
            jobs=list(job_ids),
            lanes=lanes,
        ),
    )
    return {row.pop("id"): InFlight(**row) for row in rows}
