"""Copies the operations and chunks of a plan (a finished dry run) into the job that does for real what was planned."""

from odoo.tools import SQL

from ..engine import states
from ..engine.payload import Payload
from .changes import PAGE_BYTES
from .planning import by_index, rows_of
from .release import release_waiting
from .rows import NewChunk, insert_chunks
from .sql import fetch, fetch_dicts
from .submit import insert_driver

#: Chunks that are copied at once.
PAGE = 10
#: The parameter of a chunk that names the plan whose changes are the only ones it may make.
PLAN = "plan"
#: What the item of a selection has found during the plan.
FOUND = "found"


def was_stopped(cr, job_id):
    """Whether chunks of a finished job were cancelled before they ran."""
    query = SQL(
        """
        SELECT state
          FROM batch_chunk
         WHERE %s
           AND kind IN ('records', 'resolve')
           AND state = 'cancelled'
         ORDER BY job_id, id
         LIMIT 1
        """,
        rows_of("job_id", job_id),
    )
    with by_index(cr):
        return bool(fetch(cr, query))


def store_found(cr, chunk_id, payload, ids):
    """Keep with the chunk of a selection what it has found in a dry run.

    :param payload: its `Payload`
    :param ids: of the records found
    """
    found = Payload(
        [{**payload.items[0], FOUND: list(ids)}], payload.operations, payload.indexes, payload.params, payload.context, payload.is_retry
    )
    cr.execute(SQL("UPDATE batch_chunk SET payload = %s WHERE id = %s", found.encode(), chunk_id))


def copy_plan(cr, job_id, plan_id, *, is_atomic, is_tracked):
    """Store the operations and chunks of a plan in a new job.

    :param int job_id: id of the new job
    :param int plan_id: id of the plan
    :param bool is_atomic: whether the new job runs in one transaction
    :param bool is_tracked: whether the plan has tracked changes, which the new job is held to
    """
    ids = _copy_operations(cr, job_id, plan_id)
    last = 0
    while True:
        rows = _chunks_after(cr, plan_id, last)
        insert_chunks(cr, [_copy(row, job_id, ids, is_atomic, {PLAN: plan_id} if is_tracked else {}) for row in rows])
        if len(rows) < PAGE:
            break
        last = rows[-1]["id"]
    if is_atomic:
        insert_driver(cr, job_id)
    else:
        release_waiting(cr, job_id, _ended_and_awaited(cr, job_id))


def planned_changes(cr, plan_id, places):
    """The changes of a plan that its records were to make.

    :param int plan_id: id of the plan
    :param places: pairs `(id of an operation of the job that does what was planned, place in its data)`
    :returns: dict pair -> list of dicts with id, record_id, action, and the bytes of the values, in their order
    """
    query = SQL(
        """
        SELECT place.operation_id, place.index, change.id, change.record_id, change.action, change.bytes
          FROM unnest(%(operations)s::integer[], %(indexes)s::integer[]) AS place (operation_id, index)
          JOIN batch_operation AS applied ON applied.id = place.operation_id
          JOIN batch_operation AS planned ON planned.job_id = %(plan)s AND planned.position = applied.position
         CROSS JOIN LATERAL (  -- one by one, by the index
            SELECT id, record_id, action, octet_length(before) + octet_length(after) AS bytes
              FROM batch_change
             WHERE operation_id = planned.id
               AND index = place.index
            OFFSET 0
         ) AS change
         ORDER BY change.id
        """,
        operations=[operation for operation, _index in places],
        indexes=[index for _operation, index in places],
        plan=plan_id,
    )
    found = {}
    with by_index(cr, "enable_hashjoin", "enable_mergejoin"):
        rows = fetch_dicts(cr, query)
    for row in rows:
        found.setdefault((row.pop("operation_id"), row.pop("index")), []).append(row)
    return found


def planned_failures(cr, plan_id, places):
    """Why records have failed in a plan; of failures that were dismissed that is not told.

    :param int plan_id: id of the plan
    :param places: pairs as of `planned_changes`
    :returns: dict pair -> message, without records that have not failed
    """
    query = SQL(
        """
        SELECT place.operation_id, place.index, failure.message
          FROM unnest(%(operations)s::integer[], %(indexes)s::integer[]) AS place (operation_id, index)
          JOIN batch_operation AS applied ON applied.id = place.operation_id
          JOIN batch_operation AS planned ON planned.job_id = %(plan)s AND planned.position = applied.position
         CROSS JOIN LATERAL (  -- one by one, by the index
            SELECT message
              FROM batch_failure
             WHERE operation_id = planned.id
               AND index = place.index
               AND retried_at IS NULL
               AND dismissed_at IS NULL
            OFFSET 0
         ) AS failure
        """,
        operations=[operation for operation, _index in places],
        indexes=[index for _operation, index in places],
        plan=plan_id,
    )
    with by_index(cr, "enable_hashjoin", "enable_mergejoin"):
        return {(operation, index): message for operation, index, message in fetch(cr, query)}


def planned_values(cr, changes):
    """Yield each of some planned changes with its values: before and after, as JSON texts. Not all of them are in memory together.

    :param changes: list of dicts as of `planned_changes`
    """
    for part in _parts(changes):
        query = SQL("SELECT id, before, after FROM batch_change WHERE id = ANY(%s)", list(part))
        for id_, *texts in fetch(cr, query):
            yield part[id_], *texts


def _parts(changes):
    """Yield changes by their ids, in dicts that end before `PAGE_BYTES` of values."""
    part, size = {}, 0
    for change in changes:
        if part and size + change["bytes"] > PAGE_BYTES:
            yield part
            part, size = {}, 0
        part[change["id"]] = change
        size += change["bytes"]
    if part:
        yield part


def has_plan(cr, plan_id):
    """Whether a plan is still there, with its changes."""
    return bool(fetch(cr, SQL("SELECT 1 FROM batch_job WHERE id = %s AND changes_gone IS NOT TRUE", plan_id)))


def _copy_operations(cr, job_id, plan_id):
    """Copy the operations, as they were when they were submitted, and add them to the totals of the new job.

    :returns: id of an operation of the plan -> id of its copy
    """
    cr.execute(
        SQL(
            """
            INSERT INTO batch_operation (
                job_id, position, operation_id, operation_type, model, priority, details, depends_on, return_ids, data_length,
                state, is_awaited, record_count
            )
            SELECT %(job)s, position, operation_id, operation_type, model, priority, details, depends_on, return_ids, data_length,
                   CASE WHEN is_selection OR record_count > 0 THEN 'pending' ELSE 'completed' END,
                   is_awaited,
                   CASE WHEN is_selection THEN 0 ELSE record_count END  -- what it has found will be counted again
              FROM (
                SELECT *, EXISTS (
                        SELECT FROM batch_chunk WHERE operation_id = operation.id AND kind = 'resolve' ORDER BY operation_id, id LIMIT 1
                       ) AS is_selection
                  FROM batch_operation AS operation
                 WHERE job_id = %(plan)s
              ) AS planned
             ORDER BY position
            """,
            job=job_id,
            plan=plan_id,
        )
    )
    cr.execute(
        SQL(
            """
            UPDATE batch_job AS job
               SET (total_operations, completed_operations, total_records) = (
                    SELECT count(*), count(*) FILTER (WHERE state = 'completed'), coalesce(sum(record_count), 0)
                      FROM batch_operation
                     WHERE job_id = job.id
                   ),
                   expected_work = plan.expected_work
              FROM batch_job AS plan
             WHERE job.id = %s
               AND plan.id = %s
            """,
            job_id,
            plan_id,
        )
    )
    query = SQL(
        """
        SELECT planned.id, copy.id
          FROM batch_operation AS planned
          JOIN batch_operation AS copy ON copy.position = planned.position AND copy.job_id = %s
         WHERE planned.job_id = %s
        """,
        job_id,
        plan_id,
    )
    return dict(fetch(cr, query))


def _chunks_after(cr, plan_id, chunk_id):
    query = SQL(
        """
        SELECT id, kind, operation_type, model, payload, sequence, wait_ids, group_keys, round_no
          FROM batch_chunk
         WHERE %s
           AND kind IN ('records', 'resolve')
         ORDER BY job_id, id
         LIMIT %s
        """,
        rows_of("job_id", plan_id, chunk_id),
        PAGE,
    )
    with by_index(cr):
        return fetch_dicts(cr, query)


def _copy(row, job_id, ids, is_atomic, params):
    """The `NewChunk` that does for real what a chunk of the plan was to do.

    :param dict ids: id of an operation of the plan -> id of its copy
    :param dict params: more parameters
    :raises BadPayload: the chunk can't be read
    """
    payload = Payload.decode(row["payload"])
    payload.operations = [ids[operation] for operation in payload.operations]
    payload.params = {**payload.params, **params}
    payload.is_retry = False
    if row["kind"] == states.RESOLVE and FOUND in payload.items[0]:
        payload.items = [{"record_ids": payload.items[0][FOUND]}]  # what was planned, whatever the domain would find now
    waits = row["wait_ids"] and [ids[operation] for operation in row["wait_ids"]]
    if is_atomic:
        state = states.AWAITING_DRIVER
    else:
        # a chunk of a plan may wait for operations in it: in one transaction they run in order anyway
        waits = waits and [operation for operation in waits if operation not in payload.operations]
        state = states.BLOCKED if waits or row["round_no"] else states.PENDING
    return NewChunk(
        job_id=job_id,
        kind=row["kind"],
        operation_type=row["operation_type"],
        model=row["model"],
        payload=payload,
        state=state,
        sequence=row["sequence"],
        wait_ids=waits,
        group_keys=row["group_keys"],
        round_no=row["round_no"],
    )


def _ended_and_awaited(cr, job_id):
    query = SQL("SELECT id FROM batch_operation WHERE job_id = %s AND state = 'completed' AND is_awaited", job_id)
    return [id_ for (id_,) in fetch(cr, query)]
