"""Run the server action a job was given for its end: once, as the submitter."""

import logging

from odoo.exceptions import AccessError

from ..engine.outcome import Outcome
from ..engine.verdict import TIMEOUT
from .errors import Trouble, failure, failure_of, transaction_control_message, trouble_of
from .guard import Deadline, Guard
from .records import user_env
from .runner import UndoableSavepoint, refusal
from .trust import action_problem

_logger = logging.getLogger(__name__)


def run_action(system, claim, lane=None):
    """Run the action on the job; a failing one is noted on the job and changes nothing else."""
    job = system["batch.job"].browse(claim.job_id)
    env = user_env(system.cr, claim)
    guard = Guard(env.cr, Deadline(claim.timeout_s), transaction_control_message(env))
    try:
        error = refusal(env) or _distrust(job.on_complete_id, env)
        if error is None:
            with UndoableSavepoint(env), guard:
                action = env["ir.actions.server"].browse(job.on_complete_id.id)
                action.with_context(active_model=job._name, active_id=job.id, active_ids=job.ids).run()
                env.cr.flush()
    except Exception as exception:  # a server action may run anything
        if trouble := TIMEOUT if guard.deadline.expired else trouble_of(exception):
            raise Trouble(trouble, str(exception)) from exception
        error = failure_of(exception, env, job._name)
    if error:
        _logger.info("%s: the action on completion failed: %s", claim, error.message)
    job._note_callback(error)
    return Outcome()


def _distrust(action, env):
    """Why the action must not run any longer, by what has become of it since it was named; None where it may."""
    problem = action_problem(action.with_context(lang=env.context.get("lang")), env.user)
    return failure(AccessError.__name__, problem) if problem else None
