"""Storing a submission: operations, the chunks planned for them, and the upsert keys of a draft. In bulk, whatever their number."""

from odoo.tools import SQL

from ..engine import states
from .copy import copy_rows
from .rows import NewChunk, insert_chunks
from .sql import fetch


def insert_driver(cr, job_id):
    """Store the chunk that runs all others of a job in one transaction."""
    insert_chunks(cr, [NewChunk.of_job(job_id, states.ATOMIC)])


# -- upsert keys of a draft ------------------------------------------------------------------------


def add_upsert_keys(cr, job_id, last):
    """Note which operation of a draft is the last one with each upsert key.

    :param dict last: key number -> name of the operation
    """
    rows = ((job_id, number, name) for number, name in last.items())
    copy_rows(cr, "batch_draft_key", ("job_id", "number", "operation_name"), rows)


def last_with_upsert_keys(cr, job_id, numbers):
    """Name of the last operation of a draft with each of these upsert keys, by key number; without those it has not had."""
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
    """Delete upsert keys of jobs that are no drafts any more; returns how many it were, up to `limit`."""
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
