"""Drops values of finished jobs; finds old jobs and drafts to be deleted, and jobs whose changes are."""

import json

from odoo.tools import SQL

from ..engine import states
from ..engine.payload import BadPayload, Payload, dumps
from .planning import rows_of
from .sql import NOW, fetch, fetch_dicts

#: Parameters of an operation that are kept: names of fields and methods, ids, switches, but no values.
KEPT_DETAILS = frozenset(("action", "fields", "group_by", "key", "method", "model_level", "record_ids", "set", "strict", "track_fields"))
#: Stands for a damaged payload whose values have been dropped: `Payload.decode` refuses it too.
DAMAGED = "{}"
#: Jobs deleted at once, with all their rows.
PURGED_AT_ONCE = 100


# -- jobs whose values are to be dropped -----------------------------------------------------------


def next_with_values(cr, days, lock=False):
    """The job that finished first, of those that still have values and finished at least `days` days ago.

    :param bool lock: lock its row; skip jobs whose row is locked
    :returns: a dict with id, state, is_atomic and forgotten_to (see `set_forgotten_to`); None where there is no such job
    """
    rows = fetch_dicts(
        cr,
        SQL(
            """
            SELECT id, state, is_atomic, coalesce(forgotten_to, 0) AS forgotten_to
              FROM batch_job
             WHERE finished_at <= %(now)s - %(days)s * interval '1 day'
               AND holds_values
             ORDER BY finished_at
             LIMIT 1
               %(lock)s
            """,
            now=NOW,
            days=days,
            lock=SQL("FOR NO KEY UPDATE SKIP LOCKED") if lock else SQL(),
        ),
    )
    return rows[0] if rows else None


def set_forgotten_to(cr, job_id, chunk_id):
    """Record up to which chunk of a job (in the order of ids) values have been dropped."""
    cr.execute(SQL("UPDATE batch_job SET forgotten_to = %s WHERE id = %s", chunk_id, job_id))


def set_all_forgotten(cr, job_id):
    """Record that a job has no values left to drop."""
    cr.execute(SQL("UPDATE batch_job SET holds_values = false WHERE id = %s", job_id))


# -- values ----------------------------------------------------------------------------------------


def chunks_after(cr, job_id, chunk_id, limit):
    """The next chunks of a job, in the order of their ids.

    :param int chunk_id: id of the chunk before them, or 0
    :param int limit: most rows
    :returns: dicts with id, record_count and is_wanted: whether the chunk has values to drop
    """
    return fetch_dicts(
        cr,
        SQL(
            """
            SELECT id, record_count,
                   kind IN ('records', 'resolve') AND state = 'done' AND values_gone IS NOT TRUE AS is_wanted
              FROM batch_chunk
             WHERE %(own)s
             ORDER BY job_id, id
             LIMIT %(limit)s
            """,
            own=rows_of("job_id", job_id, chunk_id),
            limit=limit,
        ),
    )


def forget_payloads(cr, chunk_ids):
    """Drop the values in the payloads of chunks.

    Failed records can still be retried: their failures keep the values, the chunk its parameters.

    :returns: set of the ids of the operations in these payloads
    """
    chunks = fetch_dicts(
        cr,
        SQL(
            """
            SELECT id, kind, operation_type, payload, failed_records + cancelled_records > 0 AS stands
              FROM batch_chunk
             WHERE id = ANY(%s)
            """,
            chunk_ids,
        ),
    )
    rows, operations = [], set()
    for chunk in chunks:
        if chunk["stands"] and chunk["kind"] == states.RESOLVE:
            continue
        try:
            payload = Payload.decode(chunk["payload"])
        except BadPayload:
            # failed records must not run without the parameters and the context that were lost
            kept = DAMAGED if chunk["stands"] else Payload([], [], []).encode()
        else:
            operations.update(payload.operations)
            kept = payload.without_values(chunk["operation_type"], keep_params=chunk["stands"]).encode()
        rows.append((chunk["id"], kept, not chunk["stands"]))
    if rows:
        cr.execute_values(
            """
            UPDATE batch_chunk AS chunk
               SET payload = kept.payload, values_gone = kept.is_gone
              FROM (VALUES %s) AS kept (id, payload, is_gone)
             WHERE chunk.id = kept.id
            """,
            rows,
        )
    return operations


def forget_details(cr, operation_ids):
    """Drop the values in the parameters of operations; only of those that have completed.

    The context stays where changes are tracked: an undo needs the language and the company.
    """
    operations = fetch(
        cr,
        SQL(
            """
            SELECT operation.id, details, job.track_changes
              FROM batch_operation AS operation
              JOIN batch_job AS job ON job.id = operation.job_id
             WHERE operation.id = ANY(%s)
               AND operation.state = 'completed'
               AND details IS NOT NULL
            """,
            list(operation_ids),
        ),
    )
    rows = []
    for id_, text, is_tracked in operations:
        try:
            details = json.loads(text)
        except ValueError:  # damaged: what it holds is not known
            rows.append((id_, None))
            continue
        kept = {key: value for key, value in details.items() if key in KEPT_DETAILS or (is_tracked and key == "context")}
        if kept != details:
            rows.append((id_, dumps(kept) if kept else None))
    if rows:
        cr.execute_values(
            """
            UPDATE batch_operation AS operation
               SET details = kept.details
              FROM (VALUES %s) AS kept (id, details)
             WHERE operation.id = kept.id
            """,
            rows,
            template="(%s, %s::text)",
        )


def forget_failures(cr, chunk_ids):
    """Drop the values of failures that were retried, in these chunks."""
    cr.execute(
        SQL(
            """
            UPDATE batch_failure
               SET values = NULL
             WHERE id = ANY(ARRAY(
                SELECT failure.id
                  FROM unnest(%s::integer[]) AS wanted (id)
                 CROSS JOIN LATERAL (  -- see `store.retry.standing_failures`
                    SELECT id, retried_at FROM batch_failure WHERE chunk_id = wanted.id OFFSET 0
                 ) AS failure
                 WHERE failure.retried_at IS NOT NULL
             ))
            """,
            chunk_ids,
        )
    )


# -- jobs ------------------------------------------------------------------------------------------


def old_jobs(cr, days, others=()):
    """Ids of jobs that finished more than `days` days ago, oldest first, at most `PURGED_AT_ONCE`; none for 0 days.

    Not those that somebody keeps. Nor those that are being undone, or run for real: their changes are needed. Nor those whose end is
    still to be sent to a webhook, unless that is archived: nobody knows when it would be sent.

    :param others: ids of jobs that are not wanted
    """
    condition = SQL(
        """
        keep IS NOT TRUE
        AND id <> ALL(%s)
        AND (
            SELECT true
              FROM batch_delivery AS delivery
              JOIN batch_webhook AS webhook ON webhook.id = delivery.webhook_id
             WHERE delivery.job_id = batch_job.id
               AND delivery.state = 'pending'
               AND webhook.active
             LIMIT 1
        ) IS NULL
        """,
        list(others),
    )
    return _ended_jobs(cr, days, condition)


def jobs_with_old_changes(cr, days):
    """As `old_jobs`, but of jobs that still have the changes that they remember."""
    return _ended_jobs(cr, days, SQL("keep IS NOT TRUE AND track_changes AND changes_gone IS NOT TRUE"))


def old_drafts(cr, days, others=()):
    """Ids of drafts that have not changed for more than `days` days, at most `PURGED_AT_ONCE`; none for 0 days, none that somebody keeps.

    :param others: ids of drafts that are not wanted
    """
    condition = SQL(
        "state = 'draft' AND keep IS NOT TRUE AND id <> ALL(%s) AND write_date < now() AT TIME ZONE 'UTC' - %s * interval '1 day'",
        list(others),
        days,
    )
    return _jobs(cr, days, condition)


def _ended_jobs(cr, days, condition):
    """See `old_jobs`.

    :param SQL condition: that of the index to be read
    """
    condition = SQL(
        """
        finished_at < now() AT TIME ZONE 'UTC' - %s * interval '1 day'
        AND %s
        AND (
            SELECT true
              FROM batch_job AS made
             WHERE made.origin_job_id = batch_job.id
               AND made.finished_at IS NULL
             LIMIT 1
        ) IS NULL
        ORDER BY finished_at
        """,
        days,
        condition,
    )
    return _jobs(cr, days, condition)


def _jobs(cr, days, condition):
    if days <= 0:
        return []
    query = SQL("SELECT id FROM batch_job WHERE %s LIMIT %s", condition, PURGED_AT_ONCE)
    return [id_ for (id_,) in fetch(cr, query)]
