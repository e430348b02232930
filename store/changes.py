"""What a job has changed of its records."""

import json

from odoo.tools import SQL

from ..engine.payload import dumps
from .copy import copy_rows
from .planning import by_index, rows_of
from .sql import fetch, fetch_dicts

#: Columns of a change as they are inserted.
INSERTED = ("job_id", "operation_id", "chunk_id", "index", "model", "record_id", "action", "before", "after", "kept")
#: Columns of a change as it is read; the table has the alias `change`.
READ = SQL("change.id, change.operation_id, change.index, change.model, change.record_id, change.action, change.before, change.after")
#: Most bytes of values in a page of changes: more would not fit into the memory of a worker.
PAGE_BYTES = 8_000_000
#: (database, job, its end) -> number of its changes; for so many jobs.
COUNTED = {}
MOST_COUNTED = 1_000


def store_changes(cr, claim, payload, changes):
    """Store the changes of a chunk, in the order in which they took effect.

    :param claim: the `Claim` of the chunk
    :param payload: its `Payload`, whose positions the changes name
    :param changes: iterable of `Change`s
    """
    insert_changes(cr, (change_row(claim, payload, change) for change in changes))


def change_row(claim, payload, change):
    """The row of a `Change`: a tuple of `INSERTED`."""
    return (
        claim.job_id,
        payload.operations[change.position],
        claim.chunk_id,
        payload.indexes[change.position],
        claim.model,
        change.record_id,
        change.action,
        dumps(change.before),
        dumps(change.after),
        None if change.kept is None else dumps(change.kept),
    )


def insert_changes(cr, rows):
    """Insert rows by COPY.

    :param rows: iterable of tuples as `change_row` makes them
    """
    copy_rows(cr, "batch_change", INSERTED, rows)


def changes_page(cr, job_id, offset, limit):
    """A page of the changes of a job, in the order in which they took effect. It ends before `PAGE_BYTES`, but holds one change at least.

    :param int offset: changes to skip
    :param int limit: most changes to return
    :returns: entries in the form of the API, see `engine.change.change_entry`
    """
    return [entry for _id, entry in _page(cr, job_id, 0, offset, limit)]


def changes_after(cr, job_id, change_id, limit):
    """The next changes of a job, as `changes_page`.

    :param int change_id: id of the change before them, or 0
    :param int limit: most changes to return
    :returns: pairs of the id of a change and its entry
    """
    return _page(cr, job_id, change_id, 0, limit)


def _page(cr, job_id, after, offset, limit):
    query = SQL(
        """
        SELECT change.id, operation.operation_id, index, change.model, record_id, action, before, after
          FROM (  -- lengths are known without reading the values
            SELECT change.*,
                   row_number() OVER (ORDER BY change.id) AS place,
                   sum(octet_length(before) + octet_length(after)) OVER (ORDER BY change.id) AS bytes
              FROM (  -- by the index alone: those before the page are not read
                SELECT id
                  FROM batch_change
                 WHERE %(own)s
                 ORDER BY job_id, id
                OFFSET %(offset)s
                 LIMIT %(limit)s
             ) AS page
              JOIN batch_change AS change ON change.id = page.id
         ) AS change
          JOIN batch_operation AS operation ON operation.id = change.operation_id
         WHERE change.bytes <= %(most)s OR change.place = 1
         ORDER BY change.id
        """,
        own=rows_of("job_id", job_id, after),
        offset=offset,
        limit=limit,
        most=PAGE_BYTES,
    )
    with by_index(cr, "enable_hashjoin", "enable_mergejoin"):
        return [(row.pop("id"), _decoded(row)) for row in fetch_dicts(cr, query)]


def count_changes(cr, job_id):
    """Number of changes of a job."""
    query = SQL("SELECT count(*) FROM batch_change WHERE job_id = %s", job_id)
    with by_index(cr):
        return fetch(cr, query)[0][0]


def counted_changes(cr, job_id):
    """As `count_changes`, but of a job that has ended they are counted once, for all its pages."""
    [(ended,)] = fetch(cr, SQL("SELECT finished_at FROM batch_job WHERE id = %s", job_id))
    if ended is None:
        return count_changes(cr, job_id)
    key = cr.dbname, job_id, ended
    number = COUNTED.get(key)
    if number is None:
        if len(COUNTED) >= MOST_COUNTED:
            COUNTED.clear()
        number = COUNTED[key] = count_changes(cr, job_id)
    return number


def changes_by_id(cr, ids):
    """Changes by their ids.

    :param ids: of changes
    :returns: dict id -> dict with `READ` and kept; before, after and kept are decoded
    """
    query = SQL("SELECT %s, kept FROM batch_change AS change WHERE id = ANY(%s)", READ, list(ids))
    return {row["id"]: _decoded(row) for row in fetch_dicts(cr, query)}


def changes_at(cr, operation_id, first, last):
    """Changes of an operation's records by their places in its data, in the order in which they took effect.

    :param int operation_id: id of the operation's row
    :param int first: lowest place
    :param int last: highest place
    :returns: dicts as of `changes_by_id`
    """
    query = SQL(
        """
        SELECT %s, kept
          FROM batch_change AS change
         WHERE operation_id = %s
           AND index BETWEEN %s AND %s
         ORDER BY operation_id, index
        """,
        READ,
        operation_id,
        first,
        last,
    )
    with by_index(cr):
        rows = fetch_dicts(cr, query)
    return sorted(map(_decoded, rows), key=lambda row: row["id"])


def changes_shown(cr, ids, longest=None):
    """What pages show of changes.

    :param list ids: of changes
    :param int longest: most bytes of values to read; None: any number
    :returns: dicts with id, model, record_id, action, job_id, user_id (the submitter of the job), before and after; these two are JSON text, or None
        where they are longer
    """
    query = SQL(
        """
        SELECT id, job_id, model, record_id, action,
               CASE WHEN is_short THEN before END AS before, CASE WHEN is_short THEN after END AS after
          FROM (
            SELECT *, coalesce(octet_length(before) + octet_length(after) <= %s, true) AS is_short
              FROM batch_change
             WHERE id = ANY(%s)
         ) AS change
        """,
        longest,
        ids,
    )
    rows = fetch_dicts(cr, query)
    jobs = list({row["job_id"] for row in rows})
    submitters = dict(fetch(cr, SQL("SELECT id, user_id FROM batch_job WHERE id = ANY(%s)", jobs)))
    return [{**row, "user_id": submitters.get(row["job_id"])} for row in rows]


def values_like(alias, text):
    """The condition that the values before or after hold a text, whatever its case.

    :param str alias: of the table
    """
    before, after = (SQL("%s ILIKE %s", SQL.identifier(alias, column), f"%{text}%") for column in ("before", "after"))
    return SQL("(%s OR %s)", before, after)


def count_kinds(cr, job_id, limit):
    """Numbers of the first changes of a job, by model and action.

    :param int limit: most changes to count
    :returns: rows of (model, action, number)
    """
    query = SQL(
        """
        SELECT model, action, count(*)
          FROM (
            SELECT id, model, action
              FROM batch_change
             WHERE %s
             ORDER BY job_id, id
             LIMIT %s
         ) AS change
         GROUP BY model, action
         ORDER BY min(id)
        """,
        rows_of("job_id", job_id),
        limit,
    )
    with by_index(cr):
        return fetch(cr, query)


def first_changes(cr, job_id, limit):
    """Ids of the first changes of a job, in the order in which they took effect."""
    query = SQL("SELECT id FROM batch_change WHERE %s ORDER BY job_id, id LIMIT %s", rows_of("job_id", job_id), limit)
    with by_index(cr):
        return [id_ for (id_,) in fetch(cr, query)]


def delete_changes(cr, job_id):
    """Delete the changes of a job, because all of it runs again."""
    cr.execute(SQL("DELETE FROM batch_change WHERE job_id = %s", job_id))


def write_changes(cr, job_id, pages, file):
    """Write the changes of a job into a file, which outlives the rollback of the transaction that has stored them.

    :param dict pages: operation id -> id of the chunk that its changes are to be of, where their own goes with the rollback
    :param file: a binary file
    """
    query = SQL(
        """
        COPY (
            SELECT %(columns)s
              FROM batch_change AS change
              LEFT JOIN json_each_text(%(pages)s) AS page ON page.key::integer = change.operation_id
             WHERE change.job_id = %(job)s
             ORDER BY change.id
        ) TO STDOUT
        """,
        columns=SQL(", ").join(
            SQL("coalesce(page.value::integer, change.chunk_id)") if name == "chunk_id" else SQL.identifier("change", name)
            for name in INSERTED
        ),
        pages=dumps(pages),
        job=job_id,
    )
    cr._obj.copy_expert(cr.mogrify(query), file)


def read_changes(cr, file):
    """Store the changes that `write_changes` has written.

    :param file: a binary file
    """
    columns = SQL(", ").join(SQL.identifier(name) for name in INSERTED)
    cr._obj.copy_expert(SQL("COPY batch_change (%s) FROM STDIN", columns).code, file)


def _decoded(row):
    for name in ("before", "after", "kept"):
        if row.get(name) is not None:
            row[name] = json.loads(row[name])
    return row
