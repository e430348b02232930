"""Values of columns that version 2 has added, and jobs of version 1 that have not ended."""

import json

#: Most entries of a summary, as of new jobs.
MOST_ENTRIES = 20


def migrate(cr, version):
    _contents(cr)
    _effects(cr)
    _waiting(cr)


def _contents(cr):
    """What a job consists of, summed up by type and model."""
    cr.execute(
        """
        SELECT job_id, operation_type, model, count(*), sum(record_count)
          FROM batch_operation
         WHERE job_id IN (SELECT id FROM batch_job WHERE contents IS NULL)
         GROUP BY job_id, operation_type, model
         ORDER BY job_id, sum(record_count) DESC, min(position)
        """
    )
    jobs = {}
    for job_id, *entry in cr.fetchall():
        jobs.setdefault(job_id, []).append(entry)
    for job_id, entries in jobs.items():
        kind, model, _operations, _records = entries[0]
        cr.execute(
            """
            UPDATE batch_job
               SET contents = %s, main_type = %s, main_model_id = (SELECT id FROM ir_model WHERE model = %s)
             WHERE id = %s
            """,
            [json.dumps(entries[:MOST_ENTRIES], separators=(",", ":")), kind, model, job_id],
        )


def _effects(cr):
    """Numbers of records that the operations of a job have created, updated or deleted."""
    cr.execute(
        """
        UPDATE batch_job
           SET created_records = sums.created, updated_records = sums.updated, deleted_records = sums.deleted
          FROM (
            SELECT job_id, sum(created_records) AS created, sum(updated_records) AS updated, sum(deleted_records) AS deleted
              FROM batch_operation
             WHERE created_records IS NOT NULL
             GROUP BY job_id
          ) AS sums
         WHERE sums.job_id = batch_job.id
           AND coalesce(batch_job.created_records, 0) + coalesce(batch_job.updated_records, 0) + coalesce(batch_job.deleted_records, 0) = 0
        """
    )


def _waiting(cr):
    """Lanes look at all unfinished jobs, and at all that waits in them: version 1 released it in another way."""
    cr.execute("UPDATE batch_job SET ready = true, wake_at = NULL WHERE state IN ('pending', 'running') AND (run_at IS NULL OR run_at <= now() AT TIME ZONE 'UTC')")
    cr.execute(
        """
        UPDATE batch_job AS job
           SET releasing = true, released_to = 0
         WHERE state IN ('pending', 'running', 'paused')
           AND EXISTS (SELECT FROM batch_chunk WHERE job_id = job.id AND state = 'blocked')
        """
    )
