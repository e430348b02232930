"""Run a plan for real: a new job does what a finished dry run has planned. All in the caller's transaction."""

from odoo.exceptions import UserError

from ..engine import origin, states
from ..engine.change import CREATE, DELETE, UPDATE
from ..engine.payload import BadPayload
from ..store.apply import copy_plan, was_stopped
from ..store.undo import is_free_of_order
from .origin import begin, create_from, refuse_second
from .readable import check_has_changes

#: What the new job takes over besides `origin.TAKEN`.
TAKEN = ("contents", "main_model_id", "main_type", "max_concurrency", "max_failures", "max_failures_share", "on_complete_id", "webhook_id", "rollback", "skip_unchanged", "strict")


def apply(env, job):
    """Store the job that does for real what a locked final dry run has planned, and wake the lanes.

    It has all options of the plan but `dry_run`, `run_at` and `idempotency_key`, and its name with "(for real)" behind it. A plan that changes a record more than once, or in which
    records were deleted with others, is run strictly in its order.

    :param env: the caller's environment
    :param job: the locked plan, in a superuser environment
    :returns: the new job, likewise
    :raises UserError: it is no plan that can be run
    """
    refuse_second(job, origin.APPLY, env._("This plan was run for real already, by job %(id)s: %(name)s."))
    if not job.dry_run:
        raise UserError(env._("Only a dry run can be run for real."))
    if job.state not in (states.COMPLETED, states.PARTIAL):
        raise UserError(env._("Nothing in this dry run succeeded, or it was cancelled: there is nothing to run for real."))
    if was_stopped(env.cr, job.id):
        raise UserError(env._("This dry run was stopped before its end, so nobody knows what the rest would do. Submit it anew."))
    if not job.holds_values or job.forgotten_to:
        raise UserError(env._("The values of this dry run have been dropped (setting keep_payload_days), so it can't be run any more. Submit it anew."))
    check_has_changes(job)
    env.flush_all()
    taken = job.read(TAKEN, load=None)[0]
    del taken["id"]
    if job.track_changes and not is_free_of_order(env.cr, job.id, [CREATE, UPDATE, DELETE], job.deleted_records):
        taken["max_concurrency"] = 1  # lanes side by side would not find what the plan has seen
    made = create_from(env, job, origin.APPLY, name=env._("%s (for real)", job.name), **taken)
    made.flush_recordset()
    try:
        copy_plan(env.cr, made.id, job.id, is_atomic=made.is_atomic, is_tracked=job.track_changes)
    except BadPayload as error:
        raise UserError(env._("This dry run can't be read any more: submit it anew.")) from error
    begin(env, job, made, env._("Run for real by job %s."), env._("Does for real what the dry run %s has planned."))
    return made
