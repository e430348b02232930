from odoo import api, fields, models

from ..engine import states
from ..engine.operations import TYPE_LABELS
from ..engine.payload import indented
from ..store.references import PRODUCED_AT
from ..store.schema import set_up_chunks
from .batch_operation import UncheckedMany2one

#: Most characters of a payload that the form shows.
PAYLOAD_SHOWN = 20_000


class BatchChunk(models.Model):
    """The unit of claim, savepoint, retry and commit.

    A chunk holds records of one operation (`operation_id` is set), or *all* unfinished records of several small ones. Its row is
    also its entry in the queue: `store/claim.py`, `store/settle.py` and `store/rescue.py` change it while it runs.
    """

    _name = "batch.chunk"
    _description = "Batch Chunk"
    _order = "id"
    _log_access = False

    job_id = UncheckedMany2one("batch.job", required=True, ondelete="cascade", readonly=True)
    operation_id = UncheckedMany2one(
        "batch.operation", ondelete="cascade", readonly=True, help="Empty where several operations share it."
    )
    kind = fields.Selection(
        [(kind, kind.capitalize()) for kind in states.CHUNK_KINDS],
        readonly=True,
        help="What the chunk does: run records, find the records of a selection (resolve), run its whole job in one "
        "transaction (atomic), or run its job's action on completion (callback).",
    )
    operation_type = fields.Selection(TYPE_LABELS, "Type", readonly=True)
    model = fields.Char(readonly=True)
    sequence = fields.Float(
        readonly=True, aggregator=None, help="Order in the job: by priority, then by position. Parts of a chunk keep its place."
    )
    state = fields.Selection([(state, state.capitalize()) for state in states.CHUNK_STATES], required=True, readonly=True)
    payload = fields.Text(readonly=True)
    result = fields.Text(readonly=True)
    first_index = fields.Integer(
        readonly=True, aggregator=None, help="Lowest index in its operation's data for which it has produced an id."
    )
    last_index = fields.Integer(readonly=True, aggregator=None, help="Highest such index.")
    error = fields.Text(readonly=True)
    skip_reason = fields.Text(readonly=True, help="Why its records were not run.")
    record_count = fields.Integer("Records", readonly=True)
    processed_records = fields.Integer("Succeeded", readonly=True)
    failed_records = fields.Integer("Failed", readonly=True)
    cancelled_records = fields.Integer("Not Run", readonly=True)
    found_records = fields.Integer(readonly=True, help="Records that this page of a selection has found.")
    warning_count = fields.Integer("Warnings", readonly=True, help="Warnings of Odoo about its records.")
    created_records = fields.Integer("Records Created", readonly=True)
    updated_records = fields.Integer("Records Updated", readonly=True)
    unchanged_records = fields.Integer(
        "Records Unchanged", readonly=True, help="Records that held all their values already, and were not written."
    )
    deleted_records = fields.Integer("Records Deleted", readonly=True)
    outcomes = fields.Text(readonly=True, help="What became of each record, if they belong to one operation.")
    completed_operations = fields.Integer(readonly=True)
    failed_operations = fields.Integer(readonly=True)
    attempt = fields.Integer(readonly=True, aggregator="avg", help="Attempts made with exactly these records.")
    claims = fields.Integer(
        readonly=True,
        aggregator="avg",
        help="Number of claims. A worker that holds a lower number has lost the chunk to another one.",
    )
    runs_alone = fields.Boolean(
        readonly=True, help="It kept conflicting, and now runs only while no other chunk of its job is in flight."
    )
    worker = fields.Char(readonly=True, help="The last worker that claimed it: host, process and lane.")
    run_at = fields.Datetime("Not Before", readonly=True)
    claimed_at = fields.Datetime(readonly=True)
    finished_at = fields.Datetime(readonly=True)
    duration = fields.Float(digits=(16, 3), readonly=True)
    values_gone = fields.Boolean(
        readonly=True, help="Values of its records that succeeded were dropped after their retention time."
    )
    tallied = fields.Boolean(readonly=True, help="Counted into its job and operation.")
    pretty_payload = fields.Text("Payload Laid Out", compute="_compute_pretty_payload", help="What the chunk runs, as JSON.")

    _final_has_end = models.Constraint(
        "CHECK ((state IN ('done', 'cancelled')) = (finished_at IS NOT NULL))",
        "A chunk has an end exactly when it is over.",
    )
    _running_has_claim = models.Constraint(
        "CHECK (state <> 'running' OR (claimed_at IS NOT NULL AND claims > 0))",
        "A running chunk has been claimed.",
    )
    # a job in one transaction has one driver: a second one would find no chunks, and the job would end too early
    _driver_uniq = models.UniqueIndex("(job_id) WHERE kind = 'atomic'")
    # `store/claim.py`: the next chunk of a job
    _pending_idx = models.Index("(job_id, sequence, id) WHERE state = 'pending'")
    # `store/claim.py`: chunks that must run alone
    _alone_idx = models.Index("(job_id, sequence, id) WHERE state = 'pending' AND runs_alone")
    # `store/claim.py`: chunks of a job in flight; `store/rescue.py`: chunks that may be orphans
    _running_idx = models.Index("(job_id, claimed_at) WHERE state = 'running'")
    # `queue.park`: when the next postponed chunk is due
    _postponed_idx = models.Index("(job_id, run_at) WHERE state = 'pending' AND run_at IS NOT NULL")
    # `take_awaiting_driver`, `finish.unfinished`
    _waiting_idx = models.Index("(job_id, sequence, id) WHERE state IN ('blocked', 'held')")
    # `add_to_operations`: whether a selection has pages that are not finished
    _open_page_idx = models.Index("(operation_id) WHERE kind = 'resolve' AND finished_at IS NULL")
    # `mark_counted`: settled chunks that are not counted yet
    _tally_idx = models.Index("(job_id, finished_at) WHERE NOT tallied AND finished_at IS NOT NULL")
    # `store.references`: the chunks that produced ids of an operation
    _produced_idx = models.Index(f"USING gist (({PRODUCED_AT})) WHERE first_index IS NOT NULL")
    # results by operation
    _operation_idx = models.Index("(operation_id, id) WHERE operation_id IS NOT NULL")
    # lists, `store.purge`. Not ordered by `sequence`: if a second index had the order of a claim, PostgreSQL might use that one, and
    # read all chunks that are done
    _job_idx = models.Index("(job_id, id)")

    def init(self):
        """Set up the parts of the table that a model can't declare: see `store.schema`."""
        set_up_chunks(self.env.cr)
        return super().init()

    def _compute_display_name(self):
        for chunk in self:
            chunk.display_name = self.env._("Chunk %s", chunk.id)

    @api.depends("payload")
    def _compute_pretty_payload(self):
        for chunk in self:
            chunk.pretty_payload = indented(chunk.payload, PAYLOAD_SHOWN) if chunk.payload else False
