"""Results of a job: pages of its operations, and the record ids of one operation."""

import json

from odoo.tools import SQL

from ..engine.effects import aligned, put_effects
from ..engine.payload import BadPayload, Payload, named_id
from .planning import rows_of
from .sql import fetch, fetch_dicts

#: Chunks whose payloads or results are read by one query.
READ_AT_ONCE = 20


def operations_page(cr, job_id, offset, limit, only_failed=False):
    """Rows of the operations of a job, in submission order, as `engine.report.operation_entry` needs them.

    :param int offset: rows to skip
    :param int limit: most rows
    :param bool only_failed: only operations with failed records; `offset` counts these
    :returns: list of dicts
    """
    return fetch_dicts(
        cr,
        SQL(
            """
            SELECT id, operation_id, operation_type, model, state, record_count, processed_records, failed_records,
                   cancelled_records, created_records, updated_records, unchanged_records, deleted_records,
                   warning_count, data_length, return_ids, duration, error, result, outcomes,
                   CASE operation_type WHEN 'call' THEN details END AS call
              FROM batch_operation
             WHERE job_id = %(job)s
               AND %(page)s
             LIMIT %(limit)s
            """,
            job=job_id,
            # positions have no gaps, so a page of all operations needs no OFFSET
            page=SQL(
                "failed_records > 0 ORDER BY position OFFSET %s" if only_failed else "position >= %s ORDER BY position",
                offset,
            ),
            limit=limit,
        ),
    )


def outcomes_of(cr, rows):
    """What became of each record of operations, aligned with their data: see `engine.effects`.

    :param list rows: of `operations_page`
    :returns: operation id -> list, False where a record has not succeeded
    """
    outcomes = {row["id"]: aligned(row["outcomes"], row["data_length"]) for row in rows}
    incomplete = [operation_id for operation_id, kept in outcomes.items() if False in kept]
    chunks = fetch(
        cr,
        SQL(
            """
            SELECT operation_id, outcomes
              FROM batch_chunk
             WHERE operation_id = ANY(%s)
               AND outcomes IS NOT NULL
             ORDER BY operation_id, id
            """,
            incomplete,
        ),
    )
    for operation_id, text in chunks:
        put_effects(outcomes[operation_id], text)
    return outcomes


def made_ids(cr, operation_id, limit):
    """Ids of the first records that an operation has produced, at most `limit`.

    Its chunks are read only until there are enough.
    """
    [(result,)] = fetch(cr, SQL("SELECT result FROM batch_operation WHERE id = %s", operation_id))
    ids = [id_ for id_ in json.loads(result or "[]") if id_]
    for text in _texts(cr, "result", "operation_id", operation_id, SQL("result IS NOT NULL")):
        if len(ids) >= limit:
            break
        ids += json.loads(text)[1]
    return ids[:limit]


def named_ids(cr, operation_id, limit):
    """Ids of the existing records that an operation has run on, failed ones included, at most `limit`."""
    query = SQL("SELECT job_id, record_count FROM batch_operation WHERE id = %s", operation_id)
    [(job_id, record_count)] = fetch(cr, query)
    ids = {}
    has_run = SQL("kind = 'records' AND state = 'done'")
    own = "operation_id", operation_id, has_run
    shared = "job_id", job_id, SQL("operation_id IS NULL AND %s", has_run)
    for chunks in (own, shared):
        for text in _texts(cr, "payload", *chunks):
            ids.update(dict.fromkeys(_named_in(text, operation_id)))
            if len(ids) >= min(record_count, limit):
                return list(ids)[:limit]
    return list(ids)


def _named_in(text, operation_id):
    """Ids of an operation's records in the text of a payload; none where the payload is damaged."""
    try:
        payload = Payload.decode(text)
    except BadPayload:
        return []
    items = (item for item, owner in zip(payload.items, payload.operations, strict=True) if owner == operation_id)
    return [id_ for id_ in map(named_id, items) if id_]


def _texts(cr, column, owner, owner_id, condition):
    """Yield a column of chunks in order, reading `READ_AT_ONCE` rows at a time: the caller may stop early.

    :param str owner: operation_id or job_id
    :param SQL condition: which of the owner's chunks
    """
    after = 0
    while rows := fetch(
        cr,
        SQL(
            """
            SELECT id, %(column)s
              FROM batch_chunk
             WHERE %(own)s
               AND %(condition)s
             ORDER BY %(owner)s, id
             LIMIT %(limit)s
            """,
            column=SQL.identifier(column),
            owner=SQL.identifier(owner),
            own=rows_of(owner, owner_id, after),
            condition=condition,
            limit=READ_AT_ONCE,
        ),
    ):
        yield from (text for _id, text in rows)
        after = rows[-1][0]
