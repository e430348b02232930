"""Which job a verb is about, and whether its caller may do that to it."""

from odoo.exceptions import AccessError, MissingError, UserError

from ..engine.values import MAX_INTEGER, can_be_id
from .caller import check_caller

#: Entries of a page, at most.
MAX_LIMIT = 10_000


def check_visible(job):
    """Refuse anything but one job that the caller may see.

    :raises AccessError, MissingError, UserError: with the reason
    """
    check_caller(job.env)
    if len(job._ids) != 1:
        raise UserError(job.env._("Name one job at a time."))
    if not can_be_id(job.id):  # too large for a column of ids
        raise MissingError(job.env._("There is no such batch job."))
    job.check_access("read")


def check_submitter(job):
    """Refuse what only the submitter may do: it decides what runs with the submitter's rights.

    :raises AccessError: the caller is somebody else
    """
    check_visible(job)
    if not (job.env.su or job.user_id == job.env.user):
        raise AccessError(
            job.env._("Only who has submitted a job can change what it runs: it runs with the submitter's rights.")
        )


def check_outside(jobs):
    """Refuse to change a job by code that it runs itself.

    That code is part of a transaction which may take long, be undone or run again; meanwhile the lanes would wait for the job's
    row.

    :raises UserError: one of the jobs runs the caller
    """
    if getattr(jobs.env.cr, "batch_executor_job", None) in jobs._ids:
        raise UserError(jobs.env._("A batch job can't be changed from inside, by what it runs itself."))


def checked_page(env, offset, limit):
    """The bounds of a page; a limit above `MAX_LIMIT` is lowered to it.

    :raises UserError: one of them is no whole number, or too small
    """
    for name, value, low in (("offset", offset, 0), ("limit", limit, 1)):
        if value.__class__ is not int or not low <= value <= MAX_INTEGER:
            raise UserError(env._("%(name)s must be a whole number from %(low)s.", name=name, low=low))
    return offset, min(limit, MAX_LIMIT)
