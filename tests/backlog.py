"""A database full of batch work, put there by SQL alone and never committed."""

#: Chunks that wait in one job, and records of history beside them.
WAITING = 1_000_000
HISTORY = 200_000
#: Chunks of the jobs that are about something else than mere waiting.
MANY = 50_000

TABLES = ("batch_job", "batch_operation", "batch_chunk", "batch_failure", "batch_warning", "batch_change", "batch_draft_key")


class Backlog:
    """Fills new, empty versions of our tables inside the cursor's transaction: a rollback brings the old ones back.

    Each attribute is the id of a job:

    - `waiting`: a million pending chunks of one operation, after as many done ones as there are in the history
    - `blocked`: chunks that each wait for an operation of their own, and as many that all wait for the same one
    - `grouped`: pending chunks of one group, of which one is running
    - `postponed`: pending chunks whose time has not come
    - `held`: the chunks of a job that is one transaction
    - `draft`: not started yet
    - `failed`: finished, with failures that stand and as many that were retried; `failed_little`: with a few
    - `stopped`: cancelled half-way; half of what was done has failed
    - `warned`: finished, with warnings of a first operation that stand, and of a second one that were retried; `warned_little`: with a few
    - `changed`: finished, with changes of as many records that were updated by a first operation, and of those that a second one created;
      `changed_little`: with a few
    - `small`: one of many in the queue, of somebody else
    """

    def __init__(self, cr, user_id, company_id, many=MANY):
        self.many = many
        self.cr = cr
        self.user_id = user_id
        self.company_id = company_id

    def fill(self):
        self.cr.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        restore = self._without_indexes()
        self._history()
        self.waiting = self._waiting()
        self.blocked = self._blocked()
        self.grouped = self._grouped()
        self.postponed = self._postponed()
        self.held = self._held()
        self.draft = self._draft()
        self.failed = self._failed()
        self.failed_little = self._failed_little()
        self.stopped = self._stopped()
        self.warned = self._warned("warned", self.many)
        self.warned_little = self._warned("warned a little", 10)
        self.changed = self._changed("changed", MANY)
        self.changed_little = self._changed("changed a little", 10)
        self.small = self._small_jobs()
        for statement in restore:
            self.cr.execute(statement)
        self.cr.execute(f"ANALYZE {', '.join(TABLES)}")
        return self

    def _without_indexes(self):  # pylint: disable=sql-injection  # what it returns are PostgreSQL's own texts
        """Take away foreign keys and indexes while rows are inserted; returns what brings them back."""
        self.cr.execute("SET LOCAL maintenance_work_mem TO '256MB'")
        self.cr.execute(
            """
            SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
              FROM pg_constraint
             WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s)
            """,
            [list(TABLES)],
        )
        keys = self.cr.fetchall()
        self.cr.execute(
            """
            SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
              FROM pg_index
             WHERE NOT indisprimary AND indrelid::regclass::text = ANY(%s)
            """,
            [list(TABLES)],
        )
        indexes = self.cr.fetchall()
        for table, name, _definition in keys:
            self.cr.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for name, _definition in indexes:
            self.cr.execute(f"DROP INDEX {name}")
        return [definition for _name, definition in indexes] + [
            f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}' for table, name, definition in keys
        ]

    # -- jobs --------------------------------------------------------------------------------------

    def _job(self, name, state="running", count=1, **values):
        """Insert jobs; returns the id of the last."""
        values = {
            "state": state, "user_id": self.user_id, "company_id": self.company_id, "priority": 0,
            "max_chunk_size": 100, "max_concurrency": 5, "retry_attempts": 3, "rollback": "record", "max_failures": -1,
            "dry_run": False, "timeout": 0, "context": "{}", "ready": state == "running", "queue_position": 5.0,
            "total_records": 0, "processed_records": 0, "failed_records": 0, "cancelled_records": 0,
            "total_operations": 0, "completed_operations": 0, "failed_operations": 0, **values,
        }  # fmt: skip
        final = state in ("completed", "partial", "cancelled")
        self.cr.execute(
            f"""
            INSERT INTO batch_job (name, uuid, create_date, write_date, progress_at, started_at, finished_at, {", ".join(values)})
            SELECT %s, gen_random_uuid()::text, now(), now(), now(),
                   CASE WHEN %s THEN now() END,
                   CASE WHEN %s THEN now() - interval '1 minute' * number END,
                   {", ".join(["%s"] * len(values))}
              FROM generate_series(1, %s) AS number
            RETURNING id
            """,
            [name, state != "draft", final, *values.values(), count],
        )
        return self.cr.fetchall()[-1][0]

    def _operations(self, where, count=1, state="pending", *, first=0, **values):
        """Insert operations for each job that `where` selects."""
        values = {
            "operation_type": "create", "model": "res.partner", "priority": 0, "return_ids": True, "data_length": 100,
            "is_awaited": False, "record_count": 100, "processed_records": 0, "failed_records": 0, "cancelled_records": 0, **values,
        }  # fmt: skip
        self.cr.execute(
            f"""
            INSERT INTO batch_operation (job_id, position, operation_id, state, finished_at, {", ".join(values)})
            SELECT job.id, number, 'op-' || number + 1, %s, CASE WHEN %s THEN now() END, {", ".join(["%s"] * len(values))}
              FROM batch_job AS job
             CROSS JOIN generate_series(%s, %s) AS number
             WHERE {where}
            """,
            [state, state not in ("pending", "running"), *values.values(), first, first + count - 1],
        )

    def _chunks(self, job, count, state="pending", *, operation="op.id", on="op.position = 0", first=0, **expressions):
        """Insert chunks of a job; `expressions` are SQL over `number` and `op`, an operation of the job."""
        expressions = {
            "kind": "'records'", "processed_records": "0", "failed_records": "0", "cancelled_records": "0",
            "found_records": "0", "completed_operations": "0", "failed_operations": "0", "attempt": "0", "claims": "0",
            "tallied": "false", **expressions,
        }  # fmt: skip
        if state == "done":
            expressions = {"result": "'[[0],[1]]'", **expressions, "finished_at": "now()", "claims": "1"}
        if state == "running":
            expressions.update(
                claimed_at="now() AT TIME ZONE 'UTC' + interval '1 hour'", claims="1", worker="'elsewhere:1 lane 1'"
            )
        self.cr.execute(
            f"""
            INSERT INTO batch_chunk (
                job_id, operation_id, operation_type, model, sequence, state, payload, record_count, {", ".join(expressions)}
            )
            SELECT op.job_id, {operation}, 'create', 'res.partner', 2 * (%s + number), %s,
                   '{{"items":[{{"name":"Partner"}}],"operations":' || op.id || ',"indexes":0,"params":{{}},"context":{{}}}}',
                   1, {", ".join(expressions.values())}
              FROM generate_series(1, %s) AS number
              JOIN batch_operation AS op ON op.job_id = %s AND {on}
            """,
            [first, state, count, job],
        )

    def _history(self):
        per_job = 100
        self.history_jobs = HISTORY // per_job
        self._job("history", "completed", self.history_jobs)
        self._operations("job.name = 'history'", per_job, "completed", processed_records=100)
        self.cr.execute(
            """
            INSERT INTO batch_chunk (
                job_id, operation_id, kind, operation_type, model, sequence, state, payload, result, record_count,
                processed_records, failed_records, cancelled_records, found_records, completed_operations,
                failed_operations, attempt, claims, tallied, finished_at, duration
            )
            SELECT job_id, id, 'records', 'create', 'res.partner', 2 * position, 'done', '{}', '[[0],[1]]', 100,
                   100, 0, 0, 0, 0, 0, 1, 1, true, now(), 0.1
              FROM batch_operation
            """
        )
        self.cr.execute(
            """
            INSERT INTO batch_failure (
                job_id, operation_id, chunk_id, model, operation_type, index, values, error_type, message, cause, attempts,
                is_skipped, created_at
            )
            SELECT job_id, operation_id, id, 'res.partner', 'create', 1, '{"name": "Partner"}', 'ValidationError',
                   'Contacts require a name', 'Contacts require a name', 1, false, now()
              FROM batch_chunk
             WHERE mod(sequence::integer, 8) = 0
            """
        )

    def _waiting(self):
        job = self._job("waiting", total_operations=1, total_records=WAITING + HISTORY)
        self._operations(f"job.id = {job}", 1, "running", record_count=WAITING + HISTORY, data_length=0)
        self._chunks(
            job, HISTORY, "done", tallied="true", processed_records="1", first_index="number - 1", last_index="number - 1",
            result="'[[' || number - 1 || '],[' || number || ']]'",
        )  # fmt: skip
        self._chunks(job, 2, "running", first=HISTORY)
        self._chunks(job, WAITING, first=HISTORY + 2)
        return job

    def _blocked(self):
        job = self._job("blocked", total_operations=self.many + 1)
        self._operations(f"job.id = {job}", self.many + 1, is_awaited=True)
        on = "op.position = number"
        self._chunks(job, 1, "running")
        self._chunks(job, self.many, "blocked", on=on, wait_ids="ARRAY[op.id]")
        first = f"ARRAY(SELECT id FROM batch_operation WHERE job_id = {job} AND position = 0)"
        self._chunks(job, self.many, "blocked", on=on, wait_ids=first)
        return job

    def _grouped(self):
        job = self._job("grouped", total_operations=1)
        self._operations(f"job.id = {job}", 1, "running")
        self._chunks(job, 1, "running", group_keys="ARRAY[7]")
        self._chunks(job, self.many, group_keys="ARRAY[7]", first=1)
        return job

    def _postponed(self):
        job = self._job("postponed", total_operations=1)
        self._operations(f"job.id = {job}", 1, "running")
        self._chunks(job, self.many, run_at="CASE WHEN number <= 20 THEN now() AT TIME ZONE 'UTC' + interval '1 hour' END")
        return job

    def _held(self):
        job = self._job("held", total_operations=1, rollback="job")
        self._operations(f"job.id = {job}", 1)
        self._chunks(job, self.many, "held")
        return job

    def _draft(self):
        job = self._job("draft", "draft", total_operations=self.many)
        self._operations(f"job.id = {job}", self.many)
        self._chunks(job, self.many, on="op.position = number - 1")
        other = self._job("another draft", "draft", total_operations=1)
        self.cr.execute(
            """
            INSERT INTO batch_draft_key (job_id, number, operation_name)
            SELECT CASE WHEN number <= 10 THEN %s ELSE %s END, number, 'op-1' FROM generate_series(1, %s) AS number
            """,
            [job, other, self.many],
        )
        return job

    def _failed(self):
        job = self._job(
            "failed", "partial", total_operations=self.many, total_records=5 * self.many, processed_records=3 * self.many,
            failed_records=2 * self.many, failed_operations=2,
        )  # fmt: skip
        # updated rows would keep the indexes that are made later from being used in this transaction
        self._operations(f"job.id = {job}", self.many - 2, "completed")
        self._operations(f"job.id = {job}", 2, "partial", first=self.many - 2, failed_records=self.many)
        self._chunks(job, 1, "done", tallied="true", on=f"op.position = {self.many - 1}")
        self._chunks(job, 1, "done", tallied="true", on=f"op.position = {self.many - 2}")
        # one cause of nearly all, and a thousand of a few each
        rest = "'Cause ' || mod(number, 1000)"
        self._failures(job, 2 * self.many, retried=self.many, cause=f"CASE WHEN mod(number, 100) < 90 THEN 'Contacts require a name' ELSE {rest} END")
        return job

    def _failed_little(self):
        job = self._job("failed a little", "partial", total_operations=1, total_records=100, failed_records=20)
        self._operations(f"job.id = {job}", 1, "partial", failed_records=20)
        self._chunks(job, 1, "done", tallied="true")
        self._failures(job, 20)
        return job

    def _failures(self, job, count, retried=0, having="true", cause="'Contacts require a name'"):
        """Failures of chunks of a job, the first of each retried; of those for which `having`, as SQL over `number`, as is `cause`."""
        self.cr.execute(
            f"""
            INSERT INTO batch_failure (
                job_id, operation_id, chunk_id, model, operation_type, index, values, error_type, message, cause, attempts,
                is_skipped, created_at, retried_at
            )
            SELECT job_id, operation_id, id, 'res.partner', 'create', number, '{{"name": "Partner"}}', 'ValidationError',
                   'Contacts require a name', {cause}, 1, false, now(), CASE WHEN number <= %s THEN now() END
              FROM batch_chunk, generate_series(1, %s) AS number
             WHERE job_id = %s
               AND {having}
            """,
            [retried, count, job],
        )

    def _stopped(self):
        half = self.many // 2
        job = self._job(
            "stopped", "cancelled", total_operations=2, total_records=2 * self.many, processed_records=half, failed_records=half,
            cancelled_records=self.many, failed_operations=1, cancel_requested_at="2026-01-01",
        )  # fmt: skip
        self._operations(f"job.id = {job}", 1, "partial", record_count=self.many, processed_records=half, failed_records=half)
        self._operations(f"job.id = {job}", 1, "cancelled", first=1, record_count=self.many, cancelled_records=self.many)
        self._chunks(job, half, "done", tallied="true", processed_records="1")
        self._chunks(job, half, "done", tallied="true", failed_records="1", first=half)
        self._chunks(
            job, self.many, "cancelled", on="op.position = 1", first=2 * half, tallied="true", finished_at="now()",
            cancelled_records="1",
        )  # fmt: skip
        self._failures(job, 1, having="failed_records > 0")
        return job

    def _warned(self, name, count):
        job = self._job(name, "completed", total_operations=2, total_records=2 * count, warning_count=count)
        self._operations(f"job.id = {job}", 2, "completed", processed_records=count, warning_count=count)
        for position in (0, 1):
            self._chunks(job, 1, "done", tallied="true", on=f"op.position = {position}")
        self.cr.execute(
            """
            INSERT INTO batch_warning (
                job_id, operation_id, chunk_id, model, operation_type, index, warning_type, message, created_at, retried_at
            )
            SELECT chunk.job_id, chunk.operation_id, chunk.id, 'res.partner', 'load', number, 'ImportWarning', 'Found multiple matches',
                   now(), CASE WHEN op.position = 1 THEN now() END
              FROM batch_chunk AS chunk
              JOIN batch_operation AS op ON op.id = chunk.operation_id
             CROSS JOIN generate_series(1, %s) AS number
             WHERE chunk.job_id = %s
            """,
            [count, job],
        )
        return job

    def _changed(self, name, count):
        job = self._job(name, "completed", total_operations=2, total_records=2 * count, processed_records=2 * count, track_changes=True)
        self._operations(f"job.id = {job}", 2, "completed", processed_records=count)
        for position in (0, 1):
            self._chunks(job, 1, "done", tallied="true", on=f"op.position = {position}")
        self.cr.execute(
            """
            INSERT INTO batch_change (job_id, operation_id, chunk_id, index, model, record_id, action, before, after)
            SELECT chunk.job_id, chunk.operation_id, chunk.id, number, 'res.partner', 1000000 + op.position * %(count)s + number,
                   CASE op.position WHEN 0 THEN 'update' ELSE 'create' END,
                   CASE op.position WHEN 0 THEN '{"city":"Basel"}' ELSE '{}' END,
                   '{"city":"Bern","name":"Partner"}'
              FROM batch_chunk AS chunk
              JOIN batch_operation AS op ON op.id = chunk.operation_id
             CROSS JOIN generate_series(0, %(count)s - 1) AS number
             WHERE chunk.job_id = %(job)s
             ORDER BY op.position, number
            """,
            {"count": count, "job": job},
        )
        return job

    def _small_jobs(self):
        """Jobs of somebody else in the queue; their turn comes after that of the others."""
        self._job("small", count=100, user_id=1, queue_position=9.0, total_operations=1)
        self._operations("job.name = 'small'", 1, "pending")
        self.cr.execute("SELECT id FROM batch_job WHERE name = 'small'")
        for (job,) in self.cr.fetchall():
            self._chunks(job, 3)
        return job
