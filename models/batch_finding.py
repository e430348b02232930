from odoo import api, fields, models

from ..engine.operations import TYPE_LABELS
from ..run.access import checked_page
from ..store.findings import first_of_operations
from ..store.schema import set_up_findings
from .batch_operation import UncheckedMany2one


class BatchFinding(models.AbstractModel):
    """A failure or a warning of one record."""

    _name = "batch.finding"
    _description = "Batch Finding"
    _rec_name = "message"
    _order = "job_id.id desc, id"  # of one job, the index on (job_id, id) has them in this order

    #: The constant of `store.findings` for this model.
    _findings = None
    #: Domain of findings that stand.
    _standing = (("retried_at", "=", False),)
    #: Most findings of each operation that `result` shows.
    _shown_limit = 0

    job_id = UncheckedMany2one("batch.job", required=True, ondelete="cascade", readonly=True)
    operation_id = UncheckedMany2one("batch.operation", required=True, ondelete="cascade", readonly=True)
    chunk_id = UncheckedMany2one("batch.chunk", required=True, ondelete="cascade", readonly=True, index=True)
    model = fields.Char(readonly=True)
    operation_type = fields.Selection(TYPE_LABELS, "Type", readonly=True)
    index = fields.Integer("Place", readonly=True, aggregator=None, help="Place in the operation's data, from 0.")
    row_number = fields.Integer("Row", compute="_compute_row_number", help="In the file, or else in the data, from 1.")
    file_row = fields.Integer(
        "Row in File", readonly=True, aggregator=None, help="Number of its row in the file it was imported from, from 1."
    )
    record_id = fields.Integer("Record Id", readonly=True, aggregator=None, help="Id of the record, if it exists.")
    message = fields.Text(readonly=True)
    created_at = fields.Datetime(readonly=True, help="When its chunk was settled.")
    retried_at = fields.Datetime("Retried On", readonly=True, help="When its record was run again; from then on it only counts as history.")

    def init(self):
        """Set up the parts of the table that a model can't declare: see `store.schema`."""
        if not self._abstract:
            set_up_findings(self.env.cr, self._table)
        return super().init()

    @api.depends("index", "file_row")
    def _compute_row_number(self):
        for finding in self:
            finding.row_number = finding.file_row or finding.index + 1

    @api.model
    def _first_of_operations(self, operation_ids):
        """The first findings that stand of each operation.

        :param operation_ids: ids of operations that the caller may see
        :returns: dict operation id -> entries in the form of the API, without `operation_id`
        """
        ids = first_of_operations(self.env.cr, self._findings, operation_ids, self._shown_limit)
        found = {}
        findings = self.sudo().browse(ids)
        for finding, entry in zip(findings, findings._as_dicts(), strict=True):
            del entry["operation_id"]
            found.setdefault(finding.operation_id.id, []).append(entry)
        return found

    @api.model
    def _page_of_job(self, job_id, offset, limit, domain=()):
        """A page of the findings of a job that stand; those whose record was run again are left out.

        :param int job_id: id of a job that the caller may see
        :param int offset: findings to skip
        :param int limit: most findings to return
        :param domain: further conditions
        :returns: `(entries in the form of the API, {"total": n, "next_offset": n or False})`
        :raises UserError: the bounds of the page are not whole numbers, or out of range
        """
        offset, limit = checked_page(self.env, offset, limit)
        domain = [("job_id", "=", job_id), *self._standing, *domain]
        findings = self.sudo()
        total = findings.search_count(domain)
        page = findings.search(domain, order="id", offset=offset, limit=limit)
        return page._as_dicts(), {"total": total, "next_offset": offset + limit if offset + limit < total else False}

    def _as_dicts(self):
        """The findings in the form of the API, as a list of dicts with `operation_id`."""
        raise NotImplementedError
