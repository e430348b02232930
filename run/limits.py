"""Check a submission against the limits of the settings; exceeding one is a problem of the submission."""

from ..store.summary import count_unfinished_jobs
from .settings import get_setting


def check_size(env, problems, operations, records):
    """Add a problem if a submission has too many operations or records.

    :param Problems problems: to add to
    :param int operations: number of operations, including those already in the draft
    :param int records: number of records, including those already in the draft
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
    """Add a problem if the user already has as many unfinished jobs as the settings allow.

    :param Problems problems: to add to
    """
    limit = get_setting(env, "max_jobs")
    jobs = count_unfinished_jobs(env.cr, env.uid)
    if jobs >= limit:
        problems.add(env._("you have %(jobs)s unfinished jobs; %(limit)s are allowed", jobs=jobs, limit=limit))


def check_execute_limit(env, problems, records):
    """Add a problem if there are more records than `execute` may run.

    :param Problems problems: to add to
    :param int records: number of records
    """
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
