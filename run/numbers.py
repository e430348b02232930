"""Numbers in words for people: one record, several records."""


def records(env, count):
    """`1 record`, `3 records`."""
    return env._("1 record") if count == 1 else env._("%s records", count)


def attempts(env, count):
    """`1 attempt`, `3 attempts`."""
    return env._("1 attempt") if count == 1 else env._("%s attempts", count)


def stopped(env, failed, limit, share):
    """Why a job has stopped.

    :param int failed: records that have failed
    :param int limit: its `max_failures`
    :param float share: the percentage that was given instead, or 0
    """
    if share:
        return env._(
            "Stopped: %(failed)s failed, more than the %(share)s%% of all records allowed.",
            failed=records(env, failed),
            share=f"{share:g}",
        )
    return env._(
        "Stopped: %(failed)s failed, more than the %(limit)s allowed.", failed=records(env, failed), limit=limit
    )


def tried_on(env, count, tried):
    """How many records there are, and on how many of them something was tried.

    :param int tried: the first so many
    """
    if count == tried:
        return env._("%s. Tried, and undone:", records(env, count))
    return env._("%(records)s. Tried on the first %(tried)s, and undone:", records=records(env, count), tried=tried)
