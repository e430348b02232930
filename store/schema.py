"""What fields can't declare of the tables. Run at each installation and update of the addon."""


def set_up_operations(cr):
    """Defaults of columns that a new operation does not fill, storage, and deletion with the job.

    The trigger does what a foreign key would: see `UncheckedMany2one`. Triggers run in the order of their names, so that this one
    comes after those of the foreign keys of chunks and failures.
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
