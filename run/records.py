"""Run the records of a claimed chunk, as the job's user."""

from odoo import SUPERUSER_ID, api

from ..engine import states
from .chunk import Records, run_chunk
from .references import References


def user_env(cr, claim):
    """The environment user work runs in: the submitter's, with the job's and the operation's context, never sudo."""
    if claim.kind != states.CALLBACK:
        cr.batch_executor_job = claim.job_id  # see `access.check_outside`
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


def run_records(system, claim, lane=None, *, may_rest=True, keep_trying=False, has_savepoint=True):
    """Run a chunk of records; returns its `Outcome`.

    :param system: a superuser environment on the transaction of the work, for the engine's own tables
    :param may_rest, keep_trying, has_savepoint: see `Records`
    :raises Interruption: see `run_chunk`
    """
    records = Records(
        claim.operation_type,
        claim.model,
        claim.payload,
        rollback=claim.rollback,
        strict=claim.is_strict,
        timeout_s=claim.timeout_s,
        transaction=claim.transaction,
        may_rest=may_rest,
        keep_trying=keep_trying,
        has_savepoint=has_savepoint,
    )
    return run_chunk(user_env(system.cr, claim), records, References.of_claim(system.cr, claim))
