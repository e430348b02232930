"""Run the server action a job was given for its end: once, as the submitter."""

import logging

from odoo.exceptions import AccessError, UserError

from ..engine.outcome import Outcome
from .errors import failure, failure_of
from .guarded import UserCode
from .records import user_env
from .runner import refusal
from .trust import action_problem
from .watchdog import Deadline

_logger = logging.getLogger(__name__)


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


def _distrust(action, env):
    """Why the action must not run any longer, by what has become of it since it was named; None where it may."""
    problem = action_problem(action.with_context(lang=env.context.get("lang")), env.user)
    return failure(AccessError.__name__, problem) if problem else None
