"""The records that a job has created or changed. Reads a limited number of its operations and chunks, however many it has."""

import json

from odoo.tools import SQL

from ..engine.operation import DELETE
from ..engine.operations import PRODUCES_IDS
from ..engine.payload import BadPayload, Payload, named_id
from .planning import by_index, rows_of
from .sql import fetch

#: Operations read by one query, and by all of them: those that shared their chunks with others, and hold their ids themselves.
OPERATIONS_AT_ONCE, MOST_OPERATIONS = 1000, 10_000
#: Chunks read by one query, and by all of them.
CHUNKS_AT_ONCE, MOST_CHUNKS = 50, 5000
#: Types of operations whose records are not named in what was sent, or are no more.
UNNAMED = (*PRODUCES_IDS, DELETE)


def ids_of_job(cr, job_id, model, limit):
    """Ids of the first records of a model that a job has created, updated or called.

    :param int limit: most ids
    :returns: `(ids, whether all operations and chunks were read)`
    """
    ids = {}
    with by_index(cr):
        for pages in (_made_by_operations(cr, job_id, model), _of_chunks(cr, job_id, model)):
            for found in pages:
                if found is None or len(ids) > limit:
                    return list(ids)[:limit], False
                ids.update(dict.fromkeys(found))
    return list(ids)[:limit], len(ids) <= limit


def _made_by_operations(cr, job_id, model):
    """Yield lists of ids that operations hold themselves; None where the limit is reached."""
    for after in range(0, MOST_OPERATIONS, OPERATIONS_AT_ONCE):
        query = SQL(
            """
            SELECT CASE WHEN model = %s THEN result END
              FROM batch_operation
             WHERE job_id = %s
               AND position >= %s
             ORDER BY position
             LIMIT %s
            """,
            model,
            job_id,
            after,
            OPERATIONS_AT_ONCE,
        )
        rows = fetch(cr, query)
        yield [id_ for (result,) in rows if result for id_ in json.loads(result) if id_]
        if len(rows) < OPERATIONS_AT_ONCE:
            return
    yield None


def _of_chunks(cr, job_id, model):
    """Yield lists of ids that chunks have produced or were sent; None where the limit is reached."""
    after = 0
    for _page in range(MOST_CHUNKS // CHUNKS_AT_ONCE):
        query = SQL(
            """
            SELECT id,
                   CASE WHEN model = %(model)s AND operation_type = ANY(%(producing)s) THEN result END,
                   CASE WHEN model = %(model)s AND NOT operation_type = ANY(%(unnamed)s) AND kind = 'records' AND state = 'done'
                        THEN payload
                   END
              FROM batch_chunk
             WHERE %(own)s
             ORDER BY job_id, id
             LIMIT %(limit)s
            """,
            model=model,
            producing=list(PRODUCES_IDS),
            unnamed=list(UNNAMED),
            own=rows_of("job_id", job_id, after),
            limit=CHUNKS_AT_ONCE,
        )
        rows = fetch(cr, query)
        for _id, result, payload in rows:
            if result:
                yield [id_ for id_ in json.loads(result)[1] if id_]
            elif payload:
                yield _named_in(payload)
        if len(rows) < CHUNKS_AT_ONCE:
            return
        after = rows[-1][0]
    yield None


def _named_in(text):
    """Ids of the records in the text of a payload; none where it is damaged."""
    try:
        items = Payload.decode(text).items
    except BadPayload:
        return []
    return [id_ for id_ in map(named_id, items) if id_]
