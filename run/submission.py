"""`submit`, `execute` and `append`: check all operations and options before anything is stored or run."""

import json
from contextlib import contextmanager
from dataclasses import replace

from ..engine import states
from ..engine.contents import sum_up
from ..engine.fingerprint import fingerprint_of
from ..engine.graph import check_graph
from ..engine.key_order import last_of_keys, numbers_of, order_keys
from ..engine.operation import UPSERT
from ..engine.options import QUIET_CONTEXT, ROLLBACK_CHUNK, ROLLBACK_JOB, parse_options
from ..engine.planner import plan
from ..engine.problems import Problems
from ..engine.sizing import MOST_UNDONE, uncut
from ..engine.spec import parse_operations
from ..store.references import ids_by_name
from ..store.submit import add_upsert_keys, last_with_upsert_keys, store_operations
from . import inline
from .caller import check_group, refuse, sound_context
from .check import Checker
from .limited import check_sets, find_limit
from .limits import check_execute_limit, check_size, check_unfinished_jobs
from .new_job import begin, create_job, summary_columns
from .settings import get_setting
from .trust import find_action
from .wake import wake_early
from .webhook import find_webhook

#: Options whose default is a setting.
DEFAULT_OPTIONS = ("max_chunk_size", "max_concurrency", "retry_attempts")


def submit(env, operations, options, started_by=None):
    """Store operations as a job, and wake the lanes unless it is a draft.

    :param env: the caller's environment
    :param operations: operation objects as sent
    :param dict options: options as sent
    :param int started_by: id of the action that submits it, where an automation rule has run that action
    :returns: `(job, is_duplicate)`; a duplicate was stored by an earlier call with the same idempotency key
    :raises BatchValidationError: with all problems at once; nothing is stored
    :raises AccessError: the caller is no batch user
    :raises ConcurrencyError: another call with the same idempotency key was stored meanwhile; Odoo repeats this call
    """
    submission = Submission(env)
    wanted = submission.read_options(options)
    fingerprint = submission.fingerprint(operations, options) if wanted.idempotency_key else None
    if fingerprint and (job := submission.find_duplicate(wanted.idempotency_key, fingerprint)):
        return job, True
    if not (submission.problems or wanted.draft or wanted.run_at):
        wake_early(submission.env, operations, wanted.max_concurrency)
    if not operations and not wanted.draft and isinstance(operations, (list, tuple, type(None))):
        submission.add(submission.env._("there are no operations"), "operations")
    submission.read_operations(operations)
    action = find_action(submission.env, wanted.on_complete, submission.problems)
    submission.check_size()
    check_unfinished_jobs(submission.env, submission.problems)
    submission.refuse()
    job = create_job(submission.env, wanted, fingerprint, action, sum_up(submission.operations), started_by)
    submission.store_in(job)
    begin(submission.env, job, wanted)
    return job.with_env(submission.env), False


def append(env, draft, operations):
    """Store more operations in a draft.

    :param env: the caller's environment
    :param draft: the locked job, in a superuser environment
    :param operations: operation objects as sent
    :raises BatchValidationError: with all problems at once; nothing is stored
    """
    submission = Submission(env)
    submission.read_operations(operations, draft)
    submission.check_size(draft)
    submission.refuse()
    draft.write(summary_columns(env, sum_up(submission.operations, json.loads(draft.contents or "[]"))))
    submission.store_in(draft)


def problems_of(env, operations):
    """What is wrong with operations, as `submit` would say it; nothing is stored.

    :param env: the caller's environment
    :param operations: operation objects as sent
    :returns: `Problems`
    :raises AccessError: the caller is no batch user
    """
    submission = Submission(env)
    submission.read_operations(operations)
    submission.check_size()
    return submission.problems


def check_options(env, options, labels=None):
    """Refuse options that `submit` would refuse; nothing is stored.

    :param env: the caller's environment
    :param dict options: options as sent
    :param dict labels: what options are called in the form that they come from
    :raises BatchValidationError: with all problems at once
    :raises AccessError: the caller is no batch user
    """
    submission = Submission(env)
    submission.read_options(options)
    submission.problems.name_keys(labels or {})
    submission.refuse()


def execute(env, operations, options, progress_callback=None):
    """Run operations at once, in the caller's transaction.

    :param env: the caller's environment
    :param operations: operation objects as sent
    :param dict options: options as sent
    :param progress_callback: called with `{"completed", "total", "percentage", "stats"}` after every chunk of records
    :returns: the result object
    :raises BatchValidationError: with all problems at once; nothing has run
    :raises AccessError: the caller is no batch user
    :raises BatchExecutionError: see `inline.execute`
    """
    submission = Submission(env)
    wanted = submission.read_options(options, inline=True)
    submission.read_operations(operations)
    check_execute_limit(submission.env, submission.problems, submission.record_count)
    if not wanted.max_chunk_size:
        size = MOST_UNDONE if wanted.rollback == ROLLBACK_CHUNK else uncut(wanted.timeout)
        wanted = replace(wanted, max_chunk_size=size)
    plans = submission.plan(wanted.max_chunk_size, wanted.max_concurrency == 1, False)
    env = submission.env
    if wanted.quiet:
        env = env(context={**QUIET_CONTEXT, **env.context})
    return inline.execute(env, submission.operations, plans, wanted, progress_callback)


class Submission:
    """The operations of one call, and all problems found in them.

    :param env: the caller's environment
    :raises AccessError: the caller is no batch user
    """

    def __init__(self, env):
        self.problems = Problems()
        self.env = sound_context(env, self.problems)
        self.operations = []  # parsed `Operation`s
        check_group(self.env)

    @property
    def record_count(self):
        """Number of records in all operations."""
        return sum(operation.record_count for operation in self.operations)

    def add(self, message, key=False):
        """Add a problem of the call as a whole.

        :param str message: translated text
        :param key: the option or argument that is wrong, or False
        """
        self.problems.add(message, key=key)

    def refuse(self):
        """Refuse the call if problems were found.

        :raises BatchValidationError: there are problems
        """
        refuse(self.env, self.problems)

    # -- reading -----------------------------------------------------------------------------------

    def read_options(self, options, inline=False):
        """Parse options; missing ones get their defaults, and each wrong one adds a problem.

        :param dict options: options as sent
        :param bool inline: whether they are options of `execute`
        :returns: `engine.options.Options`
        """
        defaults = {name: get_setting(self.env, name) for name in DEFAULT_OPTIONS}
        found = parse_options(options, defaults, self.problems, inline=inline)
        found.limit_id = find_limit(self.env, found.limit, self.problems)
        found.webhook_id = find_webhook(self.env, found.webhook, self.problems)
        return found

    def read_operations(self, operations, draft=None, offset=None):
        """Parse operations, and check each of them, their references to each other, and all of them against the database.

        :param operations: operation objects as sent
        :param draft: the job they are added to; they may refer to its operations
        :param int offset: how many operations come before them; None: those of the draft
        """
        if offset is None:
            offset = draft.total_operations if draft else 0
        try:
            parsed = parse_operations([] if operations is None else operations, self.problems, offset)
        except RecursionError:
            self.add(self.env._("nested too deeply"), "operations")
            return
        known = ids_by_name(draft.env.cr, draft.id, _names(parsed)) if draft else {}
        check_graph(parsed, self.problems, known, offset)
        Checker(self.env, self.problems, offset).check(parsed)
        self.operations = parsed

    def check_size(self, draft=None):
        """Add a problem if there are too many operations or records; those already in the draft count too.

        :param draft: the job they are added to, or None
        """
        operations, records = len(self.operations), self.record_count
        if draft:
            operations, records = operations + draft.total_operations, records + draft.total_records
        check_size(self.env, self.problems, operations, records)

    # -- the same submission again -----------------------------------------------------------------

    def fingerprint(self, operations, options):
        """A hash of operations and options; None, and a problem, if they can't be written as JSON.

        :raises BatchValidationError: they are circular or nested too deeply
        """
        try:
            return fingerprint_of(operations, options)
        except (TypeError, ValueError, RecursionError) as error:
            self._add_formless(error)
            if not isinstance(error, TypeError):  # circular or nested too deeply: later checks could not walk through it
                self.refuse()
            return None

    def find_duplicate(self, key, fingerprint):
        """The caller's job with this idempotency key; an empty recordset if there is none.

        :param str key: the idempotency key
        :param str fingerprint: of this call, see `fingerprint`
        :raises BatchValidationError: the key was used for a different submission
        """
        jobs = self.env["batch.job"]
        job = jobs.sudo().search([("user_id", "=", self.env.uid), ("idempotency_key", "=", key)], limit=1)
        if job and job.fingerprint != fingerprint:
            problems = Problems()
            problems.add(self.env._("'%s' was used before, for another submission", key), key="idempotency_key")
            refuse(self.env, problems)
        return job.with_env(self.env)

    # -- storing -----------------------------------------------------------------------------------

    def plan(self, max_chunk_size, in_order, grouped):
        """Divide the operations into chunks.

        :param int max_chunk_size: most records in a chunk; 0: adaptive
        :param bool in_order: the chunks run strictly in order
        :param bool grouped: whether lanes may run them side by side
        :returns: `ChunkPlan`s
        :raises BatchValidationError: problems were found before, or in planning
        """
        self.refuse()
        with self._refused_without_form():
            return plan(self.operations, max_chunk_size, in_order=in_order, grouped=grouped)

    def store_in(self, job, after=()):
        """Store the operations and their chunks in a job.

        :param job: a new or locked job, in a superuser environment
        :param after: names of operations of the job that these must follow
        :raises BatchValidationError: the data can't be written as JSON
        """
        check_sets(job.limit_id, self.operations, self.problems)
        # not by its concurrency, which may have been lowered since a draft was made, and may be raised again
        if not job.is_ordered and job.rollback != ROLLBACK_JOB:
            self._order_keys(job)
            for operation in self.operations if after else ():
                operation.after = operation.after.union(after)
                operation.key_level = max(operation.key_level, 1)
            # a dry run goes in order anyway; who runs it for real will need to know what waits for what. Groups would mix up that order
            if job.dry_run and not any(operation.group_by for operation in self.operations if operation.type == UPSERT):
                for operation in self.operations:
                    operation.key_level = 0
        size = job.max_chunk_size or (uncut(job.timeout) if job.is_atomic else 0)
        plans = self.plan(size, job.is_ordered, job.rollback != ROLLBACK_JOB)
        with self._refused_without_form():
            job.flush_recordset()
            store_operations(job.env.cr, job.id, job.is_atomic, self.operations, plans)
            job.invalidate_recordset()

    def _order_keys(self, job):
        """Make operations with the same upsert keys or external ids wait for each other, also for operations already in the draft."""
        if job.state != states.DRAFT:
            order_keys(self.operations)
            return
        cr = job.env.cr
        order_keys(self.operations, last_with_upsert_keys(cr, job.id, numbers_of(self.operations)))
        add_upsert_keys(cr, job.id, last_of_keys(self.operations))

    @contextmanager
    def _refused_without_form(self):
        """Report data that can't be written as JSON as a problem of the submission, as it is the caller's mistake."""
        try:
            yield
        except (TypeError, ValueError, RecursionError) as error:
            self._add_formless(error)
            self.refuse()

    def _add_formless(self, error):
        self.add(self.env._("the data has no JSON form: %s", error), "operations")


def _names(operations):
    """All operation names that the operations have or refer to."""
    return {
        name
        for operation in operations
        for name in (operation.operation_id, *operation.depends_on, *operation.refs)
        if isinstance(name, str)
    }
