import json

from odoo import api, models
from odoo.tools import SQL

from ..engine import sizing, states
from ..engine.options import NO_LIMIT
from ..engine.payload import Payload
from ..exceptions import ChunkBroken, JobBroken, SignalsAreNew
from ..run.claim import Claim
from ..run.errors import is_conflict
from ..store.parts import insert_beside
from ..store.prepared import fetch_prepared
from ..store.statements import claim_at_once, take


class BatchChunk(models.Model):
    """The queue: taking the next chunk out of it.

    In short transactions at READ COMMITTED, on a cursor of the lane's own: a row another lane has just changed is then
    looked at again, where REPEATABLE READ would fail; and what is asked after a job was locked sees all that was committed
    before that.
    """

    _inherit = "batch.chunk"

    @api.model
    def _claim_at_once(self, worker, signals):
        """What nearly every claim comes to, in one message to PostgreSQL, which is a transaction of its own.

        :param str worker: who takes it, for people
        :param signals: the `Signals` of changes in other processes
        :returns: a `Claim`, which is committed; None where there is more to be done first, by `_claim`, or nothing at all
        """
        rows = fetch_prepared(self.env.cr, *claim_at_once(worker, signals.query, signals.heard))
        return self._read_claim(rows[0]) if rows else None

    @api.model
    def _claim(self, worker, signals, alone_in=None):
        """Take the next chunk whose turn it is, and mark it running. The caller commits before the work starts.

        Jobs are counted and moved on on the way, as far as needed.

        :param str worker: who takes it, for people
        :param signals: the `Signals` of changes in other processes
        :param int alone_in: a job in which nobody else was at work at the lane's last claim
        :returns: a `Claim`, or None where nothing can be taken now, or not before the signals are heeded
        :raises ChunkBroken: a chunk can't be read
        :raises JobBroken: a job can't be counted or moved on
        :raises SignalsAreNew: what was taken must be given back, and be taken with what is true now
        """
        Job = self.env["batch.job"]
        looked_at = []
        while row := Job._pick_job(looked_at, signals):
            if signals.note(row["signals"]):
                return None
            job = Job.browse(row["id"])
            looked_at.append(job.id)
            try:
                chunk = self._take_counted(job, row, worker, signals, alone_in)
            except ChunkBroken:
                raise
            except Exception as error:
                if is_conflict(error):
                    raise
                raise JobBroken(job.id) from error
            if chunk is None:
                continue
            if signals.note(chunk["signals"]):
                # it may have been let go on a moment ago, by the end of what has made these changes
                raise SignalsAreNew
            return self._read_claim(chunk)
        return None

    def _take_counted(self, job, row, worker, signals, alone_in):
        """Count what was settled in a (locked) job where that is due, then take a chunk of it; move it on where there is none."""
        if row["is_roll_up_due"]:
            job._roll_up()
            if row["max_failures"] != NO_LIMIT:
                job._must_stop()
        chunk = self._take(job, worker, signals, alone_in)
        if chunk is None and job._advance():
            chunk = self._take(job, worker, signals, alone_in)
        return chunk

    def _take(self, job, worker, signals, alone_in):
        """Mark the first chunk of a (locked) job that may run now as running; returns its row, None where there is none."""
        rows = fetch_prepared(self.env.cr, take(worker, SQL("%s", job.id), signals.query))
        if not rows:
            return None
        [chunk] = rows
        if chunk["max_chunk_size"] == 0 and chunk["kind"] == states.RECORDS and chunk["record_count"]:
            # twice in a row: once, the others may just be between two chunks of theirs
            self._cut_to_size(chunk, is_alone=chunk["in_flight"] == 0 and job.id == alone_in)
        return chunk

    def _cut_to_size(self, chunk, is_alone):
        """Keep of a block as many records as the next chunk should have; the rest stays in the queue.

        While the size is still being looked for, one chunk at a time is cut off; later, all of the block at once.
        """
        count = chunk["record_count"]
        choice = self.env["batch.sizing"]._choose(
            chunk["model"],
            chunk["operation_type"],
            len(chunk["payload"]) / count,
            target_s=chunk["timeout"] / 2 if chunk["timeout"] else sizing.TARGET_S,
            remaining=max(chunk["remaining"], count),
            lanes=chunk["in_flight"] + 1,
            is_alone=is_alone,
        )
        if count <= choice.size:
            return
        first, rest = self._read_claim(chunk).payload.cut(choice.size)
        if rest is None:
            return
        chunk["payload"] = first.encode()
        insert_beside(self.env.cr, self._read_claim(chunk), rest.split(choice.size) if choice.is_settled else [rest])
        self.env.execute_query(
            SQL(
                "UPDATE batch_chunk SET payload = %s, record_count = %s, operation_id = %s WHERE id = %s RETURNING id",
                chunk["payload"],
                len(first),
                None if first.is_shared else first.operations[0],
                chunk["id"],
            )
        )
        chunk["operation_id"] = None if first.is_shared else first.operations[0]

    def _read_claim(self, row):
        """The claim of a row.

        :raises ChunkBroken: what it holds can't be read
        """
        try:
            return self._make_claim(row)
        except Exception as error:
            raise ChunkBroken(row["id"]) from error

    def _make_claim(self, row):
        """The claim, of a row with `CHUNK_COLUMNS` and its job's `JOB_COLUMNS`."""
        return Claim(
            chunk_id=row["id"],
            number=row["claims"],
            attempt=row["attempt"],
            kind=row["kind"],
            operation_id=row["operation_id"],
            operation_type=row["operation_type"],
            model=row["model"],
            sequence=row["sequence"],
            payload=Payload.decode(row["payload"]),
            waits=row["waits"],
            group_keys=row["group_keys"] or [],
            round_no=row["round_no"],
            runs_alone=bool(row["runs_alone"]),
            job_id=row["job_id"],
            user_id=row["user_id"],
            context=json.loads(row["context"] or "{}"),
            timeout_s=row["timeout"] or None,
            retry_attempts=row["retry_attempts"],
            rollback=row["rollback"],
            max_failures=row["max_failures"],
            chunk_size=row["max_chunk_size"],
            is_atomic=row["is_atomic"],
            is_dry_run=row["dry_run"],
            is_strict=bool(row["strict"]),
            in_flight=row.get("in_flight", 0),
        )
