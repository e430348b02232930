"""Table properties that fields and `models.Index` can't declare. Set at each installation and update of the addon."""

from odoo.tools import SQL

from .purge import TABLES


def set_up_jobs(cr):
    """Set the storage parameters of `batch_job`."""
    cr.execute(
        """
        ALTER TABLE batch_job SET (
            fillfactor = 50,  -- updated at nearly every claim: leave room for the next version on the same page
            autovacuum_vacuum_scale_factor = 0.05
        )
        """
    )


def set_up_operations(cr):
    """Set column defaults and storage parameters of `batch_operation`."""
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


def set_up_remains(cr):
    """Let a trigger note each deleted job in `batch_remains`: what belongs to it is deleted in pieces (`store.purge`).

    A chunk that runs goes with its job at once, so that no lane works for a job that is gone: a lane that is at one makes the deletion
    wait. The foreign keys and triggers of earlier versions, which deleted everything at once, are dropped.
    """
    _drop_foreign_keys(cr)
    cr.execute(
        """
        DROP FUNCTION IF EXISTS batch_operation_deleted_with_job, batch_change_deleted_with_job CASCADE;
        CREATE OR REPLACE FUNCTION batch_job_leaves_remains() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                DELETE FROM batch_chunk WHERE job_id = OLD.id AND state = 'running';
                INSERT INTO batch_remains (job_id, stage, reached) VALUES (OLD.id, 0, -2147483648);
                RETURN NULL;
            END
        $$;
        DROP TRIGGER IF EXISTS batch_job_leaves_remains ON batch_job;
        CREATE TRIGGER batch_job_leaves_remains
            AFTER DELETE ON batch_job FOR EACH ROW EXECUTE FUNCTION batch_job_leaves_remains();
        """
    )


def _drop_foreign_keys(cr):
    """Drop foreign keys between our tables, where there are any: see `UncheckedMany2one`."""
    cr.execute(
        """
        SELECT conrelid::regclass::text, conname
          FROM pg_constraint
         WHERE contype = 'f'
           AND conrelid::regclass::text = ANY(%s)
           AND confrelid::regclass::text = ANY(%s)
        """,
        [list(TABLES), ["batch_job", *TABLES]],
    )
    for table, name in cr.fetchall():
        cr.execute(SQL("ALTER TABLE %s DROP CONSTRAINT %s", SQL.identifier(table), SQL.identifier(name)))
    # replaced by indexes on (job_id, chunk_id)
    cr.execute("DROP INDEX IF EXISTS batch_failure__job_id_index, batch_warning__job_id_index")


def set_up_chunks(cr):
    """Add columns of types that no field has, with their indexes, and set storage parameters of `batch_chunk`."""
    cr.execute(
        """
        ALTER TABLE batch_chunk
            ADD COLUMN IF NOT EXISTS wait_ids integer[],    -- operations it waits for
            ADD COLUMN IF NOT EXISTS group_keys integer[],  -- groups that no other running chunk may share
            ADD COLUMN IF NOT EXISTS ended_ids integer[],   -- operations that ended with it and that others wait for
            ADD COLUMN IF NOT EXISTS round_no numeric,      -- it waits for chunks of its operation with lower numbers
            ADD COLUMN IF NOT EXISTS limit_id integer,      -- the limit that it was last claimed under
            ADD COLUMN IF NOT EXISTS limit_share integer,   -- the share of it that it holds: see `engine.limit`
            -- each row is updated three or four times: leave room for it on its own page
            SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)
        """
    )
    _compress_fast(cr, "batch_chunk", "payload", "result")
    # for `store.release.release_waiting`: a chunk is found by the first of the operations that it waits for
    cr.execute(
        """
        CREATE INDEX IF NOT EXISTS batch_chunk_blocked_idx
            ON batch_chunk ((wait_ids[1]), sequence, id)
         WHERE state = 'blocked'
        """
    )
    # for `store.release.release_rounds`: unfinished chunks of an operation with rounds
    cr.execute(
        """
        CREATE INDEX IF NOT EXISTS batch_chunk_round_idx
            ON batch_chunk (operation_id, round_no)
         WHERE round_no IS NOT NULL AND finished_at IS NULL
        """
    )
    # for `store.limit.usage`: chunks of a limit that run, and those that have just ended
    cr.execute(
        """
        CREATE INDEX IF NOT EXISTS batch_chunk_limit_running_idx
            ON batch_chunk (limit_id)
         WHERE limit_id IS NOT NULL AND state = 'running'
        """
    )
    cr.execute(
        """
        CREATE INDEX IF NOT EXISTS batch_chunk_limit_ended_idx
            ON batch_chunk (limit_id, finished_at)
         WHERE limit_id IS NOT NULL AND finished_at IS NOT NULL
        """
    )


def _compress_fast(cr, table, *columns):
    """Compress large texts by lz4, if PostgreSQL has it (14 and later, most builds).

    The default method takes several times as long, which is most of the time to store a large chunk.
    """
    cr.execute("SELECT 1 FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)")
    if cr.rowcount:
        parts = [SQL("ALTER COLUMN %s SET COMPRESSION lz4", SQL.identifier(name)) for name in columns]
        cr.execute(SQL("ALTER TABLE %s %s", SQL.identifier(table), SQL(", ").join(parts)))


def set_up_findings(cr, table):
    """Analyze the table of failures or warnings more often: a job may add a hundred thousand rows at once."""
    cr.execute(SQL("ALTER TABLE %s SET (autovacuum_analyze_scale_factor = 0.05)", SQL.identifier(table)))


def set_up_changes(cr):
    """Analyze and compress changes as failures and chunks."""
    cr.execute("ALTER TABLE batch_change SET (autovacuum_analyze_scale_factor = 0.05)")
    _compress_fast(cr, "batch_change", "before", "after", "kept")


def set_up_draft_keys(cr):
    """Vacuum and analyze the table of upsert keys more often: an append may add a hundred thousand rows at once."""
    cr.execute(
        "ALTER TABLE batch_draft_key SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)"
    )


def drop_functions(cr):
    """Drop the functions that uninstalling the addon would leave behind: Odoo drops tables only."""
    cr.execute("DROP FUNCTION IF EXISTS batch_job_leaves_remains CASCADE")
