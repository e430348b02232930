"""Stores the job that takes back what another job has changed: its operations and chunks, made of the other's changes."""

import json
from itertools import chain
from operator import itemgetter

from odoo.tools import SQL

from ..engine import place, states
from ..engine.contents import MOST_ENTRIES
from ..engine.operation import ACTION, CALL, UNDO
from ..engine.payload import Payload, dumps
from ..engine.undo import Undone, UndoPlanner
from .planning import by_index
from .rows import NewChunk, NewOperation, insert_chunks, insert_operations
from .sizing import expected_s
from .sql import fetch, fetch_dicts

#: Changes that are read, and whose chunks are stored, at once.
PAGE = 5_000
#: The parameter of a chunk that names the job whose changes it takes back.
UNDONE_JOB = "undone"
#: The parameter that says whether the job has changed a record more than once.
IN_STEPS = "in_steps"
#: Bytes of the values of a change; the table has the alias `change`. Lengths are known without reading the values.
BYTES = SQL("octet_length(change.before) + octet_length(change.after) + coalesce(octet_length(change.kept), 0)")


def is_free_of_order(cr, job_id, actions, deleted=0):
    """Whether a job has changed each record once, and that only by some actions, so that the order does not matter.

    :param actions: constants of `engine.change`
    :param int deleted: records that it counts as deleted: those of which there is no change went with others
    """
    query = SQL(
        """
        SELECT count(*) = count(DISTINCT (model, record_id)) FILTER (WHERE action = ANY(%s))
               AND count(*) FILTER (WHERE action = 'delete') >= %s
          FROM batch_change
         WHERE job_id = %s
        """,
        list(actions),
        deleted,
        job_id,
    )
    with by_index(cr):
        return fetch(cr, query)[0][0]


def has_awaited(cr, job_id):
    """Whether operations of a job have waited for others: by `depends_on`, a reference, or a common key."""
    return fetch(cr, SQL("SELECT EXISTS (SELECT FROM batch_operation WHERE job_id = %s AND is_awaited)", job_id))[0][0]


def store_undo(cr, job_id, undone_id, size):
    """Store the operations and chunks of a new job that takes back what another job has changed, newest first.

    :param int job_id: id of the new job
    :param int undone_id: id of the other job
    :param int size: most changes in a chunk
    :returns: lists of `[type, model, operations, records]`, as of `engine.contents.sum_up`; empty where there is nothing to take back
    """
    changed, untracked = _operations(cr, undone_id)
    ids = iter(_new_ids(cr, len(changed) + len(untracked)))
    operations = {row["id"]: Undone(next(ids), row["changes"], _context(row)) for row in changed}
    blank = [(next(ids), row) for row in untracked]
    insert_operations(cr, _new_operations(job_id, [(operations[row["id"]].id, row) for row in changed] + blank))
    following = _following(cr, undone_id)
    planner = UndoPlanner(operations, size, {UNDONE_JOB: undone_id, IN_STEPS: bool(following)}, following)
    number, expected_work_s = 0, 0.0
    for part in chain(
        ([chunk for change in page for chunk in planner.add(change)] for page in _pages(cr, undone_id)),
        [planner.finish(), _blank_chunks(blank, size)],
    ):
        chunks = [_new_chunk(job_id, *chunk, number + more) for more, chunk in enumerate(part)]
        insert_chunks(cr, chunks)
        number += len(chunks)
        expected_work_s += expected_s(cr, chunks)
    return _set_totals(cr, job_id, [*changed, *untracked], expected_work_s)


def changes_of(cr, job_id, change_ids):
    """Changes of a job by their ids; what is no change of this job is left out.

    :returns: dict id -> dict with id, model, record_id, action, and before, after and kept as JSON texts
    """
    query = SQL(
        """
        SELECT id, model, record_id, action, before, after, kept
          FROM batch_change
         WHERE id = ANY(%s)
           AND job_id = %s
        """,
        list(change_ids),
        job_id,
    )
    return {row["id"]: row for row in fetch_dicts(cr, query)}


def standing(cr, change_ids):
    """Those of some changes that no undo has taken back: ids."""
    return {id_ for (id_,) in fetch(cr, SQL("SELECT id FROM batch_change WHERE id = ANY(%s) AND taken_back IS NOT TRUE", list(change_ids)))}


def mark_taken_back(cr, change_ids):
    """Note that changes are taken back by the transaction that does so."""
    cr.execute(SQL("UPDATE batch_change SET taken_back = true WHERE id = ANY(%s)", list(change_ids)))


def created_by_job(cr, job_id, model, ids):
    """Ids of those records that a job has created.

    :param str model: name of their model
    :param list ids: of records
    """
    query = SQL(
        """
        SELECT record_id
          FROM batch_change
         WHERE model = %s
           AND record_id = ANY(%s)
           AND action = 'create'
           AND job_id = %s
        """,
        model,
        ids,
        job_id,
    )
    with by_index(cr):
        return {id_ for (id_,) in fetch(cr, query)}


def newest_changes(cr, job_id, limit):
    """The newest changes of a job: dicts with id, model, record_id, the bytes of their values, and the details of the operation."""
    query = SQL(
        """
        SELECT change.id, change.model, change.record_id, %(bytes)s AS bytes, operation.details
          FROM (
            SELECT * FROM batch_change WHERE (job_id, id) < (%(job)s + 1, 0) AND job_id >= %(job)s ORDER BY job_id DESC, id DESC LIMIT %(limit)s
         ) AS change
          JOIN batch_operation AS operation ON operation.id = change.operation_id
         ORDER BY change.id DESC
        """,
        bytes=BYTES,
        job=job_id,
        limit=limit,
    )
    with by_index(cr, "enable_hashjoin", "enable_mergejoin"):
        return fetch_dicts(cr, query)


# -- reading the other job -------------------------------------------------------------------------


def _operations(cr, job_id):
    """The operations of a job that have changed something, and those of which that is not known, each newest first.

    :returns: two lists of dicts; those of the first have the number of `changes`
    """
    query = SQL(
        """
          WITH changed AS MATERIALIZED (
            SELECT operation_id, count(*) AS changes FROM batch_change WHERE job_id = %(job)s GROUP BY operation_id
          )
        SELECT operation.id, operation.operation_id, operation.operation_type, operation.model, operation.details,
               changed.changes
          FROM batch_operation AS operation
          LEFT JOIN changed ON changed.operation_id = operation.id
         WHERE operation.job_id = %(job)s
           AND (changed.changes > 0 OR operation.operation_type = ANY(%(untracked)s) AND operation.processed_records > 0)
         ORDER BY operation.position DESC
        """,
        job=job_id,
        untracked=[CALL, ACTION],
    )
    with by_index(cr):
        rows = fetch_dicts(cr, query)
    changed = [row for row in rows if row["changes"]]
    return changed, [{**row, "changes": 1} for row in rows if not row["changes"] and "track_fields" not in _details(row)]


def _pages(cr, job_id):
    """Yield the changes of a job, newest first, in pages: lists of dicts."""
    before = job_id + 1, 0
    while before:
        query = SQL(
            """
            SELECT id, operation_id, index, model, record_id, %s AS bytes
              FROM batch_change AS change
             WHERE (job_id, id) < (%s, %s)  -- see `rows_of`
               AND job_id >= %s
             ORDER BY job_id DESC, id DESC
             LIMIT %s
            """,
            BYTES,
            *before,
            job_id,
            PAGE,
        )
        with by_index(cr):
            rows = fetch_dicts(cr, query)
        yield rows
        before = (job_id, rows[-1]["id"]) if len(rows) == PAGE else None


def _following(cr, job_id):
    """The changes of a job that were followed by others of the same record: id of each -> id of the next one."""
    query = SQL(
        """
        SELECT id, following
          FROM (
            SELECT id, lead(id) OVER (PARTITION BY model, record_id ORDER BY id) AS following
              FROM batch_change
             WHERE job_id = %s
          ) AS change
         WHERE following IS NOT NULL
        """,
        job_id,
    )
    with by_index(cr):
        return dict(fetch(cr, query))


def _details(row):
    return json.loads(row["details"]) if row["details"] else {}


def _context(row):
    return _details(row).get("context") or {}


# -- storing the new one ---------------------------------------------------------------------------


def _new_ids(cr, count):
    rows = fetch(cr, SQL("SELECT nextval('batch_operation_id_seq') FROM generate_series(1, %s)", count))
    return [id_ for (id_,) in rows]


def _new_operations(job_id, rows):
    """Yield the `NewOperation`s that take back these operations.

    :param list rows: pairs of the new id and the other operation
    """
    for position, (id_, row) in enumerate(rows):
        context = _context(row)
        yield NewOperation(
            id=id_,
            job_id=job_id,
            position=position,
            operation_id=row["operation_id"],
            operation_type=UNDO,
            model=row["model"],
            priority=0,
            details=dumps({"context": context}) if context else None,
            data_length=row["changes"],
            record_count=row["changes"],
        )


def _blank_chunks(operations, size):
    """Yield `(model, payload)` of chunks for operations of which nobody knows what they have changed: one item for each.

    :param list operations: pairs of the new id and the other operation
    """
    by_model = {}
    for id_, row in operations:
        by_model.setdefault(row["model"], []).append(id_)
    for model, ids in by_model.items():
        for first in range(0, len(ids), size):
            part = ids[first : first + size]
            yield model, Payload([None] * len(part), part, [0] * len(part))


def _new_chunk(job_id, model, payload, number):
    return NewChunk(
        job_id=job_id,
        kind=states.RECORDS,
        operation_type=UNDO,
        model=model,
        payload=payload,
        sequence=place.planned(number),
    )


def _set_totals(cr, job_id, rows, expected_work_s):
    """Write the totals of a new job, and sum up its operations.

    :param list rows: the operations that are taken back, with their `changes`
    :param float expected_work_s: seconds that one lane would need for them
    """
    sums = {}
    for row in rows:
        entry = sums.setdefault(row["model"], [0, 0])
        entry[0] += 1
        entry[1] += row["changes"]
    cr.execute(
        SQL(
            "UPDATE batch_job SET total_operations = %s, total_records = %s, expected_work = %s WHERE id = %s",
            len(rows),
            sum(row["changes"] for row in rows),
            expected_work_s,
            job_id,
        )
    )
    contents = sorted(([UNDO, model, *counts] for model, counts in sums.items()), key=itemgetter(3), reverse=True)
    return contents[:MOST_ENTRIES]
