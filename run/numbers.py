"""Numbers in words for people: one record, several records."""

from odoo.tools.misc import formatLang


def records(env, count):
    """`1 record`, `3,400 records`."""
    return env._("1 record") if count == 1 else env._("%s records", formatLang(env, count, digits=0))


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


def taken_back(env, count):
    """What became of the records of an undo: `3,400 taken back`. Empty for none."""
    return env._("%s taken back", formatLang(env, count, digits=0)) if count else ""


def outcomes(env, counts, is_plan):
    """What became of records: `120 created, 3,400 updated`; of a dry run, what would become of them. Empty for none.

    :param dict counts: of `engine.effects`: column -> number of records
    """
    if is_plan:
        texts = {
            "created_records": env._("%s would be created"),
            "updated_records": env._("%s would be updated"),
            "deleted_records": env._("%s would be deleted"),
            "unchanged_records": env._("%s would stay as they are"),
        }
    else:
        texts = {
            "created_records": env._("%s created"),
            "updated_records": env._("%s updated"),
            "deleted_records": env._("%s deleted"),
            "unchanged_records": env._("%s unchanged"),
        }
    return ", ".join(text % formatLang(env, counts[column], digits=0) for column, text in texts.items() if counts[column])
