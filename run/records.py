"""Run the records of a claimed chunk, as the job's user."""

from odoo import SUPERUSER_ID, api

from ..engine import states
from ..store.references import needed_by
from .references import References
from .runner import Work, run_chunk


def user_env(cr, claim):
    """The environment user work runs in: the submitter's, with the job's and the operation's context, never sudo."""
    if claim.kind != states.CALLBACK:
        cr.batch_executor_job = claim.job_id  # see `batch.job._check_outside`
    context = {**claim.context, **claim.payload.context}
    if context.get("lang"):
        context["lang"] = usable_lang(api.Environment(cr, SUPERUSER_ID, {}), context["lang"], claim.user_id)
    return api.Environment(cr, claim.user_id, context)


def usable_lang(env, lang, user_id):
    """The language itself; if it was switched off since the job was submitted, its user's; None where both were.

    Odoo refuses to do anything in a language that is not active.

    :param env: a superuser environment without a language of its own
    """
    if _is_active(env, lang):
        return lang
    lang = env["res.users"].browse(user_id).lang
    return lang if _is_active(env, lang) else None


def _is_active(env, lang):
    return isinstance(lang, str) and bool(lang == "en_US" or env["res.lang"]._get_data(code=lang))


def run_records(system, claim, lane=None, *, may_rest=True, keep_trying=False, alone=True):
    """Run a chunk of records; returns its `Outcome`.

    :param system: a superuser environment on the transaction of the work, for the engine's own tables
    :raises Trouble: see `run_chunk`
    """
    env = user_env(system.cr, claim)
    work = Work(
        claim.operation_type,
        claim.model,
        claim.payload,
        rollback=claim.rollback,
        strict=claim.is_strict,
        timeout_s=claim.timeout_s,
        transaction=claim.transaction,
        needs=needed_by(system.cr, claim.payload.operations) if claim.waits else None,
        may_rest=may_rest,
        keep_trying=keep_trying,
        alone=alone,
    )
    return run_chunk(env, work, References.of_claim(system.cr, claim))
