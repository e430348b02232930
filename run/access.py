"""Checks at the start of a verb: the job exists and is visible, and the caller may change it."""

from odoo.exceptions import AccessError, MissingError, UserError

from ..engine.values import MAX_INTEGER, can_be_id
from ..engine.verbs import MAX_LIMIT
from .caller import check_caller


def check_visible(job):
    """Check that a recordset is exactly one job, and that the caller may read it.

    :param job: recordset of `batch.job`, in the caller's environment
    :raises AccessError: the caller may not read the job, or is no batch user
    :raises BatchValidationError: the caller's context can't be used
    :raises MissingError: there is no such job
    :raises UserError: the recordset is empty, or holds several jobs
    """
    check_caller(job.env)
    if len(job._ids) != 1:
        raise UserError(job.env._("Name one job at a time."))
    if not can_be_id(job.id):  # too large for a column of ids
        raise MissingError(job.env._("There is no such batch job."))
    job.check_access("read")


def check_submitter(job):
    """Check that the caller submitted the job: only the submitter may change what runs with the submitter's rights.

    :param job: one job, in the caller's environment
    :raises AccessError: the caller is another user; the superuser is allowed
    :raises UserError, MissingError, BatchValidationError: see `check_visible`
    """
    check_visible(job)
    if not (job.env.su or job.user_id == job.env.user):
        raise AccessError(
            job.env._("Only the submitter of a job can change what it runs: it runs with the submitter's rights.")
        )


def check_outside(jobs):
    """Check that the calling code is not run by one of these jobs.

    User code of a job runs in the chunk's transaction, which may take long, be rolled back or run again. If it wrote the job's
    row, the lanes would wait for that row until the transaction ends.

    :param jobs: recordset of `batch.job`
    :raises UserError: the caller is run by one of the jobs
    """
    if getattr(jobs.env.cr, "batch_executor_job", None) in jobs._ids:
        raise UserError(jobs.env._("A batch job can't be changed from inside, by what it runs itself."))


def checked_page(env, offset, limit):
    """Check the bounds of a page.

    :param int offset: entries to skip, from 0
    :param int limit: most entries to return, from 1
    :returns: `(offset, limit)`, with the limit lowered to `MAX_LIMIT`
    :raises UserError: one of them is not a whole number, or out of range
    """
    for name, value, low in (("offset", offset, 0), ("limit", limit, 1)):
        if value.__class__ is not int or not low <= value <= MAX_INTEGER:
            raise UserError(env._("%(name)s must be a whole number from %(low)s.", name=name, low=low))
    return offset, min(limit, MAX_LIMIT)
