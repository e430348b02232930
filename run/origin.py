"""A job made of another one: a plan run for real, or an undo. Each is made once: a unique index, and a field of the other job, see to that."""

import psycopg2
from markupsafe import escape

from odoo.exceptions import ConcurrencyError, UserError

from ..engine import origin, states
from ..engine.problems import Problems
from ..store import queue
from . import records
from .caller import refuse
from .limits import check_unfinished_jobs
from .log import log
from .status import send_progress
from .trace import current_traceparent
from .wake import wake_lanes

#: What a job takes over from the one that it is made of.
TAKEN = ("company_id", "context", "limit_id", "max_chunk_size", "notify", "priority", "quiet", "retry_attempts", "timeout", "track_changes", "user_id")


def made_of(job, kind):
    """The job that was made of this one, empty where there is none.

    :param job: one job, in a superuser environment
    :param str kind: a constant of `engine.origin`
    """
    return job.search([("origin_job_id", "=", job.id), ("origin_kind", "=", kind)], limit=1)


def create_from(env, job, kind, **values):
    """Create a job that is made of another one, still without operations.

    :param env: the caller's environment
    :param job: the locked other job, in a superuser environment
    :param str kind: a constant of `engine.origin`
    :param values: besides those that it takes over
    :returns: the new job, in a superuser environment
    :raises BatchValidationError: the user has too many unfinished jobs
    :raises ConcurrencyError: another call is making it right now; Odoo repeats this call
    """
    problems = Problems()
    check_unfinished_jobs(env, problems)
    refuse(env, problems)
    taken = job.read(TAKEN, load=None)[0]
    del taken["id"]
    values = {
        **taken,
        "state": states.PENDING,
        "dry_run": False,
        "origin_job_id": job.id,
        "origin_kind": kind,
        "traceparent": current_traceparent(),
        "started_by": [*dict.fromkeys([*(job.started_by or []), *records.started_by(env.cr)])] or False,
        **values,
    }
    context = {"mail_create_nolog": True, "mail_create_nosubscribe": True, "tracking_disable": True}
    try:
        with env.cr.savepoint():
            made = job.with_context(**context).create(values)
    except psycopg2.errors.UniqueViolation as error:
        raise ConcurrencyError(env._("Somebody is doing this right now.")) from error
    job.write({origin.DONE[kind]: True})
    return made


def begin(env, job, made, text, made_text):
    """Queue a job made of another one, once it is stored; say in the log of both where it comes from.

    :param env: the caller's environment
    :param job: the other job, in a superuser environment
    :param made: the new job, likewise
    :param str text: for the log of the other job; `%s` is a link to the new one
    :param str made_text: for the log of the new job; `%s` is a link to the other one
    """
    made.invalidate_recordset()
    log(job, escape(text) % made._get_html_link())
    log(made, escape(made_text) % job._get_html_link())
    if queue.enqueue(env.cr, made.id):
        send_progress(made.env, made.id)
    made.invalidate_recordset()
    wake_lanes(env, made.max_concurrency)


def refuse_second(job, kind, text):
    """Refuse to make the same job again.

    :param str text: `%(name)s` and `%(id)s` are those of the job that was made before
    :raises UserError: there is one, or there was
    """
    if made := made_of(job, kind):
        raise UserError(text % {"name": made.name, "id": made.id})
    _refuse_done(job, kind)


def refuse_retry(job):
    """Refuse to retry a job that was undone or run for real: what the retry would change is no part of that.

    :param job: one job, in a superuser environment
    :raises UserError: as said
    """
    if made := made_of(job, origin.UNDO):
        raise UserError(job.env._("This job was undone by job %(id)s (%(name)s), so it can't be retried.", id=made.id, name=made.name))
    if made := made_of(job, origin.APPLY):
        raise UserError(
            job.env._("This plan was run for real by job %(id)s (%(name)s), so it can't be retried.", id=made.id, name=made.name)
        )
    for kind in origin.DONE:
        _refuse_done(job, kind)


def _refuse_done(job, kind):
    """Refuse what can't be done any more since a job was made of this one that is gone by now."""
    if not job[origin.DONE[kind]]:
        return
    if kind == origin.UNDO:
        raise UserError(job.env._("This job is undone already. The job that did so was deleted."))
    raise UserError(job.env._("This plan was run for real already. The job that did so was deleted."))
