from odoo import api, models
from odoo.exceptions import UserError

from ..engine import states
from ..run import apply, change, submission, undo
from ..run.access import check_submitter, check_visible, checked_page
from ..run.change import lock_for_change
from ..run.garbage import without_collection
from ..run.readable import readable_page
from ..run.retry import retry_job
from ..run.status import status as status_of
from ..run.waiting import checked_wait, wait_for_change
from ..run.wake import wake_if_stalled
from ..run.xmlrpc import as_carried
from ..store.changes import counted_changes
from ..store.results import operations_page


class BatchJob(models.Model):
    """The verbs of the API."""

    _inherit = "batch.job"

    # -- verbs that take operations ------------------------------------------------------------------

    @api.model
    @without_collection()
    def submit(self, operations=None, **options):
        """Check a submission, store it as a job, and wake the lanes unless it is a draft.

        :param list operations: operation objects, see the API documentation
        :param options: name, max_chunk_size, max_concurrency, timeout, retry_attempts, rollback, max_failures, dry_run,
            strict, quiet, skip_unchanged, track_changes, priority, run_at, idempotency_key, draft, on_complete, notify, limit, webhook
        :returns: the status object
        :rtype: dict
        :raises BatchValidationError: with all problems at once; nothing is stored
        :raises AccessError: the caller is no batch user
        """
        job, is_duplicate = submission.submit(self.env, operations, options)
        return job._status(is_duplicate)

    @api.model
    def execute(self, operations=None, **options):
        """Run operations at once, in the caller's transaction, with savepoints. The caller commits.

        :param list operations: as for `submit`
        :param options: as for `submit`, without draft, run_at, idempotency_key, on_complete, notify, limit and webhook
        :returns: the result object, as `result` returns it
        :rtype: dict
        :raises BatchValidationError: with all problems at once; nothing has run
        :raises BatchExecutionError: the execution can't continue
        :raises AccessError: the caller is no batch user
        """
        return as_carried(submission.execute(self.env, operations, options))

    @without_collection()
    def append(self, operations=None):
        """Add operations to a draft.

        :param list operations: as for `submit`; they may refer to operations already in the draft
        :returns: the status object
        :raises AccessError: the caller is not the submitter, with whose rights the operations will run
        :raises BatchValidationError: with all problems at once; nothing is added
        :raises UserError: the job is no draft
        """
        check_submitter(self)
        draft = lock_for_change(self, (states.DRAFT,), self.env._("Only a draft takes more operations."))
        submission.append(self.env, draft, operations)
        return self._status()

    # -- verbs that change a job ---------------------------------------------------------------------

    def start(self):
        """Queue a draft.

        :returns: the status object
        :raises AccessError: the caller is not the submitter, with whose rights the draft will run
        :raises UserError: the job is no draft
        """
        check_submitter(self)
        job = lock_for_change(self, (states.DRAFT,), self.env._("Only a draft can be started."))
        change.start(job.env, job)
        return self._status()

    def pause(self):
        """Start no further chunk until `resume`; chunks in flight finish. A paused job stays paused.

        :returns: the status object
        :raises UserError: the job is a draft, or finished
        """
        check_visible(self)  # first, as the text below can't be translated with an invalid language in the context
        refusal = self.env._("Only a waiting or running job can be paused.")
        job = lock_for_change(self, (*states.JOB_ACTIVE, states.PAUSED), refusal)
        change.pause(job.env, job)
        return self._status()

    def resume(self):
        """Continue a paused job. A waiting or running job stays as it is.

        :returns: the status object
        :raises UserError: the job is a draft, or finished
        """
        check_visible(self)
        refusal = self.env._("Only a paused job can be resumed.")
        job = lock_for_change(self, (*states.JOB_ACTIVE, states.PAUSED), refusal)
        change.resume(job.env, job)
        return self._status()

    def run_now(self):
        """Start a job that waits for its `run_at` at once; a paused one, as soon as it is resumed.

        :returns: the status object
        :raises UserError: the job does not wait for its time
        """
        check_visible(self)
        refusal = self.env._("Only a job that waits for its time can be started before it.")
        job = lock_for_change(self, (states.PENDING, states.PAUSED), refusal)
        if not job.is_scheduled:
            raise UserError(refusal)
        change.run_now(job.env, job)
        return self._status()

    def cancel(self):
        """Start no further chunk; chunks in flight finish. A job that runs in one transaction is rolled back.

        In a large job, lanes cancel the waiting chunks in steps; the job gets its final state after the last step.

        :returns: the status object
        :raises UserError: the job is finished
        """
        check_visible(self)
        job = lock_for_change(self, states.JOB_UNFINISHED, self.env._("A finished job can't be cancelled."))
        change.cancel(job.env, job)
        return self._status()

    def retry(self):
        """Run the failed and cancelled records again. Their failures stay readable, as history.

        A job in one transaction runs again as a whole.

        :returns: the status object
        :raises UserError: the job is not finished, or nothing in it failed or was cancelled
        """
        check_visible(self)
        job = lock_for_change(self, states.JOB_FINAL, self.env._("Only a finished job can be retried."))
        if not job.can_retry:
            if job.dismissed_records:
                raise UserError(self.env._("What failed in this job was dismissed; restore it to retry it."))
            raise UserError(self.env._("Nothing in this job failed or was cancelled."))
        self.env.flush_all()
        retry_job(job.env, job.id)
        self.env.invalidate_all()
        return self._status()

    def apply(self):
        """Do for real what a finished dry run has planned, as a new job whose `origin_job_id` is this one.

        With tracked changes, a record that no longer is what the plan saw, or that would be changed otherwise than planned, fails as
        `ChangedSinceError` and is left alone.

        :returns: the status object of the new job
        :raises AccessError: the caller is not the submitter, with whose rights it will run
        :raises UserError: it is no finished dry run, was stopped or applied before, or its values have been dropped
        """
        check_submitter(self)
        job = lock_for_change(self, states.JOB_FINAL, self.env._("Only a finished dry run can be run for real."))
        return apply.apply(self.env, job).with_env(self.env)._status()

    def undo(self):
        """Take back what a finished job has changed, newest first, as a new job whose `origin_job_id` is this one.

        It needs tracked changes. What has been changed since fails as `ChangedSinceError`, what was deleted as `NotUndoable`; both are left
        alone.

        :returns: the status object of the new job
        :raises AccessError: the caller is not the submitter, with whose rights it will run
        :raises UserError: it is not finished, a dry run, or was undone before; or it has changed nothing, or that was not tracked
        """
        check_submitter(self)
        job = lock_for_change(self, states.JOB_FINAL, self.env._("Only a finished job can be undone."))
        return undo.undo(self.env, job).with_env(self.env)._status()

    def undo_preview(self):
        """What an undo would do, for the question before it. Looks at the newest changes only, and locks nothing.

        :returns: see `run.undo.preview`
        :rtype: dict
        :raises AccessError: the caller is not the submitter
        :raises UserError: the changes were dropped
        """
        check_submitter(self)
        return undo.preview(self.env, self)

    # -- verbs that read a job -----------------------------------------------------------------------

    def status(self, wait=0):
        """The state and the progress of the job. Reads only a few rows, even for a large job.

        :param float wait: seconds, at most 20, to wait for a change of the state or of a counter: see `run/waiting.py`
        :returns: the status object
        :rtype: dict
        :raises UserError: `wait` is not valid
        """
        check_visible(self)
        wait_s = checked_wait(self.env, wait)
        wake_if_stalled(self.sudo())
        wait_for_change(self, wait_s)
        return self._status()

    def _status(self, is_duplicate=False):
        self.invalidate_recordset()  # flushes pending writes of the ORM, and drops values that SQL has changed since
        return status_of(self.env, self.id, is_duplicate)

    def result(self, offset=0, limit=1000, only=None, outcomes=False):
        """The status, and the result of each operation in submission order, a page at a time.

        :param int offset: operations to skip
        :param int limit: most operations to return, up to 10 000
        :param str only: "failed" for only the operations with failures
        :param bool outcomes: whether to tell what became of each record: created, updated, unchanged, deleted
        :returns: the result object
        :rtype: dict
        :raises UserError: a parameter is not valid
        """
        check_visible(self)
        offset, limit = checked_page(self.env, offset, limit)
        if only not in (None, False, "failed"):
            raise UserError(self.env._("only must be 'failed', or be left out."))
        if not isinstance(outcomes, (bool, type(None))):
            raise UserError(self.env._("outcomes must be true or false."))
        rows = operations_page(self.env.cr, self.id, offset, limit + 1, only_failed=bool(only))
        return as_carried(
            {
                **self._status(),
                "results": self.env["batch.operation"]._entries(rows[:limit], bool(outcomes)),
                "next_offset": offset + limit if len(rows) > limit else False,
            }
        )

    def failures(self, offset=0, limit=1000):
        """All failures that stand (whose records were not run again), a page at a time.

        :param int offset: failures to skip
        :param int limit: most failures to return, up to 10 000
        :returns: `{"failures": [...], "total": n, "next_offset": n or False}`
        :rtype: dict
        :raises UserError: a parameter is not valid
        """
        check_visible(self)
        entries, rest = self.env["batch.failure"]._page_of_job(self.id, offset, limit, [("is_skipped", "=", False)])
        return {"failures": entries, **rest}

    def warnings(self, offset=0, limit=1000):
        """Warnings of Odoo about records, a page at a time.

        :param int offset: warnings to skip
        :param int limit: most warnings to return, up to 10 000
        :returns: `{"warnings": [...], "total": n, "next_offset": n or False}`
        :rtype: dict
        :raises UserError: a parameter is not valid
        """
        check_visible(self)
        entries, rest = self.env["batch.warning"]._page_of_job(self.id, offset, limit)
        return {"warnings": entries, **rest}

    def changes(self, offset=0, limit=1000):
        """What a job with `track_changes` has changed, in the order in which it took effect, a page at a time.

        Without values that the caller may not read: see `run/readable.py`.

        :param int offset: changes to skip
        :param int limit: most changes to return, up to 10 000; fewer where their values are large
        :returns: `{"changes": [...], "total": n, "next_offset": n or False}`
        :rtype: dict
        :raises UserError: a parameter is not valid, or the changes were dropped
        """
        check_visible(self)
        offset, limit = checked_page(self.env, offset, limit)
        entries = readable_page(self.env, self, offset, limit)
        total, end = counted_changes(self.env.cr, self.id), offset + len(entries)
        return as_carried({"changes": entries, "total": total, "next_offset": end if entries and end < total else False})
