"""What is asked before a plan is run for real, or a job is undone."""

from odoo.exceptions import UserError
from odoo.tools.misc import formatLang

from ..engine.effects import EFFECT_COLUMNS
from .numbers import outcomes, records


def apply_question(job):
    """What running a plan for real would do.

    :param job: a finished dry run, in the environment of its submitter
    :rtype: str
    """
    env = job.env
    lines = [outcomes(env, job.read(EFFECT_COLUMNS)[0], is_plan=True) or records(env, job.processed_records)]
    if job.failed_records:
        lines.append(env._("Failed in the dry run, and will be tried again: %s.", records(env, job.failed_records)))
    lines.append(
        env._("A record that is no longer what the dry run saw is left alone, and listed as failed.")
        if job.track_changes
        else env._("The dry run has not remembered what it saw: records that were changed since are overwritten.")
    )
    return "\n".join(lines)


def undo_question(job, preview):
    """What an undo would do.

    :param job: a finished job, in the environment of its submitter
    :param dict preview: of `run.undo.preview`
    :rtype: str
    :raises UserError: it would bring nothing back
    """
    env = job.env
    changes, looked_at, changed, deleted = (preview[name] for name in ("changes", "looked_at", "changed", "deleted"))
    lines, stay = [], _stay(env, changed, deleted)
    if preview["is_whole"]:
        if changed + deleted == looked_at:
            raise UserError("\n".join([env._("This job can't be undone: nothing that it has changed could be brought back."), *stay]))
        lines.append(env._("Brought back to what they were: %s.", records(env, looked_at - changed - deleted)))
    else:
        lines.append(env._("Changes to take back: %s.", formatLang(env, changes, digits=0)))
        if changed or deleted:
            lines.append(env._("Of the %s that were changed last:", records(env, looked_at)))
    lines += stay
    if job.created_records:
        lines.append(env._("What the job has created is deleted."))
    return "\n".join(lines)


def _stay(env, changed, deleted):
    """Lines with the numbers of records that stay as they are, as in a preview."""
    lines = []
    if changed:
        lines.append(env._("Changed since, and left as they are: %s.", records(env, changed)))
    if deleted:
        lines.append(env._("Not to be brought back: %s.", records(env, deleted)))
    return lines
