from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError

from ..engine.limit import MAX_IN_FLIGHT, MAX_RECORDS_PER_SECOND, MIN_RECORDS_PER_SECOND, is_allowed_rate
from ..run.limited import limit_changed
from ..store.limit import figures, lock_for_write

#: Its fields that lanes read at each claim.
NUMBERS = ("max_in_flight", "max_records_per_second")
#: Those that only the engine writes: when something starts.
OF_ENGINE = ("next_at", "wake_at")


class BatchLimit(models.Model):
    """A named limit of what runs at once, or in a second, of all jobs that name it: on all lanes of all hosts. See `run/limited.py`."""

    _name = "batch.limit"
    _inherit = ["batch.named"]
    _description = "Batch Limit"
    _order = "name, id"
    _field_of_actions = "batch_limit_id"

    name = fields.Char(required=True, help="What the option limit of a job names, as shop-A.")
    active = fields.Boolean(default=True, help="An archived limit is not given to new jobs. Those that have it still keep to it.")
    description = fields.Text(help="What it protects.")
    max_in_flight = fields.Integer(
        "Chunks at Once", aggregator=None, help="Most chunks of its jobs in flight at once, on all hosts together. 0: no limit."
    )
    max_records_per_second = fields.Float(
        "Records per Second",
        min_display_digits=1,  # and as many as there are
        aggregator=None,
        help="Most records of its jobs that run in any second, on all hosts together. 0: no limit. Below 1: 0.1 is one record in ten seconds.",
    )
    next_at = fields.Datetime(readonly=True, copy=False, help="Nothing starts before: what has just run was rolled back or deleted, and still counts.")
    wake_at = fields.Datetime("Next Look", readonly=True, copy=False, help="When lanes look at the jobs that wait for it.")
    job_ids = fields.One2many("batch.job", "limit_id", "Jobs", readonly=True)
    in_flight = fields.Integer("Chunks in Flight", compute="_compute_figures")
    job_count = fields.Integer("Unfinished Jobs", compute="_compute_figures")
    waiting_count = fields.Integer("Waiting Jobs", compute="_compute_figures", help="Unfinished jobs that wait because it is used up.")

    _name_uniq = models.UniqueIndex("(name)", "There is a limit with this name already, perhaps an archived one.")
    _not_negative = models.Constraint(
        "CHECK (max_in_flight >= 0 AND max_records_per_second >= 0)", "A limit must not be negative; 0 stands for no limit."
    )
    # `queue.seconds_until_work`, `store.limit_queue.due`
    _wake_idx = models.Index("(wake_at) WHERE wake_at IS NOT NULL")

    @api.constrains(*NUMBERS)
    def _check_numbers(self):
        for limit in self:
            if not 0 <= limit.max_in_flight <= MAX_IN_FLIGHT:
                raise ValidationError(self.env._("Chunks at once must be from 1 to %s, or 0, which is no limit.", MAX_IN_FLIGHT))
            if not is_allowed_rate(limit.max_records_per_second):
                raise ValidationError(
                    self.env._(
                        "Records per second must be from %(low)s to %(high)s, or 0, which is no limit.",
                        low=MIN_RECORDS_PER_SECOND,
                        high=MAX_RECORDS_PER_SECOND,
                    )
                )

    @api.depends_context("uid")
    def _compute_figures(self):
        found = figures(self.env.cr, self.ids)
        for limit in self:
            limit.in_flight, limit.job_count, limit.waiting_count, _pause_s = found.get(limit.id, (0, 0, 0, 0))

    @api.model_create_multi
    def create(self, vals_list):
        """As in Odoo; only the engine writes when something starts, also where a default value says otherwise.

        :raises AccessError: such a field is written
        """
        limits = super().create(vals_list)
        self._check_engine_fields([name for name in OF_ENGINE if any(limits.mapped(name))])
        return limits

    def write(self, vals):
        """As in Odoo; jobs that wait are looked at as soon as there is more room for them.

        :param dict vals: as for `write` of any model
        :raises AccessError: a field is written that only the engine writes
        """
        self._check_engine_fields([name for name in OF_ENGINE if name in vals])
        self.check_access("write")
        lock_for_write(self.env.cr, self.ids)
        result = super().write(vals)
        if not vals.keys().isdisjoint(NUMBERS):
            limit_changed(self)
        return result

    def _check_engine_fields(self, written):
        if written and not self.env.su:
            raise AccessError(self.env._("Fields of a limit that can't be written: %s", ", ".join(written)))
