"""Results of operations that share a chunk: written to their rows when the chunk is settled."""

import json
from dataclasses import dataclass, field

from odoo.tools import SQL

from ..engine import states
from ..engine.payload import dumps
from ..engine.tally import OperationTally
from .sql import NOW, fetch_dicts


@dataclass(slots=True)
class EndedOperations:
    """Operations that ended with a chunk: how many completed and how many not, and the ids of those that others wait for."""

    completed: int = 0
    failed: int = 0
    awaited: list[int] = field(default_factory=list)


def settle_shared(cr, payload, outcome, duration):
    """Write the results of operations that share a chunk, in the transaction of its work.

    They are added to what an operation has already, if it ran in parts (a retry, a long isolation).

    :param payload: the `Payload` that has run
    :param outcome: its `Outcome`
    :param float duration: seconds it took
    :rtype: EndedOperations
    """
    places = {}
    for position, operation_id in enumerate(payload.operations):
        places.setdefault(operation_id, []).append(position)
    rows = fetch_dicts(
        cr,
        SQL(
            """
            SELECT id, record_count, data_length, processed_records, failed_records, cancelled_records, warning_count, result, error,
                   is_awaited IS NOT FALSE AS is_awaited
              FROM batch_operation
             WHERE id = ANY(%s)
            """,
            list(places),
        ),
    )
    share = duration / len(payload)
    results = [_result(row, places[row["id"]], payload, outcome, share) for row in rows]
    cr.execute(
        SQL(
            """
            UPDATE batch_operation AS operation
               SET state = result.state,
                   processed_records = result.processed,
                   failed_records = result.failed,
                   cancelled_records = result.cancelled,
                   warning_count = result.warnings,
                   result = result.ids,
                   error = result.error,
                   duration = coalesce(operation.duration, 0) + result.duration,
                   started_at = coalesce(operation.started_at, now() AT TIME ZONE 'UTC'),
                   finished_at = CASE WHEN result.is_final THEN %(now)s END
              FROM json_to_recordset(%(results)s)
                AS result (
                    id integer, state text, processed integer, failed integer, cancelled integer, warnings integer,
                    ids text, error text, duration float, is_final boolean
                )
             WHERE operation.id = result.id
            """,
            now=NOW,
            results=dumps(results),
        )
    )
    ended = {result["id"]: result["state"] for result in results if result["is_final"]}
    completed = sum(state == states.COMPLETED for state in ended.values())
    awaited = [row["id"] for row in rows if row["is_awaited"] and row["id"] in ended]
    return EndedOperations(completed, len(ended) - completed, awaited)


def _result(row, positions, payload, outcome, share):
    """The new values of an operation's row: its old ones plus the outcome of its records in this chunk.

    :param dict row: the operation
    :param list positions: of its records in the chunk
    :param float share: seconds per record
    """
    tally = OperationTally(
        row["record_count"],
        row["data_length"],
        row["processed_records"],
        row["failed_records"],
        row["cancelled_records"],
        row["warning_count"] or 0,
        json.loads(row["result"]) if row["result"] else None,
    )
    for position in positions:
        tally.add(outcome, position, payload.indexes[position])
    return {
        "id": row["id"],
        "state": tally.state,
        "processed": tally.processed,
        "failed": tally.failed,
        "cancelled": tally.cancelled,
        "warnings": tally.warnings,
        "ids": dumps(tally.ids) if tally.ids else None,
        "error": row["error"] or tally.error or tally.skip_reason or outcome.note,
        "duration": share * len(positions),
        "is_final": tally.state in states.OPERATION_FINAL,
    }
