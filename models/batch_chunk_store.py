from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import repeat

from odoo import api, models
from odoo.tools import SQL

from ..engine import states
from ..engine.payload import Payload
from ..store.copy import copy_rows

#: What `_insert_chunks` writes; the other columns have their defaults.
INSERTED_COLUMNS = (
    "job_id", "kind", "operation_type", "model", "payload", "state", "sequence", "record_count", "operation_id", "wait_ids",
    "group_keys", "round_no", "processed_records", "failed_records", "cancelled_records", "found_records",
    "completed_operations", "failed_operations", "attempt", "claims", "tallied",
)  # fmt: skip
#: Counters of a chunk that has not run, the last of these columns.
ZEROES = (0, 0, 0, 0, 0, 0, 0, 0, False)


@dataclass(slots=True)
class NewChunk:
    """A row of the queue that is to be stored; what is not said has the default."""

    job_id: int
    kind: str
    operation_type: str | None
    model: str | None
    payload: Payload
    state: str = states.PENDING
    sequence: int = 0
    operation_id: int | None = None
    wait_ids: list[int] | None = (
        None  # operations it waits for; empty: they are over, but what they produced is asked for
    )
    group_keys: list[int] | None = None
    round_no: Decimal | None = None

    def as_row(self):
        """Its values, in the order of `INSERTED_COLUMNS`."""
        return (
            self.job_id,
            self.kind,
            self.operation_type,
            self.model,
            self.payload.encode(),
            self.state,
            self.sequence,
            len(self.payload) if self.kind == states.RECORDS else 0,
            self.operation_id,
            self.wait_ids,
            self.group_keys or None,
            self.round_no,
            *ZEROES,
        )


class BatchChunk(models.Model):
    """New rows of the queue: what a submission was cut into, what a selection has found, parts of what was claimed."""

    _inherit = "batch.chunk"

    def _insert_found(self, claim, outcome):
        """Store the chunks one page of a selection has yielded, and the page after it."""
        state = states.HELD if claim.is_atomic else states.PENDING
        chunks = [
            NewChunk(
                claim.job_id,
                states.RECORDS,
                claim.operation_type,
                claim.model,
                payload,
                state,
                claim.sequence + 1,
                claim.operation_id,
                group_keys=group_keys,
            )
            for payload, group_keys in outcome.found
        ]
        if outcome.more is not None:
            page = replace(claim.payload, items=[outcome.more])
            chunks.append(
                NewChunk(
                    claim.job_id,
                    states.RESOLVE,
                    claim.operation_type,
                    claim.model,
                    page,
                    state,
                    claim.sequence,
                    claim.operation_id,
                    wait_ids=[] if claim.waits else None,
                )
            )
        self._insert_chunks(chunks)

    def _insert_like(self, claim, payloads, round_nos=None):
        """Store parts of a claimed chunk as chunks of their own.

        :param round_nos: of each, where they must wait for what is left of the claimed one, and for each other
        """
        state = states.HELD if claim.is_atomic and claim.kind == states.RECORDS else states.PENDING
        self._insert_chunks(
            NewChunk(
                claim.job_id,
                claim.kind,
                claim.operation_type,
                claim.model,
                payload,
                state if round_nos is None else states.BLOCKED,
                claim.sequence,
                None if payload.is_shared else payload.operations[0],
                [] if claim.waits else None,
                claim.group_keys,
                claim.round_no if round_nos is None else round_no,
            )
            for payload, round_no in zip(payloads, round_nos or repeat(None), strict=round_nos is not None)
        )

    def _insert_beside(self, claim, payloads):
        """Store what was cut off a claimed chunk: beside it, or after it where the order of its records matters."""
        in_order = claim.round_no is not None and claim.operation_id
        self._insert_like(claim, payloads, self._rounds_after(claim, len(payloads)) if in_order else None)

    def _rounds_after(self, claim, count):
        """As many numbers between the round of a chunk and the next one there is."""
        [(following,)] = self.env.execute_query(
            SQL(
                "SELECT min(round_no) FROM batch_chunk WHERE operation_id = %s AND round_no > %s AND finished_at IS NULL",
                claim.operation_id,
                claim.round_no,
            )
        )
        step = ((following or claim.round_no + 1) - claim.round_no) / (2 * count)
        return [claim.round_no + step * (number + 1) for number in range(count)]

    @api.model
    def _insert_chunks(self, chunks):
        """Bulk insert of `NewChunk`s."""
        copy_rows(self.env.cr, self._table, INSERTED_COLUMNS, (chunk.as_row() for chunk in chunks))
