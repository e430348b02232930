import json
import threading
from urllib.parse import urlsplit

from odoo import api, models
from odoo.exceptions import MissingError, UserError
from odoo.tools import SQL

from ..engine import report, spec
from ..engine.values import MAX_INTEGER, can_be_id
from ..run.caller import check_caller
from ..run.status import status
from ..run.wake import wake_if_stalled

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
        offset, limit = self._check_page(offset, limit)
        if only not in (None, False, "failed"):
            raise UserError(self.env._("only must be 'failed', or be left out."))
        rows = self.env.execute_query_dict(
            SQL(
                """
                SELECT id, operation_id, operation_type, model, state, record_count, processed_records, failed_records,
                       cancelled_records, warning_count, data_length, return_ids, duration, error, result,
                       CASE operation_type WHEN 'call' THEN details END AS call
                  FROM batch_operation
                 WHERE job_id = %(job)s
                   AND %(page)s
                 LIMIT %(limit)s
                """,
                job=self.id,
                # positions have no gaps: a page of all of them is found without counting those before it
                page=SQL(
                    "failed_records > 0 ORDER BY position OFFSET %s" if only else "position >= %s ORDER BY position",
                    offset,
                ),
                limit=limit + 1,
            )
        )
        page = rows[:limit]
        for row in page:
            # not in SQL: PostgreSQL's own JSON takes neither NUL nor lone surrogates, the details are the caller's
            row["has_answer"] = bool(row["call"]) and not json.loads(row["call"]).keys().isdisjoint(report.ANSWERED)
        ids = self.env["batch.operation"]._collect_ids([row for row in page if _has_ids(row)])
        failures = self.env["batch.failure"]._first_of_operations([row["id"] for row in page if row["failed_records"]])
        warnings = self.env["batch.warning"]._first_of_operations([row["id"] for row in page if row["warning_count"]])
        results = [
            report.operation_entry(row, ids.get(row["id"]), failures.get(row["id"], []), warnings.get(row["id"], []))
            for row in page
        ]
        next_offset = offset + limit if len(rows) > limit else False
        return self._as_carried({**self._status(), "results": results, "next_offset": next_offset})

    @api.model
    def _as_carried(self, result):
        """A result as its door can carry it: XML-RPC has integers of 32 bits, larger ones that a method returned are texts there."""
        # Odoo hides the request from what is called by RPC
        if urlsplit(getattr(threading.current_thread(), "url", "")).path.startswith("/xmlrpc/"):
            for entry in result["results"]:
                entry["result"] = _small(entry["result"])
        return result

    def failures(self, offset=0, limit=1000):
        """All failures that stand, a page at a time.

        :param int offset: failures to leave out
        :param int limit: failures at most, up to 10 000
        :returns: `{"failures": [...], "total": n, "next_offset": n or False}`
        :rtype: dict
        """
        return self._page_of("failures", "batch.failure", [("is_skipped", "=", False)], offset, limit)

    def warnings(self, offset=0, limit=1000):
        """What Odoo said of records without raising, a page at a time.

        :param int offset: warnings to leave out
        :param int limit: warnings at most, up to 10 000
        :returns: `{"warnings": [...], "total": n, "next_offset": n or False}`
        :rtype: dict
        """
        return self._page_of("warnings", "batch.warning", [], offset, limit)

    def _page_of(self, name, model, domain, offset, limit):
        """A page of what stands: what was run again since is history."""
        self._check_visible()
        offset, limit = self._check_page(offset, limit)
        domain = [("job_id", "=", self.id), ("retried_at", "=", False), *domain]
        records = self.env[model].sudo()
        total = records.search_count(domain)
        page = records.search(domain, order="id", offset=offset, limit=limit)
        return {
            name: page._as_dicts(),
            "total": total,
            "next_offset": offset + limit if offset + limit < total else False,
        }

    def _check_visible(self):
        check_caller(self.env)
        self._check_is_one()
        self.check_access("read")

    def _check_is_one(self):
        """A verb is about one job; what can't be the id of any is that of none that exists."""
        if len(self._ids) != 1:
            raise UserError(self.env._("Name one job at a time."))
        if not can_be_id(self.id):
            raise MissingError(self.env._("There is no such batch job."))

    def _check_page(self, offset, limit):
        for name, value, low in (("offset", offset, 0), ("limit", limit, 1)):
            if value.__class__ is not int or not low <= value <= MAX_INTEGER:
                raise UserError(self.env._("%(name)s must be a whole number from %(low)s.", name=name, low=low))
        return offset, min(limit, MAX_LIMIT)

    def _status(self, duplicate=False):
        self.invalidate_recordset()  # what was written here is flushed, what was by SQL is read anew
        return status(self.env, self.id, duplicate)


def _small(value):
    if isinstance(value, dict):
        return {key: _small(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_small(item) for item in value]
    return str(value) if value.__class__ is int and abs(value) > MAX_INTEGER else value


def _has_ids(row):
    return row["has_answer"] or (row["return_ids"] and row["operation_type"] in spec.PRODUCES_IDS)
