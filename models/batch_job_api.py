import json
from collections.abc import Mapping
from contextlib import contextmanager

import psycopg2

from odoo import api, models
from odoo.exceptions import AccessError, ConcurrencyError
from odoo.tools import SQL, ormcache

from ..engine import states
from ..engine.fingerprint import fingerprint_of
from ..engine.graph import check_graph
from ..engine.options import parse_options
from ..engine.planner import plan
from ..engine.problems import Problems
from ..engine.spec import parse_operations
from ..engine.turns import last_of_keys, order_upserts
from ..exceptions import BatchValidationError
from ..run import inline
from ..run.check import Checker, sound_context
from ..run.claim import kept_context
from ..run.garbage import without_collection
from ..run.settings import get_setting
from ..run.trust import action_problem
from .batch_job import NO_LIMIT

GROUP_USER = "batch_executor.group_batch_user"


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
        problems = Problems()
        self = self.with_env(sound_context(self.env, problems))
        self._check_group()
        parsed_options = parse_options(options, self._default_options(), problems)
        key = parsed_options.idempotency_key
        fingerprint = key and self._fingerprint(operations, options, problems)
        if fingerprint and (job := self._find_duplicate(key, fingerprint)):
            return job._status(duplicate=True)
        if not (problems or parsed_options.draft or parsed_options.run_at):
            self._rouse_lanes(operations, parsed_options.max_concurrency)
        if not operations and not parsed_options.draft and isinstance(operations, (list, tuple, type(None))):
            problems.add(self.env._("there are no operations"), key="operations")
        parsed = self._parse(operations if operations is not None else [], problems)
        action = self._check_action(parsed_options.on_complete, problems)
        records = sum(operation.record_count for operation in parsed)
        self._check_limits(len(parsed), records, problems)
        self._raise_problems(problems)
        job = self._create_job(parsed_options, fingerprint, action)
        if job.is_atomic:
            job._insert_driver()
        job._append_parsed(parsed, problems)
        if not parsed_options.draft:
            job._enqueue()
            job._wake_lanes_for(parsed_options.run_at)
        return job.with_env(self.env)._status()

    @api.model
    def execute(self, operations=None, **options):
        """Run operations at once, in the caller's own transaction: one savepoint per chunk, committed with the caller.

        :param list operations: as for `submit`
        :param options: as for `submit`, without draft, run_at, idempotency_key and on_complete
        :returns: result, as `result` gives it
        :rtype: dict
        :raises BatchValidationError: as `submit`
        """
        return self._as_carried(self._execute(operations, options))

    @api.model
    def _execute(self, operations, options, progress_callback=None):
        problems = Problems()
        self = self.with_env(sound_context(self.env, problems))
        self._check_group()
        parsed_options = parse_options(options, self._default_options(), problems, inline=True)
        parsed = self._parse(operations if operations is not None else [], problems)
        records = sum(operation.record_count for operation in parsed)
        limit = get_setting(self.env, "execute_limit")
        if records > limit:
            problems.add(
                self.env._(
                    "%(records)s records are more than the %(limit)s that may run at once: use submit",
                    records=records,
                    limit=limit,
                ),
                key="operations",
            )
        plans = self._plan(parsed, parsed_options.max_chunk_size, parsed_options.max_concurrency, problems)
        return inline.execute(self.env, parsed, plans, parsed_options, progress_callback)

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
        problems = Problems()
        job = self._steer((states.DRAFT,), self.env._("Only a draft takes more operations."))
        offset = job.total_operations
        parsed = self._parse(operations if operations is not None else [], problems, offset, job)
        self._check_limits(
            len(parsed) + offset,
            sum(operation.record_count for operation in parsed) + job.total_records,
            problems,
            counts_jobs=False,
        )
        self._raise_problems(problems)
        job._append_parsed(parsed, problems)
        return self._status()

    # -- checking ----------------------------------------------------------------------------------

    @api.private
    def with_context(self, ctx=None, /, **overrides):
        """As on any model: the doors put the caller's context in by this. One that is no object is told like any other problem.

        :raises BatchValidationError: it is none
        """
        if ctx is not None:
            self._check_is_context(ctx)
        return super().with_context(ctx, **overrides)

    @api.model
    def _check_is_context(self, context):
        if not isinstance(context, Mapping):
            problems = Problems()
            problems.add(self.env._("context must be an object"), key="context")
            self._raise_problems(problems)

    @api.model
    def _check_batch_user(self):
        """First step of every verb: refuse callers without the group and unusable contexts."""
        problems = Problems()
        sound = sound_context(self.env, problems)
        self.with_env(sound)._raise_problems(problems)
        self._check_group()

    @api.model
    def _check_group(self):
        if not (self.env.su or self.env.user.has_group(GROUP_USER)):
            raise AccessError(self.env._("You may not use batch jobs; the group 'Batch / User' is needed for it."))

    def _parse(self, operations, problems, offset=0, draft=None):
        """Operations in their normal form, checked by themselves, against each other and against the database.

        :param draft: the job they are added to, whose operations they may refer to
        """
        try:
            parsed = parse_operations(operations, problems, offset)
        except RecursionError:
            problems.add(self.env._("nested too deeply"), key="operations")
            return []
        known = self.env["batch.operation"]._ids_by_name(draft.id, _names(parsed)) if draft else {}
        check_graph(parsed, problems, known, offset)
        Checker(self.env, problems, offset).check(parsed)
        return parsed

    @api.model
    @ormcache("user_id")
    def _is_active(self, user_id):
        """Whether a user is not archived; cached and invalidated as the user's groups are."""
        query = SQL(
            "SELECT 1 FROM res_users WHERE id = %s AND active",
            user_id,
            to_flush=self.env["res.users"]._fields["active"],
        )
        return bool(self.env.execute_query(query))

    def _raise_problems(self, problems):
        if problems:
            raise BatchValidationError.from_problems(self.env, problems)

    def _check_limits(self, operations, records, problems, counts_jobs=True):
        for name, count, what in (
            ("max_operations", operations, self.env._("operations")),
            ("max_records", records, self.env._("records")),
        ):
            limit = get_setting(self.env, name)
            if count > limit:
                problems.add(
                    self.env._(
                        "%(count)s %(what)s are more than the %(limit)s a submission may hold",
                        count=count,
                        what=what,
                        limit=limit,
                    ),
                    key="operations",
                )
        if counts_jobs:
            limit = get_setting(self.env, "max_jobs")
            [(jobs,)] = self.env.execute_query(
                SQL("SELECT count(*) FROM batch_job WHERE user_id = %s AND finished_at IS NULL", self.env.uid)
            )
            if jobs >= limit:
                problems.add(
                    self.env._("you have %(jobs)s unfinished jobs; %(limit)s are allowed", jobs=jobs, limit=limit)
                )

    def _check_action(self, on_complete, problems):
        """The server action to be run at the end."""
        if not on_complete:
            return self.env["ir.actions.server"]
        action = self.env["ir.actions.server"].sudo()
        if isinstance(on_complete, int):
            action = action.browse(on_complete).exists()
        else:
            found = self.env.ref(on_complete, raise_if_not_found=False)
            action = action.browse(found.id) if found and found._name == action._name else action
        if not action:
            problems.add(self.env._("there is no server action %s", on_complete), key="on_complete")
        elif action.model_name != self._name:
            problems.add(self.env._("server action %s is not one for batch jobs", on_complete), key="on_complete")
        elif problem := action_problem(action, self.env.user):
            problems.add(
                self.env._("server action %(action)s can't be run: %(problem)s", action=on_complete, problem=problem),
                key="on_complete",
            )
        return action

    # -- storing -----------------------------------------------------------------------------------

    def _fingerprint(self, operations, options, problems):
        """A hash of what was submitted; None where it has no JSON form, which is a problem."""
        try:
            return fingerprint_of(operations, options)
        except (TypeError, ValueError, RecursionError) as error:
            problems.add(self.env._("the data has no JSON form: %s", error), key="operations")
            if not isinstance(error, TypeError):  # in a circle, or too deep: nobody must look for its end again
                self._raise_problems(problems)
            return None

    def _find_duplicate(self, key, fingerprint):
        job = self.sudo().search([("user_id", "=", self.env.uid), ("idempotency_key", "=", key)], limit=1)
        if job and job.fingerprint != fingerprint:
            problems = Problems()
            problems.add(self.env._("%r was used before, for another submission", key), key="idempotency_key")
            self._raise_problems(problems)
        return job.with_env(self.env)

    def _create_job(self, options, fingerprint, action):
        values = {
            "name": options.name or self.env._("Batch of %s", self.env.user.name),
            "state": states.DRAFT if options.draft else states.PENDING,
            "user_id": self.env.uid,
            "company_id": self.env.company.id,
            "priority": options.priority,
            "max_chunk_size": options.max_chunk_size,
            "max_concurrency": options.max_concurrency,
            "timeout": options.timeout or 0.0,
            "retry_attempts": options.retry_attempts,
            "rollback": options.rollback,
            "max_failures": NO_LIMIT if options.max_failures is None else options.max_failures,
            "dry_run": options.dry_run,
            "strict": options.strict,
            "context": json.dumps(kept_context(self.env.context)),
            "run_at": options.run_at,
            "idempotency_key": options.idempotency_key,
            "fingerprint": fingerprint,
            "on_complete_id": action.id,
        }
        context = {"mail_create_nolog": True, "mail_create_nosubscribe": True, "tracking_disable": True}
        try:
            with self.env.cr.savepoint():
                return self.sudo().with_context(**context).create(values)
        except psycopg2.errors.UniqueViolation as error:
            # the same key at the same moment: run again by Odoo, this call finds the other one's job
            raise ConcurrencyError(self.env._("This idempotency_key is being used right now.")) from error

    def _append_parsed(self, operations, problems):
        """Plan and store parsed operations."""
        if self.max_concurrency > 1 and not self.is_atomic:
            self._order_upserts(operations)
        plans = self._plan(operations, self.max_chunk_size, self.max_concurrency, problems)
        with self._refused_without_form(problems):
            self._store(operations, plans)

    @api.model
    def _plan(self, operations, max_chunk_size, max_concurrency, problems):
        """The chunks of parsed operations; raises all problems there are."""
        self._raise_problems(problems)
        with self._refused_without_form(problems):
            return plan(operations, max_chunk_size, in_order=max_concurrency == 1)

    @contextmanager
    def _refused_without_form(self, problems):
        """What can't be written as JSON is the caller's mistake."""
        try:
            yield
        except (TypeError, ValueError, RecursionError) as error:
            problems.add(self.env._("the data has no JSON form: %s", error), key="operations")
            self._raise_problems(problems)

    def _order_upserts(self, operations):
        """Let operations about the same upsert keys follow each other, those of earlier appends included."""
        if self.state != states.DRAFT:
            order_upserts(operations)
            return
        keys = self.env["batch.draft.key"]
        last = last_of_keys(operations)
        order_upserts(operations, keys._holders(self.id, last))
        keys._note(self.id, last)

    # -- settings ---

    @api.model
    def _default_options(self):
        return {name: get_setting(self.env, name) for name in ("max_chunk_size", "max_concurrency", "retry_attempts")}


def _names(operations):
    """All names that operations bear or refer to."""
    return {
        name
        for operation in operations
        for name in (operation.operation_id, *operation.depends_on, *operation.refs)
        if isinstance(name, str)
    }
