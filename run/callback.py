"""The job's action on completion: a server action that runs once, as the submitter, in a chunk of its own."""

import logging

from odoo.exceptions import AccessError, UserError

from ..engine import states
from ..engine.outcome import Outcome
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
    """Store the chunk that runs the action of a job. Lanes claim it like any other chunk."""
    insert_chunks(cr, [NewChunk.of_job(job_id, states.CALLBACK, _MODEL)])


def run_action(system, claim, control=None):
    """Run the action of a claimed chunk's job, with the job as active record.

    An error is stored on the chunk only; the count of the chunk stores it on the job. The job's row is not written here: a
    concurrent write to that row would roll this transaction back and run the action again.

    :param system: superuser environment on the transaction of the work
    :param claim: the `Claim`
    :param control: not used; every runner takes it
    :returns: an `Outcome` whose `note` is the error message, or None
    :raises Interruption: the attempt must be rolled back and run again
    """
    job = system["batch.job"].browse(claim.job_id)
    env = user_env(system.cr, claim)
    try:
        error = refusal(env) or _distrust(job.on_complete_id, env)
    except UserError as raised:  # the user has lost access to a company of the context
        error = failure_of(raised, env, job._name)
    if error is None:
        with UserCode(env, job._name, Deadline(claim.timeout_s), transaction=claim.transaction) as code:
            action = env["ir.actions.server"].browse(job.on_complete_id.id)
            action.with_context(active_model=job._name, active_id=job.id, active_ids=job.ids).run()
        error = code.error
    if error:
        _logger.info("%s: the action on completion failed: %s", claim, error.message)
    return Outcome(note=error.message if error else None)


def _distrust(action, env):
    """The `Failure` if the action must no longer run, as it may have changed since the submission; None if it may run."""
    problem = action_problem(action.with_context(lang=env.context.get("lang")), env.user)
    return failure(AccessError.__name__, problem) if problem else None
