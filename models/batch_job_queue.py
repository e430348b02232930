from odoo import fields, models


class BatchJob(models.Model):
    """What only the engine needs of a job: its place in the queue, its working time, and what is left to do after its end."""

    _inherit = "batch.job"

    # the queue
    ready = fields.Boolean(readonly=True, default=False, help="The job is in the queue: lanes may claim a chunk of it.")
    waits_for_limit = fields.Boolean(readonly=True, copy=False, help="If the job is not in the queue: it waits for its limit.")
    wake_at = fields.Datetime(readonly=True, help="When the job returns to the queue, if it is not in it.")
    queue_position = fields.Float(
        readonly=True,
        default=0.0,
        aggregator=None,
        help="Order among jobs of equal priority, lowest first. A claim moves the job back.",
    )
    earlier_failures = fields.Integer(
        readonly=True,
        default=0,
        aggregator=None,
        help="Failures that stood at the last retry; they do not count for the limit of failures.",
    )
    reopening = fields.Boolean(readonly=True, help="A retry is putting records back, in steps. No chunk starts meanwhile.")
    reopening_chosen = fields.Boolean(readonly=True, help="That retry is only of the failures that were chosen last.")
    reopened_to = fields.Integer(
        readonly=True, aggregator=None, help="Id of the last chunk that the retry has checked, or of the last chosen failure."
    )
    chosen = fields.Integer(
        readonly=True, default=0, aggregator=None, help="Number of the last choice among its failures, see `store.chosen`."
    )
    releasing = fields.Boolean(readonly=True, help="Waiting chunks are being released, in steps. No chunk starts meanwhile.")
    released_to = fields.Integer(readonly=True, aggregator=None, help="Position of the next operation that such a step checks.")
    steered_until = fields.Datetime(readonly=True, help="Lanes claim nothing in the job until then, so that a call can change it.")
    progress_at = fields.Datetime(readonly=True, help="When the counters were last updated.")
    expected_work = fields.Float(
        "Expected Work (s)",
        readonly=True,
        default=0.0,
        aggregator=None,
        help="Seconds a single lane would need for all records, estimated from other jobs. 0: unknown.",
    )

    # working time and pace: see `store/clock.py`
    worked_s = fields.Float(
        "Worked Before (s)",
        readonly=True,
        default=0.0,
        aggregator=None,
        help="Seconds of work on the job up to the last pause or end.",
    )
    worked_since = fields.Datetime(readonly=True, help="Start of the present period of work. Empty while no lane works on the job.")
    earlier_records = fields.Integer(
        readonly=True, default=0, aggregator=None, help="Records that had run and were put back by a retry."
    )
    earlier_operations = fields.Integer(
        readonly=True, default=0, aggregator=None, help="Operations that had ended and were put back by a retry."
    )
    paced_s = fields.Float(
        "Pace From (s)",
        readonly=True,
        default=0.0,
        aggregator=None,
        help="Start of the pace measurement, in seconds of work on the job.",
    )
    paced_records = fields.Integer(
        "Pace From (records)",
        readonly=True,
        default=0,
        aggregator=None,
        help="Records that had run at the start of the pace measurement.",
    )
    pace_points = fields.Text(
        "Pace", readonly=True, help="After how many seconds of work how many records had run, at up to 60 points, as JSON."
    )

    # telling people of its end: see `run/tell.py`
    awaited_since = fields.Datetime(
        readonly=True, copy=False, help="When it was started or retried last. Empty: it runs since its submission."
    )
    tell_at = fields.Datetime(readonly=True, copy=False, help="When a lane is to tell of the job's end.")
    has_log = fields.Boolean(readonly=True, copy=False, help="Its chatter says who has submitted it.")
    tell_attempts = fields.Integer(aggregator=None, readonly=True, copy=False, help="Attempts to tell of the end that is not told yet.")

    # values that are dropped after the end: see `run/forget.py`
    holds_values = fields.Boolean(readonly=True, default=True, help="Values of records that succeeded may still be stored.")
    forgotten_to = fields.Integer(
        readonly=True, default=0, aggregator=None, help="Id of the last chunk whose values were checked or dropped."
    )

    # `store/claim.py`: the next job
    _ready_idx = models.Index("(priority DESC, queue_position, id) WHERE ready")
    # `store/claim.py`: number of a user's jobs in the queue
    _ready_user_idx = models.Index("(user_id) WHERE ready")
    # `queue.promote`: parked jobs that are due
    _parked_idx = models.Index("(wake_at) WHERE NOT ready AND wake_at IS NOT NULL")
    # `store.limit_queue`: jobs that wait for a limit, and those that don't wait yet
    _limited_idx = models.Index("(limit_id, priority DESC, queue_position, id) WHERE waits_for_limit AND NOT ready")
    _limited_user_idx = models.Index("(limit_id, user_id) WHERE waits_for_limit AND NOT ready")
    _limited_open_idx = models.Index("(limit_id) WHERE limit_id IS NOT NULL AND finished_at IS NULL")
    _limited_ready_idx = models.Index("(limit_id, priority DESC, queue_position, id) WHERE ready AND limit_id IS NOT NULL")
    # `store.forget.next_with_values`: jobs whose values are to be dropped
    _values_idx = models.Index("(finished_at) WHERE finished_at IS NOT NULL AND holds_values")
    # `store.told.take_due`: jobs whose end is to be told
    _tell_idx = models.Index("(tell_at) WHERE tell_at IS NOT NULL")
