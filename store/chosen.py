"""Failures that somebody has chosen: to be run again by themselves, mended in a file, or dismissed."""

from odoo.tools import SQL

from .findings import STANDING
from .planning import by_index, rows_of
from .sql import NOW, fetch, fetch_dicts


def standing_after(cr, job_id, failure_id, limit):
    """Ids of the next failures of a job that stand, in order.

    :param int failure_id: id of the failure before them, or 0
    :param int limit: most rows
    """
    return _ids_after(cr, job_id, failure_id, limit, STANDING)


def dismissed_after(cr, job_id, failure_id, limit):
    """As `standing_after`, of failures that were dismissed and can be restored."""
    return _ids_after(cr, job_id, failure_id, limit, SQL("retried_at IS NULL AND dismissed_at IS NOT NULL"))


def _ids_after(cr, job_id, failure_id, limit, condition):
    query = SQL(
        "SELECT id FROM batch_failure WHERE %s AND %s ORDER BY job_id, id LIMIT %s",
        rows_of("job_id", job_id, failure_id),
        condition,
        limit,
    )
    with by_index(cr, "enable_incremental_sort"):
        return [id_ for (id_,) in fetch(cr, query)]


# -- to be run again -------------------------------------------------------------------------------


def begin_choice(cr, job_id):
    """The number of a new choice among the failures of a locked job; earlier choices are void."""
    [(number,)] = fetch(cr, SQL("UPDATE batch_job SET chosen = coalesce(chosen, 0) + 1 WHERE id = %s RETURNING chosen", job_id))
    return number


def choose(cr, number, failure_ids):
    """Add failures that stand to a choice; returns how many were added.

    :param int number: see `begin_choice`
    """
    cr.execute(SQL("UPDATE batch_failure SET chosen = %s WHERE id = ANY(%s) AND %s", number, failure_ids, STANDING))
    return cr.rowcount


def choose_mended(cr, number, values):
    """Add failures that stand to a choice, with new values.

    :param int number: see `begin_choice`
    :param dict values: failure id -> values as JSON
    """
    if values:
        cr.execute_values(
            """
            UPDATE batch_failure AS failure
               SET values = mended.values, chosen = mended.chosen
              FROM (VALUES %s) AS mended (id, values, chosen)
             WHERE failure.id = mended.id
            """,
            [(failure_id, text, number) for failure_id, text in values.items()],
            page_size=len(values),
        )


def chosen_after(cr, job_id, number, failure_id, limit):
    """The next failures of a choice that still stand, in order.

    :param int number: see `begin_choice`
    :param int failure_id: id of the failure before them, or 0
    :param int limit: most rows
    :returns: dicts with id and chunk_id
    """
    return fetch_dicts(
        cr,
        SQL(
            """
            SELECT id, chunk_id
              FROM batch_failure
             WHERE (job_id, chosen, id) > (%(job)s, %(number)s, %(after)s)  -- see `planning.rows_of`
               AND job_id <= %(job)s
               AND chosen = %(number)s
               AND chosen IS NOT NULL
               AND %(standing)s
             ORDER BY job_id, chosen, id
             LIMIT %(limit)s
            """,
            job=job_id,
            number=number,
            after=failure_id,
            standing=STANDING,
            limit=limit,
        ),
    )


# -- dismissed -------------------------------------------------------------------------------------


def dismiss(cr, job_id, failure_ids, user_id):
    """Dismiss failures of a locked job that stand; returns how many."""
    cr.execute(
        SQL(
            "UPDATE batch_failure SET dismissed_at = %s, dismissed_by_id = %s WHERE id = ANY(%s) AND %s",
            NOW,
            user_id,
            failure_ids,
            STANDING,
        )
    )
    return add_dismissed(cr, job_id, cr.rowcount)


def restore(cr, job_id, failure_ids):
    """Let dismissed failures of a locked job stand again; returns how many."""
    cr.execute(
        SQL(
            """
            UPDATE batch_failure
               SET dismissed_at = NULL, dismissed_by_id = NULL
             WHERE id = ANY(%s)
               AND dismissed_at IS NOT NULL
               AND retried_at IS NULL
            """,
            failure_ids,
        )
    )
    restored = cr.rowcount
    add_dismissed(cr, job_id, -restored)
    return restored


def add_dismissed(cr, job_id, count):
    """Add to the number of failures of a job that were dismissed; returns `count`."""
    cr.execute(
        SQL("UPDATE batch_job SET dismissed_records = coalesce(dismissed_records, 0) + %s WHERE id = %s", count, job_id)
    )
    return count


# -- in a file -------------------------------------------------------------------------------------


def failures_page(cr, job_id, failure_id, limit):
    """The next failures of a job that stand, with what a file of them needs.

    :param int failure_id: id of the failure before them, or 0
    :param int limit: most rows
    :returns: dicts with id, chunk_id, operation_id, name and details (of the operation; details of a load or upsert only),
        operation_type, model, index, file_row, record_id, values, error_type, message, and chosen: the number of the last choice they were in
    """
    return _with_names(cr, SQL("id = ANY(%s)", standing_after(cr, job_id, failure_id, limit)))


def failures_at(cr, job_id, places):
    """The failures of a job that stand at these places, with what a file of them needs.

    :param places: `(operation id, index)` pairs
    :returns: dicts as `failures_page`
    """
    places = list(places)
    found = fetch(
        cr,
        SQL(
            """
            SELECT failure.id
              FROM unnest(%(operations)s::integer[], %(indexes)s::integer[]) AS wanted (operation_id, index)
             CROSS JOIN LATERAL (
                SELECT id
                  FROM batch_failure
                 WHERE operation_id = wanted.operation_id
                   AND index = wanted.index
                   AND job_id = %(job)s
                   AND %(standing)s
                OFFSET 0
             ) AS failure
            """,
            operations=[operation for operation, _index in places],
            indexes=[index for _operation, index in places],
            job=job_id,
            standing=STANDING,
        ),
    )
    return _with_names(cr, SQL("id = ANY(%s)", [id_ for (id_,) in found]))


def failures_among(cr, failure_ids):
    """As `failures_page`, the failures with these ids that stand."""
    return _with_names(cr, SQL("id = ANY(%s) AND %s", failure_ids, STANDING))


def described(cr, failure_ids, longest=None):
    """As `failures_page`, the failures with these ids, whether they stand or not.

    :param int longest: longer values are left out; None: all are read
    """
    return _with_names(cr, SQL("id = ANY(%s)", failure_ids), longest)


def _with_names(cr, condition, longest=None):
    return fetch_dicts(
        cr,
        SQL(
            """
            SELECT failure.*, operation.operation_id AS name,
                   CASE WHEN failure.operation_type IN ('load', 'upsert') THEN operation.details END AS details
              FROM (
                SELECT id, chunk_id, operation_id, operation_type, model, index, file_row, record_id, error_type, message, chosen, %s
                  FROM batch_failure
                 WHERE %s
                OFFSET 0
             ) AS failure
              JOIN batch_operation AS operation ON operation.id = failure.operation_id
             ORDER BY failure.id
            """,
            SQL("values") if longest is None else SQL("CASE WHEN length(values) <= %s THEN values END AS values", longest),
            condition,
        ),
    )


def chunk_as_run(cr, chunk_id):
    """Kind and payload (as text) of a chunk."""
    return fetch(cr, SQL("SELECT kind, payload FROM batch_chunk WHERE id = %s", chunk_id))[0]
