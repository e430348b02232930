"""Run the records of a claimed chunk, in the environment of the job's user."""

from odoo import SUPERUSER_ID, api

from ..engine import states
from .chunk import Records, run_chunk
from .fast.switch import switch_on
from .references import References
from .share import Share


def user_env(cr, claim):
    """The environment in which user code runs: the submitter as user, never sudo, with the context of job and operation.

    :param cr: the cursor of the work
    :param claim: the `Claim`
    """
    if claim.kind != states.CALLBACK:
        cr.batch_executor_job = claim.job_id  # see `access.check_outside`
    cr.batch_executor_started_by = claim.started_by
    context = {**claim.context, **claim.payload.context}
    system = api.Environment(cr, SUPERUSER_ID, {})
    if context.get("lang"):
        context["lang"] = usable_lang(system, context["lang"], claim.user_id)
    context = in_company(system, context, claim.company_id, claim.user_id)
    env = api.Environment(cr, claim.user_id, context)
    # as Odoo does for each call: what is computed when the cache is flushed is the user's doing, with the user's rights
    env.transaction.default_env = env
    return env


def in_company(env, context, company_id, user_id):
    """The context of a job, in which its user works in the company of the submission.

    Where a context names no companies, Odoo takes the one that its user has right now: it may be another one by the time the job runs.

    :param env: any environment
    :param dict context: of job and operation
    :param int company_id: that of the submission
    :param int user_id: id of the job's user
    :returns: the same dict where nothing is to be said
    """
    users = env["res.users"]
    if context.get("allowed_company_ids") or users._batch_company_id(user_id) == company_id:
        return context
    others = [id_ for id_ in users.browse(user_id)._get_company_ids() if id_ != company_id]
    return {**context, "allowed_company_ids": [company_id, *others]}


def started_by(cr):
    """Ids of the actions that automation rules ran to make the job that a cursor works for; none outside of jobs.

    A job hands them on to the jobs that it submits. They are no part of the context, which every caller can set.

    :param cr: the cursor of the calling code
    """
    return getattr(cr, "batch_executor_started_by", ())


def usable_lang(env, lang, user_id):
    """An active language: the job's, else its user's, else None.

    A language may be deactivated after the submission, and Odoo raises an error for a language that is not active.

    :param env: a superuser environment without a language in its context
    :param str lang: code of the job's language
    :param int user_id: id of the job's user
    """
    if _is_active(env, lang):
        return lang
    lang = env["res.users"].browse(user_id).lang
    return lang if _is_active(env, lang) else None


def _is_active(env, lang):
    return isinstance(lang, str) and bool(lang == "en_US" or env["res.lang"]._get_data(code=lang))


def run_records(system, claim, control=None, *, may_rest=True, keep_trying=False, has_savepoint=True, share=None):
    """Run a chunk of records; returns its `Outcome`.

    :param system: superuser environment on the transaction of the work
    :param claim: the `Claim`
    :param control: not used; every runner takes it
    :param may_rest, keep_trying, has_savepoint: see `Records`
    :param Share share: of the whole job, where that runs in one transaction; None: the chunk's own, if it has one
    :raises Interruption, NeedsSavepoint, TransactionEnded: see `run_chunk`
    """
    switch_on(system)
    records = Records(
        claim.operation_type,
        claim.model,
        claim.payload,
        rollback=claim.rollback,
        strict=claim.is_strict,
        skips_unchanged=claim.skips_unchanged,
        tracks_changes=claim.tracks_changes,
        timeout_s=claim.timeout_s,
        transaction=claim.transaction,
        may_rest=may_rest,
        keep_trying=keep_trying,
        has_savepoint=has_savepoint,
        share=share or Share.of_claim(claim),
        in_order=claim.is_ordered,
    )
    return run_chunk(user_env(system.cr, claim), records, References.of_claim(system.cr, claim))
