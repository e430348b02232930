"""The log in a job's chatter: who did what to it. How it ended is said by a lane: see `run.tell`."""

from ..store.told import begin_log


def log(job, text):
    """Write a line into the chatter of a job, in the transaction of the caller, who is its author. It notifies nobody.

    The first line says who has submitted the job. It is not written by the submission, as a message costs a third of a small one.

    :param job: the job, in an environment of the caller, who may change it
    :param text: what has happened, translated; text is escaped, `Markup` is not
    """
    if begin_log(job.env.cr, job.id):
        submitted = job._message_log(body=job.env._("Submitted."), author_id=job.user_id.partner_id.id)
        submitted.date = job.create_date
    job._message_log(body=text)
