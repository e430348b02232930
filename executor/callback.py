"""Run the server action a job was given for its end: once, as the submitter."""

import logging

from ..engine.outcome import Outcome
from .errors import Trouble, failure_of, trouble_of
from .records import user_env
from .runner import UndoableSavepoint

_logger = logging.getLogger(__name__)


def run_action(system, claim, lane=None):
    """Run the action on the job; a failing one is noted on the job and changes nothing else."""
    job = system["batch.job"].browse(claim.job_id)
    env = user_env(system.cr, claim)
    error = None
    try:
        with UndoableSavepoint(env):
            action = env["ir.actions.server"].browse(job.on_complete_id.id)
            action.with_context(active_model=job._name, active_id=job.id, active_ids=job.ids).run()
    except Exception as exception:  # a server action may run anything
        if trouble := trouble_of(exception):
            raise Trouble(trouble, str(exception)) from exception
        error = failure_of(exception, env, job._name)
        _logger.info("%s: the action on completion failed: %s", claim, error.message)
    job._note_callback(error)
    return Outcome()
