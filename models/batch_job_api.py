from odoo import api, models

from ..engine import states
from ..run import submission
from ..run.caller import check_is_context
from ..run.garbage import without_collection
from ..run.xmlrpc import as_carried


class BatchJob(models.Model):
    """The verbs that take operations: submit, execute, append. All doors lead here."""

    _inherit = "batch.job"

    @api.model
    @without_collection()
    def submit(self, operations=None, **options):
        """Check a whole submission, store it as a job and wake the lanes.

        :param list operations: operation objects, see the API documentation
        :param options: name, max_chunk_size, max_concurrency, timeout, retry_attempts, rollback, max_failures, dry_run,
            strict, priority, run_at, idempotency_key, draft, on_complete
        :returns: status
        :rtype: dict
        :raises BatchValidationError: with all problems at once; nothing is stored
        :raises AccessError: the caller is no batch user
        """
        job, is_duplicate = submission.submit(self.env, operations, options)
        return job._status(duplicate=is_duplicate)

    @api.model
    def execute(self, operations=None, **options):
        """Run operations at once, in the caller's own transaction: one savepoint per chunk, committed with the caller.

        :param list operations: as for `submit`
        :param options: as for `submit`, without draft, run_at, idempotency_key and on_complete
        :returns: result, as `result` gives it
        :rtype: dict
        :raises BatchValidationError: as `submit`
        """
        return as_carried(submission.execute(self.env, operations, options))

    @without_collection()
    def append(self, operations=None):
        """Add operations to a draft.

        :param list operations: as for `submit`; they may refer to operations the job holds already
        :returns: status
        :raises AccessError: it is somebody else's: what is added would run with the submitter's rights
        :raises BatchValidationError: with all problems at once; nothing is added
        :raises UserError: the job is no draft
        """
        self._check_submitter()
        draft = self._lock_for_change((states.DRAFT,), self.env._("Only a draft takes more operations."))
        submission.append(self.env, draft, operations)
        return self._status()

    @api.private
    def with_context(self, ctx=None, /, **overrides):
        """As on any model: the doors put the caller's context in by this. One that is no object is told like any other problem.

        :raises BatchValidationError: it is none
        """
        if ctx is not None:
            check_is_context(self.env, ctx)
        return super().with_context(ctx, **overrides)
