from odoo import models
from odoo.exceptions import MissingError, UserError

from ..engine.values import MAX_INTEGER, can_be_id
from ..run.caller import check_caller
from ..run.status import status
from ..run.wake import wake_if_stalled
from ..run.xmlrpc import as_carried
from ..store.results import operations_page

MAX_LIMIT = 10_000


class BatchJob(models.Model):
    """The verbs that tell about a job: status, result, failures, warnings."""

    _inherit = "batch.job"

    def status(self):
        """How far the job is: one row is read, however large the job.

        :rtype: dict
        """
        self._check_visible()
        wake_if_stalled(self.sudo())
        return self._status()

    def result(self, offset=0, limit=1000, only=None):
        """Status, and what became of each operation, in submission order.

        :param int offset: operations to leave out
        :param int limit: operations at most, up to 10 000
        :param str only: "failed" for just the operations with failures
        :rtype: dict
        """
        self._check_visible()
        offset, limit = _checked_page(self.env, offset, limit)
        if only not in (None, False, "failed"):
            raise UserError(self.env._("only must be 'failed', or be left out."))
        rows = operations_page(self.env.cr, self.id, offset, limit + 1, only_failed=bool(only))
        return as_carried(
            {
                **self._status(),
                "results": self.env["batch.operation"]._entries(rows[:limit]),
                "next_offset": offset + limit if len(rows) > limit else False,
            }
        )

    def failures(self, offset=0, limit=1000):
        """All failures that stand, a page at a time.

        :param int offset: failures to leave out
        :param int limit: failures at most, up to 10 000
        :returns: `{"failures": [...], "total": n, "next_offset": n or False}`
        :rtype: dict
        """
        self._check_visible()
        return _page_of(self, "failures", "batch.failure", [("is_skipped", "=", False)], offset, limit)

    def warnings(self, offset=0, limit=1000):
        """What Odoo said of records without raising, a page at a time.

        :param int offset: warnings to leave out
        :param int limit: warnings at most, up to 10 000
        :returns: `{"warnings": [...], "total": n, "next_offset": n or False}`
        :rtype: dict
        """
        self._check_visible()
        return _page_of(self, "warnings", "batch.warning", [], offset, limit)

    def _check_visible(self):
        """Refuse what is not one job that the caller may see. What can't be the id of any job is that of none."""
        check_caller(self.env)
        if len(self._ids) != 1:
            raise UserError(self.env._("Name one job at a time."))
        if not can_be_id(self.id):
            raise MissingError(self.env._("There is no such batch job."))
        self.check_access("read")

    def _status(self, duplicate=False):
        self.invalidate_recordset()  # what was written here is flushed, what was by SQL is read anew
        return status(self.env, self.id, duplicate)


def _page_of(job, name, model, domain, offset, limit):
    """A page of what stands of a job that the caller may see: what was run again since is history."""
    offset, limit = _checked_page(job.env, offset, limit)
    domain = [("job_id", "=", job.id), ("retried_at", "=", False), *domain]
    records = job.env[model].sudo()
    total = records.search_count(domain)
    page = records.search(domain, order="id", offset=offset, limit=limit)
    return {
        name: page._as_dicts(),
        "total": total,
        "next_offset": offset + limit if offset + limit < total else False,
    }


def _checked_page(env, offset, limit):
    """The bounds of a page; a limit above `MAX_LIMIT` is lowered to it.

    :raises UserError: one of them is no whole number, or too small
    """
    for name, value, low in (("offset", offset, 0), ("limit", limit, 1)):
        if value.__class__ is not int or not low <= value <= MAX_INTEGER:
            raise UserError(env._("%(name)s must be a whole number from %(low)s.", name=name, low=low))
    return offset, min(limit, MAX_LIMIT)
