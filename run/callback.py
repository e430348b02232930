"""The server action a job was given for its end is run once, as the submitter, by a chunk of its own."""

import logging

import psycopg2

from odoo.exceptions import AccessError, UserError

from ..engine import states
from ..engine.outcome import Outcome
from ..store.finish import note_action_run_at
from ..store.rows import NewChunk, insert_chunks
from .chunk import refusal
from .errors import failure, failure_of
from .guarded import UserCode
from .records import user_env
from .trust import action_problem
from .watchdog import Deadline

_logger = logging.getLogger(__name__)
_MODEL = "batch.job"


def insert_action_chunk(cr, job_id):
    """Store the chunk that runs the action of a job; it is claimed like any other."""
    insert_chunks(cr, [NewChunk.of_job(job_id, states.CALLBACK, _MODEL)])


def run_action(system, claim, lane=None):
    """Run the action on the job; a failing one is noted on the chunk, and from there on the job, and changes nothing else.

    The job's row is not written here: who does so at the same time would make the action run again.
    """
    job = system["batch.job"].browse(claim.job_id)
    env = user_env(system.cr, claim)
    try:
        error = refusal(env) or _distrust(job.on_complete_id, env)
    except UserError as raised:  # a company that is not the user's any more
        error = failure_of(raised, env, job._name)
    if error is None:
        with UserCode(env, job._name, Deadline(claim.timeout_s), transaction=claim.transaction) as code:
            action = env["ir.actions.server"].browse(job.on_complete_id.id)
            action.with_context(active_model=job._name, active_id=job.id, active_ids=job.ids).run()
        error = code.error
    if error:
        _logger.info("%s: the action on completion failed: %s", claim, error.message)
    return Outcome(note=error.message if error else None)


def note_action_run(env, job_id, error):
    """Note on the job that its action has run: never in the transaction of what it did, which must not write its job's row.

    :param str error: why it failed, or None
    """
    note_action_run_at(env.cr, job_id)
    if not error:
        return
    job = env[_MODEL].browse(job_id)
    job.invalidate_recordset(flush=False)
    try:
        with env.cr.savepoint():
            job.message_post(body=env._("The action on completion failed: %s", error))
    except psycopg2.Error:
        raise
    except Exception:  # other modules may have a say in messages; what the job has come to does not depend on it
        _logger.exception("job %s: the failure of its action could not be posted", job_id)


def _distrust(action, env):
    """Why the action must not run any longer, by what has become of it since it was named; None where it may."""
    problem = action_problem(action.with_context(lang=env.context.get("lang")), env.user)
    return failure(AccessError.__name__, problem) if problem else None
