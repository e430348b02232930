"""What chunks read of other operations of their job: names, states, produced ids."""

import json

from odoo.tools import SQL

from ..engine import states
from ..engine.operation import default_position
from .sql import fetch, fetch_dicts

#: The places in the data of its operation for which a chunk has produced ids, as a range of numbers that are unique over all
#: operations. A range index finds the chunk of a place, whatever the number of chunks.
PLACES_PER_OPERATION = 2**31
_FIRST_PLACE = f"operation_id * {PLACES_PER_OPERATION}"
PRODUCED_AT = f"int8range({_FIRST_PLACE} + first_index, {_FIRST_PLACE} + last_index, '[]')"


def mark_awaited(cr, operation_ids):
    """Record that other operations wait for these."""
    cr.execute(
        SQL(
            "UPDATE batch_operation SET is_awaited = true WHERE id = ANY(%s) AND is_awaited IS FALSE",
            list(operation_ids),
        )
    )


def needed_by(cr, operation_ids):
    """Names of the operations that must have completed before each of these runs.

    :returns: operation id -> list of names
    """
    rows = fetch(cr, SQL("SELECT id, depends_on FROM batch_operation WHERE id = ANY(%s)", list(set(operation_ids))))
    return {id_: json.loads(names) if names else [] for id_, names in rows}


def ids_by_name(cr, job_id, names):
    """Ids of the operations of a job with these names.

    :returns: name -> id, without names that no operation has
    """
    names = list(names)
    if not names:
        return {}
    places = [place for place in map(default_position, names) if place is not None]
    query = SQL(
        """
        SELECT operation_id, id
          FROM batch_operation
         WHERE job_id = %(job)s
           AND position = ANY(%(places)s::integer[])
           AND operation_id = ANY(%(names)s)
         UNION
        SELECT operation_id, id
          FROM batch_operation
         WHERE job_id = %(job)s
           AND operation_id = ANY(%(names)s)
           AND operation_id <> 'op-' || ("position" + 1)::text
        """,
        job=job_id,
        places=places,
        names=names,
    )
    return dict(fetch(cr, query))


def produced(cr, job_id, wanted, *, is_atomic=False):
    """States of operations and the ids they have produced; only the wanted ids are read.

    :param dict wanted: name -> wanted places in its data; None for all of them
    :param bool is_atomic: the caller runs a whole job in one transaction, whose chunks are not counted yet
    :returns: name -> `(state, ids)`; ids are a dict by place, or, where all are wanted, a list aligned with the data (False
        where there is none)
    """
    by_name = ids_by_name(cr, job_id, wanted)
    places = {by_name[name]: sorted(found) for name, found in wanted.items() if found}
    whole = [by_name[name] for name, found in wanted.items() if found is None]
    rows = fetch_dicts(
        cr,
        SQL(
            """
            SELECT id, state, data_length, CASE WHEN id = ANY(%s) THEN result END AS result
              FROM batch_operation
             WHERE id = ANY(%s)
            """,
            [*places, *whole],
            list(by_name.values()),
        ),
    )
    known = {row["id"]: row["state"] for row in rows}
    if is_atomic:
        known.update(_uncounted_states(cr, known))
    ids = collect_ids(cr, [row for row in rows if row["id"] in whole]) if whole else {}
    ids.update(_pick_ids(cr, [row for row in rows if row["id"] in places], places))
    return {name: (known[id_], ids.get(id_, {})) for name, id_ in by_name.items()}


def collect_ids(cr, rows):
    """All ids that operations have produced, from their own rows and from chunks that they don't share.

    :param list rows: dicts with id, data_length and result of operations
    :returns: operation id -> a list aligned with its data, False where there is none
    """
    kept_by_row = json.loads(f"[{','.join(row['result'] or 'null' for row in rows)}]")
    ids = {row["id"]: kept or [False] * row["data_length"] for row, kept in zip(rows, kept_by_row, strict=True)}
    incomplete = [operation_id for operation_id, kept in ids.items() if False in kept]
    chunks = fetch(
        cr,
        SQL(
            """
            SELECT operation_id, result
              FROM batch_chunk
             WHERE operation_id = ANY(%s)
               AND result IS NOT NULL
             ORDER BY operation_id, id
            """,
            incomplete,
        ),
    )
    for operation_id, result in chunks:
        kept = ids[operation_id]
        for index, id_ in zip(*json.loads(result), strict=True):
            kept[index] = id_
    return ids


def _uncounted_states(cr, operation_ids):
    """States of unfinished operations with chunks that they don't share, from the counters of those."""
    rows = fetch(
        cr,
        SQL(
            """
            SELECT operation.id,
                   operation.record_count + sum(chunk.found_records),
                   sum(chunk.processed_records),
                   sum(chunk.failed_records),
                   sum(chunk.cancelled_records),
                   bool_or(chunk.kind = 'resolve' AND chunk.finished_at IS NULL),
                   bool_or(chunk.skip_reason IS NOT NULL)
              FROM batch_operation AS operation
              JOIN batch_chunk AS chunk ON chunk.operation_id = operation.id
             WHERE operation.id = ANY(%s)
               AND operation.state IN ('pending', 'running')
             GROUP BY operation.id
            """,
            list(operation_ids),
        ),
    )
    return {id_: states.counted_state(*counts, is_open, is_skipped) for id_, *counts, is_open, is_skipped in rows}


def _pick_ids(cr, rows, places):
    """Single ids of operations, from their own rows, else from the chunks that have produced them.

    :param list rows: dicts with id and result of operations
    :param dict places: operation id -> the places in its data, in order
    :returns: operation id -> place -> id
    """
    found = {
        row["id"]: {place: kept[place] for place in places[row["id"]] if place < len(kept) and kept[place]}
        for row in rows
        for kept in [json.loads(row["result"] or "[]")]
    }
    asked = [(id_, left) for id_, kept in found.items() if (left := [p for p in places[id_] if p not in kept])]
    runs = [
        (id_ * PLACES_PER_OPERATION + first, id_ * PLACES_PER_OPERATION + last)
        for id_, left in asked
        for first, last in _runs(left)
    ]
    chunks = fetch(
        cr,
        SQL(
            """
            SELECT operation_id, result
              FROM batch_chunk
             WHERE id = ANY(ARRAY(
                SELECT DISTINCT chunk.id
                  FROM unnest(%s::bigint[], %s::bigint[]) AS run (first, last)
                  JOIN batch_chunk AS chunk ON %s && int8range(run.first, run.last, '[]') AND first_index IS NOT NULL
             ))
            """,
            [first for first, _last in runs],
            [last for _first, last in runs],
            SQL(PRODUCED_AT),
        ),
    )
    wanted = {id_: set(left) for id_, left in asked}
    for id_, result in chunks:
        found[id_].update((place, made) for place, made in zip(*json.loads(result), strict=True) if place in wanted[id_])
    return found


def _runs(places):
    """`[first, last]` of each run of consecutive places.

    :param list places: in order
    """
    runs = []
    for place in places:
        if runs and place == runs[-1][1] + 1:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    return runs
