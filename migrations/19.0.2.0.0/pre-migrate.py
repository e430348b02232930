"""Tables of version 1, brought to what version 2 reads: before Odoo compares them with the models.

Version 1 had many states on its way; each step looks whether it is needed. Nothing here is imported that later versions may change,
but how lanes are stopped.
"""

import json

from odoo.tools import SQL
from odoo.tools.sql import column_exists, table_columns

from odoo.addons.batch_executor.run.upgrade import take_over

#: Rows read and written at once.
PAGE = 200


def migrate(cr, version):
    take_over(cr)
    _jobs(cr)
    for table in ("batch_operation", "batch_chunk"):
        if not column_exists(cr, table, "created_records"):
            _add_effects(cr, table)
    _chunks(cr)
    _duplicates(cr)


def _jobs(cr):
    """The place in the queue got another name; the time of a job is the time that lanes have worked on it."""
    if column_exists(cr, "batch_job", "turn") and not column_exists(cr, "batch_job", "queue_position"):
        cr.execute("ALTER TABLE batch_job RENAME COLUMN turn TO queue_position")
    if not column_exists(cr, "batch_job", "worked_s"):
        cr.execute("ALTER TABLE batch_job ADD COLUMN worked_s double precision")
        # as version 1 said it of ended jobs; lanes begin another stretch where they go on
        cr.execute(
            """
            UPDATE batch_job
               SET worked_s = coalesce(greatest(extract(epoch FROM coalesce(finished_at, progress_at, started_at) - started_at), 0), 0)
            """
        )


def _chunks(cr):
    """What finds results and releases chunks. Statements that rewrite the table come last: they also leave no dead rows."""
    if not column_exists(cr, "batch_chunk", "first_index"):
        cr.execute("ALTER TABLE batch_chunk ADD COLUMN first_index integer, ADD COLUMN last_index integer")
        # the places are the first list of two; the second one has what methods returned, with values that PostgreSQL does not take for JSON
        cr.execute(
            """
            UPDATE batch_chunk
               SET (first_index, last_index) = (
                    SELECT min(place::integer), max(place::integer)
                      FROM unnest(string_to_array(btrim(left(result, strpos(result, ']')), '[ ]'), ',')) AS place
                     WHERE place ~ '^ *[0-9]{1,9} *$'
                   )
             WHERE operation_id IS NOT NULL
               AND result IS NOT NULL
            """
        )
    # a draft to which nothing was appended got a second driver with what was appended next
    cr.execute(
        """
        DELETE FROM batch_chunk AS driver
         USING batch_chunk AS newer
         WHERE driver.kind = 'atomic'
           AND newer.kind = 'atomic'
           AND newer.job_id = driver.job_id
           AND newer.id > driver.id
        """
    )
    # their workers are gone, and the attempt does not count
    cr.execute(
        """
        UPDATE batch_chunk
           SET state = CASE WHEN (dry_run OR rollback = 'job') AND kind IN ('records', 'resolve') THEN 'held' ELSE 'pending' END,
               attempt = greatest(attempt - 1, 0)
          FROM batch_job AS job
         WHERE job.id = job_id
           AND batch_chunk.state = 'running'
        """
    )
    # what waited for nothing was released together with the others
    cr.execute("UPDATE batch_chunk SET state = 'pending' WHERE state = 'blocked' AND coalesce(cardinality(wait_ids), 0) = 0")
    if table_columns(cr, "batch_chunk")["sequence"]["udt_name"] == "int4":
        cr.execute("ALTER TABLE batch_chunk ALTER COLUMN sequence TYPE double precision")


def _add_effects(cr, table):
    """Numbers of records that were created, updated or deleted: known of the types that do nothing else."""
    cr.execute(
        SQL(
            """
            ALTER TABLE %s
                ADD COLUMN created_records integer,
                ADD COLUMN updated_records integer,
                ADD COLUMN unchanged_records integer,
                ADD COLUMN deleted_records integer
            """,
            SQL.identifier(table),
        )
    )
    cr.execute(
        SQL(
            """
            UPDATE %s
               SET created_records = CASE operation_type WHEN 'create' THEN processed_records ELSE 0 END,
                   updated_records = CASE operation_type WHEN 'update' THEN processed_records ELSE 0 END,
                   unchanged_records = 0,
                   deleted_records = CASE operation_type WHEN 'delete' THEN processed_records ELSE 0 END
             WHERE processed_records > 0
            """,
            SQL.identifier(table),
        )
    )


def _duplicates(cr):
    """Upserts: of a row with the key of an earlier one, the payload holds the place of that one, and a hash of the key if it is known."""
    last = 0
    while True:
        cr.execute(
            """
            SELECT id, payload
              FROM batch_chunk
             WHERE operation_type = 'upsert'
               AND id > %s
               AND payload LIKE '%%"duplicates":{%%'
             ORDER BY id
             LIMIT %s
            """,
            [last, PAGE],
        )
        rows = cr.fetchall()
        if not rows:
            return
        last = rows[-1][0]
        for chunk_id, text in rows:
            try:
                payload = json.loads(text)
                found = payload["params"]["duplicates"]
                payload["params"]["duplicates"] = {
                    place: first if isinstance(first, list) else [first, None] for place, first in found.items()
                }
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # damaged, or the text stands in a value
            # in ASCII, which PostgreSQL takes whatever the values are
            encoded = json.dumps(payload, separators=(",", ":"))
            cr.execute("UPDATE batch_chunk SET payload = %s WHERE id = %s", [encoded, chunk_id])
