"""Deletes what belongs to deleted jobs, and changes that are kept no longer: piece by piece, each by an index.

A trigger notes each deleted job in `batch_remains` (`store.schema`), whoever deletes it. A piece begins where the last one has ended:
the rows deleted before it stay in the index until a vacuum, and are not looked at again.
"""

from odoo.tools import SQL

from .sql import fetch, fetch_dicts

#: Table -> the column that orders its rows within a job; there is an index on (job_id, column).
ORDER = {
    "batch_chunk": "id",
    "batch_failure": "chunk_id",
    "batch_warning": "chunk_id",
    "batch_change": "id",
    "batch_draft_key": "number",
    "batch_operation": "position",
}
TABLES = tuple(ORDER)
CHANGES = TABLES.index("batch_change")
#: Less than any value of these columns.
FIRST = -(2**31)


def lock_remains(cr, job_ids=None):
    """Lock what is left of the job that was deleted first, of those that nobody else is at.

    :param job_ids: of these jobs only; None: of any
    :returns: a dict with id, job_id, only_changes, stage (place in `TABLES`) and reached (see `delete_piece`); None where there is none
    """
    condition = SQL() if job_ids is None else SQL("WHERE job_id = ANY(%s)", list(job_ids))
    query = SQL(
        """
        SELECT id, job_id, only_changes IS TRUE AS only_changes, stage, reached
          FROM batch_remains
               %s
         ORDER BY id
         LIMIT 1
           FOR UPDATE SKIP LOCKED
        """,
        condition,
    )
    rows = fetch_dicts(cr, query)
    return rows[0] if rows else None


def are_left(cr, job_ids):
    """Whether anything is left of these jobs."""
    return bool(fetch(cr, SQL("SELECT 1 FROM batch_remains WHERE job_id = ANY(%s) ORDER BY id LIMIT 1", list(job_ids))))


def delete_piece(cr, remains, limit):
    """Delete the next rows of one table.

    :param dict remains: from `lock_remains`; is moved on. Its `stage` is None once nothing is left
    :param int limit: most rows
    :returns: their number
    """
    name = TABLES[remains["stage"]]
    table, order = SQL.identifier(name), SQL.identifier(ORDER[name])
    query = SQL(
        """
          WITH piece AS MATERIALIZED (
            SELECT id, %(order)s AS place
              FROM %(table)s
             -- not `job_id =`: only this index has the order, whatever the statistics say
             WHERE (job_id, %(order)s) >= (%(job)s, %(reached)s)
               AND job_id <= %(job)s
             ORDER BY job_id, %(order)s
             LIMIT %(limit)s
          ),
          deleted AS (
            DELETE FROM %(table)s WHERE id = ANY(ARRAY(SELECT id FROM piece))
          )
        SELECT count(*), max(place) FROM piece
        """,
        table=table,
        order=order,
        job=remains["job_id"],
        reached=remains["reached"],
        limit=limit,
    )
    [(count, last)] = fetch(cr, query)
    if count == limit:
        remains["reached"] = last
    else:
        is_last = remains["only_changes"] or remains["stage"] + 1 == len(TABLES)
        remains.update(stage=None if is_last else remains["stage"] + 1, reached=FIRST)
    return count


def store_remains(cr, remains):
    """Store how far the deletion is; where nothing is left, that is forgotten too.

    :param dict remains: from `lock_remains`, after some calls of `delete_piece`
    """
    if remains["stage"] is None:
        cr.execute(SQL("DELETE FROM batch_remains WHERE id = %s", remains["id"]))
    else:
        cr.execute(
            SQL("UPDATE batch_remains SET stage = %s, reached = %s WHERE id = %s", remains["stage"], remains["reached"], remains["id"])
        )


def give_up_changes(cr, job_ids):
    """Let the changes of jobs be deleted, while the jobs stay."""
    cr.execute(SQL("UPDATE batch_job SET changes_gone = true WHERE id = ANY(%s)", list(job_ids)))
    cr.execute(
        SQL(
            """
            INSERT INTO batch_remains (job_id, only_changes, stage, reached)
            SELECT job_id, true, %s, %s
              FROM unnest(%s::integer[]) AS job_id
            """,
            CHANGES,
            FIRST,
            list(job_ids),
        )
    )
