"""How much may be submitted: the limits are settings, and what exceeds one is a problem of the submission."""

from ..store.summary import count_unfinished_jobs
from .settings import get_setting


def check_size(env, problems, operations, records):
    """Note what is more than a submission may hold.

    :param int operations: how many, those of earlier requests of a draft included
    :param int records: likewise
    """
    for name, count, what in (
        ("max_operations", operations, env._("operations")),
        ("max_records", records, env._("records")),
    ):
        limit = get_setting(env, name)
        if count > limit:
            problems.add(
                env._(
                    "%(count)s %(what)s are more than the %(limit)s a submission may hold",
                    count=count,
                    what=what,
                    limit=limit,
                ),
                key="operations",
            )


def check_unfinished_jobs(env, problems):
    """Note that the user has as many unfinished jobs as are allowed."""
    limit = get_setting(env, "max_jobs")
    jobs = count_unfinished_jobs(env.cr, env.uid)
    if jobs >= limit:
        problems.add(env._("you have %(jobs)s unfinished jobs; %(limit)s are allowed", jobs=jobs, limit=limit))


def check_execute_limit(env, problems, records):
    """Note that there are more records than may run inside a request."""
    limit = get_setting(env, "execute_limit")
    if records > limit:
        problems.add(
            env._(
                "%(records)s records are more than the %(limit)s that may run at once: use submit",
                records=records,
                limit=limit,
            ),
            key="operations",
        )
