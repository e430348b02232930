"""The submitter of a job follows it, and chooses which ends to be told of."""

from ..engine import options

COMMENT = "mail.mt_comment"
NOTE = "mail.mt_note"
#: Subtypes of the messages at a job's end.
FINISHED = "batch_executor.mt_job_finished"
FAILED = "batch_executor.mt_job_failed"
#: Of which ends a submitter wants to be told -> subtypes that the submitter follows.
FOLLOWED = {
    options.ALWAYS: (COMMENT, FINISHED, FAILED),
    options.FAILURES: (COMMENT, FAILED),
    options.NEVER: (COMMENT,),
}


def followed(job):
    """The external ids of the subtypes that the submitter of a job follows, as the job says, or the submitter's preferences."""
    return FOLLOWED[job.notify or job.user_id.batch_notify]


def follow_first(job, message):
    """Make the submitter a follower, if this is the first message of a job that its followers are told of.

    Not at the submission: it would slow down each one, and most jobs never have such a message. Nor at each message: the submitter
    may have left the followers.

    :param job: recordset of `batch.job`
    :param message: the `mail.message` that followers are about to be told of
    """
    message = message.sudo()
    note = message.env.ref(NOTE)
    if len(job) != 1 or message.message_type == "user_notification" or message.subtype_id in (note, note.browse()):
        return
    earlier = [
        ("model", "=", job._name),
        ("res_id", "=", job.id),
        ("subtype_id", "not in", [note.id, False]),
        ("message_type", "!=", "user_notification"),
        ("id", "<", message.id),
    ]
    job = job.with_env(message.env)
    partner = job.user_id.partner_id
    if not partner.active or message.search(earlier, limit=1):
        return
    subtypes = [message.env.ref(name).id for name in followed(job)]
    # a submitter who follows the job already has chosen what of it
    message.env["mail.followers"]._insert_followers(
        job._name, job.ids, partner.ids, subtypes={partner.id: subtypes}, existing_policy="skip"
    )
