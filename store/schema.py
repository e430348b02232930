"""What fields and `models.Index` can't declare of the tables. Run at each installation and update of the addon."""

from odoo.tools import SQL


def set_up_jobs(cr):
    """Storage of the table of jobs."""
    cr.execute(
        """
        ALTER TABLE batch_job SET (
            fillfactor = 50,  -- updated at every claim: room for the next version on the same page
            autovacuum_vacuum_scale_factor = 0.05
        )
        """
    )


def set_up_operations(cr):
    """Defaults of columns that a new operation does not fill, storage, and deletion with the job.

    The trigger does what a foreign key would: see `UncheckedMany2one`. Triggers run in the order of their names: this one comes
    after those of the foreign keys of chunks and failures.
    """
    cr.execute(
        """
        ALTER TABLE batch_operation
            ALTER COLUMN processed_records SET DEFAULT 0,
            ALTER COLUMN failed_records SET DEFAULT 0,
            ALTER COLUMN cancelled_records SET DEFAULT 0,
            SET (
                -- each row is updated once or twice, by many at once: leave room for it on its own page, so
                -- that no index changes
                fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05
            )
        """
    )
    cr.execute(
        """
        CREATE OR REPLACE FUNCTION batch_operation_deleted_with_job() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                DELETE FROM batch_operation WHERE job_id = OLD.id;
                RETURN NULL;
            END
        $$;
        DROP TRIGGER IF EXISTS batch_operation_deleted_with_job ON batch_job;
        CREATE TRIGGER batch_operation_deleted_with_job
            AFTER DELETE ON batch_job FOR EACH ROW EXECUTE FUNCTION batch_operation_deleted_with_job();
        """
    )


def set_up_chunks(cr):
    """Columns of types that fields do not have, storage, and indexes on those columns."""
    cr.execute(
        """
        ALTER TABLE batch_chunk
            ADD COLUMN IF NOT EXISTS wait_ids integer[],    -- operations it waits for
            ADD COLUMN IF NOT EXISTS group_keys integer[],  -- values it must have to itself
            ADD COLUMN IF NOT EXISTS ended_ids integer[],   -- operations it has ended that others wait for
            ADD COLUMN IF NOT EXISTS round_no numeric,      -- it waits for chunks of its operation with lower ones
            -- each row is updated three or four times: leave room for it on its own page
            SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)
        """
    )
    _compress_fast(cr)
    # `store.release.release_waiting`: who waits for an operation; the first of those a chunk waits for stands for all of them
    cr.execute(
        """
        CREATE INDEX IF NOT EXISTS batch_chunk_blocked_idx
            ON batch_chunk ((wait_ids[1]), sequence, id)
         WHERE state = 'blocked'
        """
    )
    # `store.release.release_rounds`: what is left of an operation whose chunks have an order
    cr.execute(
        """
        CREATE INDEX IF NOT EXISTS batch_chunk_round_idx
            ON batch_chunk (operation_id, round_no)
         WHERE round_no IS NOT NULL AND finished_at IS NULL
        """
    )


def _compress_fast(cr):
    """Have payloads and results compressed by lz4, where PostgreSQL (14 and later, most builds) has it.

    PostgreSQL's own method takes several times as long, and is most of what storing a large chunk costs.
    """
    cr.execute("SELECT 1 FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)")
    if cr.rowcount:
        cr.execute(
            """
            ALTER TABLE batch_chunk
                ALTER COLUMN payload SET COMPRESSION lz4,
                ALTER COLUMN result SET COMPRESSION lz4
            """
        )


def set_up_findings(cr, table):
    """Statistics of the table of failures or warnings: a job may add a hundred thousand rows at once."""
    cr.execute(SQL("ALTER TABLE %s SET (autovacuum_analyze_scale_factor = 0.05)", SQL.identifier(table)))


def set_up_draft_keys(cr):
    """Statistics of the table of upsert keys: an append may add a hundred thousand rows at once."""
    cr.execute(
        "ALTER TABLE batch_draft_key SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)"
    )


def drop_functions(cr):
    """Drop what uninstalling the addon leaves: Odoo drops tables, but no functions."""
    cr.execute("DROP FUNCTION IF EXISTS batch_operation_deleted_with_job CASCADE")
