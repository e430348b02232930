"""Results of operations that share a chunk: written to their rows when the chunk is settled."""

import json
from dataclasses import dataclass, field

from odoo.tools import SQL

from ..engine import states
from ..engine.effects import EFFECTS, decode_effects, encode_effects
from ..engine.payload import dumps
from ..engine.tally import OperationTally
from .sql import NOW, fetch, fetch_dicts


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
    share = duration / len(payload)
    ended = EndedOperations()
    if outcome.is_plain:
        for operation_id, is_awaited in _settle_singles(cr, payload, outcome, places, share):
            del places[operation_id]
            ended.completed += 1
            if is_awaited:
                ended.awaited.append(operation_id)
    if places:
        _settle_any(cr, payload, outcome, places, share, ended)
    return ended


def _settle_singles(cr, payload, outcome, places, share):
    """Complete the operations of a single record that have not run before; they are most of those that share chunks.

    :param Outcome outcome: all records have succeeded, and there is nothing else to tell
    :param dict places: operation -> positions of its records in the chunk
    :param float share: seconds per record
    :returns: `(operation, whether others may wait for it)` of each that was completed
    """
    results = {}
    for operation_id, positions in places.items():
        if len(positions) == 1 and payload.indexes[positions[0]] == 0:
            record_id = outcome.ids[positions[0]]
            effect = outcome.effects.get(positions[0])
            results[operation_id] = [
                None if record_id is True else dumps([record_id]),
                encode_effects({0: effect}) if effect else None,
                *(int(effect == one) for one in EFFECTS),
            ]
    query = SQL(
        """
        UPDATE batch_operation AS operation
           SET state = 'completed',
               processed_records = 1,
               warning_count = 0,
               result = new.entry->>0,
               outcomes = new.entry->>1,
               created_records = (new.entry->>2)::integer,
               updated_records = (new.entry->>3)::integer,
               unchanged_records = (new.entry->>4)::integer,
               deleted_records = (new.entry->>5)::integer,
               duration = %(duration)s,
               started_at = coalesce(operation.started_at, now() AT TIME ZONE 'UTC'),
               finished_at = %(now)s
          FROM json_each(%(results)s) AS new (id, entry)
         WHERE operation.id = new.id::integer
           -- as one condition, of which PostgreSQL expects nothing: with several it expects few rows, and reads the whole table
           AND CASE
                WHEN operation.record_count = 1
                     AND (operation.data_length = 1 OR new.entry->>0 IS NULL)
                     AND operation.processed_records = 0
                     AND operation.failed_records = 0
                     AND operation.cancelled_records = 0
                     AND operation.warning_count IS NULL
                     AND operation.result IS NULL
                     AND operation.error IS NULL
                     AND operation.duration IS NULL
                THEN true
           END
        RETURNING operation.id, operation.is_awaited IS NOT FALSE
        """,
        duration=share,
        now=NOW,
        results=dumps(results),
    )
    return fetch(cr, query) if results else []


def _settle_any(cr, payload, outcome, places, share, ended):
    """Add the outcome of a chunk to any operations.

    :param dict places: operation -> positions of its records in the chunk
    :param float share: seconds per record
    :param EndedOperations ended: what has ended is added to it
    """
    rows = fetch_dicts(
        cr,
        SQL(
            """
            SELECT id, record_count, data_length, processed_records, failed_records, cancelled_records, warning_count, result, error,
                   outcomes, is_awaited IS NOT FALSE AS is_awaited
              FROM batch_operation
             WHERE id = ANY(%s)
            """,
            list(places),
        ),
    )
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
               outcomes = result.outcomes,
               created_records = result.created_records,
               updated_records = result.updated_records,
               unchanged_records = result.unchanged_records,
               deleted_records = result.deleted_records,
                   result = result.ids,
                   error = result.error,
                   duration = coalesce(operation.duration, 0) + result.duration,
                   started_at = coalesce(operation.started_at, now() AT TIME ZONE 'UTC'),
                   finished_at = CASE WHEN result.is_final THEN %(now)s END
              FROM json_to_recordset(%(results)s)
                AS result (
                    id integer, state text, processed integer, failed integer, cancelled integer, warnings integer,
                    created_records integer, updated_records integer, unchanged_records integer, deleted_records integer,
                    outcomes text, ids text, error text, duration float, is_final boolean
                )
             WHERE operation.id = result.id
            """,
            now=NOW,
            results=dumps(results),
        )
    )
    final = {result["id"]: result["state"] for result in results if result["is_final"]}
    completed = sum(state == states.COMPLETED for state in final.values())
    ended.completed += completed
    ended.failed += len(final) - completed
    ended.awaited += [row["id"] for row in rows if row["is_awaited"] and row["id"] in final]


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
        dict(decode_effects(row["outcomes"])),
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
        "outcomes": encode_effects(tally.effects),
        **tally.effect_counts,
        "ids": dumps(tally.ids) if tally.ids else None,
        "error": row["error"] or tally.error or tally.skip_reason or outcome.note,
        "duration": share * len(positions),
        "is_final": tally.state in states.OPERATION_FINAL,
    }
