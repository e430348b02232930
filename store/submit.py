"""Stores a submission in bulk: operations, the chunks planned for them, and the upsert keys of a draft."""

from dataclasses import replace

from odoo.tools import SQL

from ..engine import place, states
from ..engine.payload import dumps
from ..engine.row_numbers import ROWS
from .copy import copy_rows
from .references import ids_by_name, mark_awaited
from .release import ended_among, release_waiting
from .rows import NewChunk, NewOperation, insert_chunks, insert_operations
from .sizing import expected_s
from .sql import fetch


def store_operations(cr, job_id, is_atomic, operations, plans):
    """Store operations and the chunks planned for them, after those the job has already.

    The job is new, or the caller has locked it.

    :param bool is_atomic: whether the job runs in one transaction
    :param list operations: parsed `Operation`s
    :param list plans: their `ChunkPlan`s
    :raises TypeError, ValueError: a value has no JSON form; the caller must roll back
    """
    positions = [operation.position for operation in operations]
    ids = dict(zip(positions, _next_operation_ids(cr, len(operations)), strict=True))
    awaited = set().union(*(plan.waits for plan in plans))
    names = ids_by_name(cr, job_id, awaited)  # of operations the job has already
    mark_awaited(cr, names.values())
    names.update(
        (operation.operation_id, ids[operation.position])
        for operation in operations
        if operation.operation_id in awaited
    )
    insert_operations(
        cr,
        (
            _new_operation(job_id, operation, ids[operation.position], operation.operation_id in awaited)
            for operation in operations
        ),
    )
    after = _last_sequence(cr, job_id) + 1
    if is_atomic:
        plans = sorted(plans, key=lambda plan: plan.level)
        places = [(place.planned(number), states.AWAITING_DRIVER) for number in range(len(plans))]  # each after those it depends on
    else:
        places = [(plan.sequence, states.BLOCKED if plan.waits or plan.round_no else states.PENDING) for plan in plans]
    insert_chunks(
        cr,
        (
            _new_chunk(job_id, plan, after + sequence, state, ids, names)
            for plan, (sequence, state) in zip(plans, places, strict=True)
        ),
    )
    if awaited:
        # some of the awaited operations have no records and are completed already
        release_waiting(cr, job_id, ended_among(cr, [names[name] for name in awaited]))
    _add_totals(cr, job_id, operations, expected_s(cr, plans))


def insert_driver(cr, job_id):
    """Store the driver of an atomic job: the chunk that runs all others in one transaction."""
    insert_chunks(cr, [NewChunk.of_job(job_id, states.ATOMIC)])


# -- upsert keys of a draft ------------------------------------------------------------------------


def add_upsert_keys(cr, job_id, last):
    """Store which operation of a draft is the last one with each upsert key.

    :param dict last: key number -> name of the operation
    """
    rows = ((job_id, number, name) for number, name in last.items())
    copy_rows(cr, "batch_draft_key", ("job_id", "number", "operation_name"), rows)


def last_with_upsert_keys(cr, job_id, numbers):
    """The last operation of a draft with each of these upsert keys.

    :param numbers: key numbers
    :returns: key number -> name of the operation, without keys that the draft does not have
    """
    query = SQL(
        """
        SELECT DISTINCT ON (number) number, operation_name
          FROM batch_draft_key
         WHERE job_id = %s
           AND number = ANY(%s)
         ORDER BY number, id DESC
        """,
        job_id,
        list(numbers),
    )
    return dict(fetch(cr, query)) if numbers else {}


def delete_upsert_keys(cr, limit):
    """Delete upsert keys of jobs that are no longer drafts, at most `limit`; returns their number."""
    cr.execute(
        SQL(
            """
            DELETE FROM batch_draft_key
             WHERE id IN (
                SELECT key.id
                  FROM batch_draft_key AS key
                  JOIN batch_job AS job ON job.id = key.job_id
                 WHERE job.state <> 'draft'
                 LIMIT %s
             )
            """,
            limit,
        )
    )
    return cr.rowcount


# -- rows ------------------------------------------------------------------------------------------


def _next_operation_ids(cr, count):
    """Reserve ids of new operations, so that their chunks can refer to them."""
    rows = fetch(cr, SQL("SELECT nextval('batch_operation_id_seq') FROM generate_series(1, %s)", count))
    return [id_ for (id_,) in rows]


def _new_operation(job_id, operation, id_, is_awaited):
    needs = None
    if operation.depends_on or operation.whole_refs:
        needs = dumps([*operation.depends_on, *sorted(operation.whole_refs)])
    return NewOperation(
        id=id_,
        job_id=job_id,
        position=operation.position,
        operation_id=operation.operation_id,
        operation_type=operation.type,
        model=operation.model,
        priority=operation.priority,
        details=_details(operation),
        depends_on=needs,
        return_ids=operation.return_ids,
        data_length=operation.data_length,
        state=states.COMPLETED if _has_nothing_to_do(operation) else states.PENDING,
        is_awaited=is_awaited,
        record_count=operation.record_count,
    )


def _has_nothing_to_do(operation):
    """Whether an operation is completed as soon as it is stored, because it has no records and depends on nothing."""
    return not (operation.record_count or operation.selection or operation.depends_on or operation.whole_refs)


def _details(operation):
    """What an operation does, besides its data, as JSON text for people; None where there is nothing to show."""
    if not (operation.params or operation.selection or operation.group_by or operation.context):
        return None
    details = {key: value for key, value in operation.params.items() if key not in ("duplicates", ROWS)}
    if operation.selection:
        details.update(operation.selection)
    if operation.group_by:
        details["group_by"] = operation.group_by
    if operation.context:
        details["context"] = operation.context
    return dumps(details) if details else None


def _new_chunk(job_id, plan, sequence, state, ids, names):
    payload = replace(plan.payload, operations=[ids[position] for position in plan.payload.operations])
    if plan.after:
        payload.params = {**payload.params, "after": sorted(plan.after)}
    return NewChunk(
        job_id=job_id,
        kind=plan.kind,
        operation_type=plan.operation_type,
        model=plan.model,
        payload=payload,
        state=state,
        sequence=sequence,
        wait_ids=[names[name] for name in plan.waits] if plan.waits else None,
        group_keys=plan.group_keys,
        round_no=plan.round_no,
    )


def _last_sequence(cr, job_id):
    """The last place that a draft's chunks take, including the room for what a selection finds; -1 without chunks."""
    query = SQL(
        """
        SELECT greatest(
            (SELECT max(sequence) FROM batch_chunk WHERE job_id = %(job)s AND state = 'pending'),
            (SELECT max(sequence) FROM batch_chunk WHERE job_id = %(job)s AND state IN ('blocked', 'held'))
        )
        """,
        job=job_id,
    )
    [(last,)] = fetch(cr, query)
    return -1 if last is None else last + 1


def _add_totals(cr, job_id, operations, expected_work_s):
    """Add new operations to the totals of their job.

    :param float expected_work_s: seconds that one lane would need for them
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_job
               SET total_operations = total_operations + %s,
                   completed_operations = completed_operations + %s,
                   total_records = total_records + %s,
                   expected_work = expected_work + %s
             WHERE id = %s
            """,
            len(operations),
            sum(map(_has_nothing_to_do, operations)),
            sum(operation.record_count for operation in operations),
            expected_work_s,
            job_id,
        )
    )
