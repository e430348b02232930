"""A new job: its row, made of the options of a submission; then, when it has its operations, its place in the queue."""

import json

import psycopg2

from odoo.exceptions import ConcurrencyError

from ..engine import states
from ..engine.failure_limit import NO_LIMIT
from ..engine.options import QUIET_CONTEXT
from ..store import queue
from ..store.submit import insert_driver
from . import records
from .caller import kept_context
from .contents import describe
from .status import send_progress
from .trace import current_traceparent
from .wake import wake_lanes_for


def begin(env, job, options):
    """Put a new job into the queue, and wake the lanes, unless it is a draft.

    :param env: the caller's environment
    :param job: with all its operations, in a superuser environment
    :param Options options: of its submission
    """
    if options.draft:
        return
    if queue.enqueue(job.env.cr, job.id):
        send_progress(job.env, job.id)
    job.invalidate_recordset()
    wake_lanes_for(env, options.run_at, options.max_concurrency)


def create_job(env, options, fingerprint, action, contents, started_by=None):
    """Create the job of a submission, still without operations; returns it in a superuser environment.

    :param env: the caller's environment
    :param Options options: of the submission
    :param str fingerprint: of the submission; None where it has no idempotency key
    :param action: server action to run at its end, or an empty recordset
    :param list contents: the summary of its operations
    :param int started_by: see `submit`
    :raises ConcurrencyError: the idempotency key is used by a concurrent call
    """
    values = {
        "name": options.name or describe(env, contents) or env._("Batch of %s", env.user.name),
        **summary_columns(env, contents),
        "state": states.DRAFT if options.draft else states.PENDING,
        "user_id": env.uid,
        "company_id": env.company.id,
        "priority": options.priority,
        "max_chunk_size": options.max_chunk_size,
        "max_concurrency": options.max_concurrency,
        "timeout": options.timeout or 0.0,
        "retry_attempts": options.retry_attempts,
        "rollback": options.rollback,
        "max_failures": NO_LIMIT if options.max_failures is None else options.max_failures,
        "max_failures_share": options.max_failures_share or 0.0,
        "dry_run": options.dry_run,
        "strict": options.strict,
        "quiet": options.quiet,
        "track_changes": options.track_changes,
        "skip_unchanged": options.skip_unchanged,
        "context": json.dumps({**(QUIET_CONTEXT if options.quiet else {}), **kept_context(env.context)}),
        "run_at": options.run_at,
        "idempotency_key": options.idempotency_key,
        "fingerprint": fingerprint,
        "on_complete_id": action.id,
        "notify": options.notify,
        "limit_id": options.limit_id,
        "webhook_id": options.webhook_id,
        "traceparent": current_traceparent(),
        "started_by": [*records.started_by(env.cr), *([started_by] if started_by else [])] or False,
    }
    context = {"mail_create_nolog": True, "mail_create_nosubscribe": True, "tracking_disable": True}
    try:
        with env.cr.savepoint():
            job = env["batch.job"].sudo().with_context(**context).create(values)
    except psycopg2.errors.UniqueViolation as error:
        # a concurrent call with the same key: Odoo repeats this call, which then finds the other call's job
        raise ConcurrencyError(env._("This idempotency_key is being used right now.")) from error
    if job.is_atomic:
        insert_driver(job.env.cr, job.id)
    return job


def summary_columns(env, contents):
    """The columns of a job that sum up its operations.

    :param list contents: of `sum_up`
    """
    main_type, main_model, _operations, _records = contents[0] if contents else (False, "", 0, 0)
    return {
        "contents": json.dumps(contents) if contents else False,
        "main_type": main_type,
        "main_model_id": main_model and env["ir.model"]._get_id(main_model),
    }
