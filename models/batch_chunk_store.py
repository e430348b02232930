from odoo import api, models

from ..engine import states
from ..engine.payload import Payload
from ..executor.copy import copy_rows

#: What `_insert_chunks` takes.
INSERTED_COLUMNS = (
    "job_id", "operation_id", "kind", "operation_type", "model", "sequence",
    "state", "payload", "record_count", "wait_ids", "group_keys",
    "processed_records", "failed_records", "cancelled_records", "found_records",
    "completed_operations", "failed_operations", "attempt", "claims", "tallied",
)  # fmt: skip
#: Counters of a chunk that has not run, the last of these columns.
ZEROES = (0, 0, 0, 0, 0, 0, 0, 0, False)


class BatchChunk(models.Model):
    """New rows of the queue: what a submission was cut into, what a selection has found, parts of what was claimed."""

    _inherit = "batch.chunk"

    def _insert_found(self, claim, outcome):
        """Store the chunks one page of a selection has yielded, and the page after it."""
        state = states.HELD if claim.is_atomic else states.PENDING
        rows = [
            (
                claim.job_id,
                claim.operation_id,
                states.RECORDS,
                claim.operation_type,
                claim.model,
                claim.sequence + 1,
                state,
                payload.encode(),
                len(payload),
                None,
                group_keys or None,
                *ZEROES,
            )
            for payload, group_keys in outcome.found
        ]
        if outcome.more is not None:
            page = Payload(
                [outcome.more],
                claim.payload.operations,
                claim.payload.indexes,
                claim.payload.params,
                claim.payload.context,
            )
            rows.append(
                (
                    claim.job_id,
                    claim.operation_id,
                    states.RESOLVE,
                    claim.operation_type,
                    claim.model,
                    claim.sequence,
                    state,
                    page.encode(),
                    0,
                    [] if claim.waits else None,
                    None,
                    *ZEROES,
                )
            )
        self._insert_chunks(rows)

    def _insert_like(self, claim, payloads):
        """Store parts of a claimed chunk as pending chunks of their own."""
        single = [None if payload.is_shared else payload.operations[0] for payload in payloads]
        waits = [] if claim.waits else None  # they are over, but what they produced is still to be asked for
        state = states.HELD if claim.is_atomic and claim.kind == states.RECORDS else states.PENDING
        self._insert_chunks(
            [
                (
                    claim.job_id,
                    operation,
                    claim.kind,
                    claim.operation_type,
                    claim.model,
                    claim.sequence,
                    state,
                    payload.encode(),
                    len(payload),
                    waits,
                    claim.group_keys or None,
                    *ZEROES,
                )
                for payload, operation in zip(payloads, single, strict=True)
            ]
        )

    @api.model
    def _insert_chunks(self, rows):
        """Bulk insert; each row is in the order of `INSERTED_COLUMNS`."""
        copy_rows(self.env.cr, self._table, INSERTED_COLUMNS, rows)
