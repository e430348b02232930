"""Tell people how a job ended: in its chatter, the submitter's inbox and open browsers.

Not in the transaction that ends the job: other modules change what happens when a message is posted, and that may fail or take long.
`store.finish` notes that an end is to be told; afterwards a lane tells it, in a transaction of its own. Messages and the note that
they are told are committed together: each end is told once, or, if it can't be told in `store.told.MOST_ATTEMPTS`, not at all. E-mails are
left to Odoo's queue.
"""

import logging
from contextlib import contextmanager

from markupsafe import Markup

from odoo import SUPERUSER_ID, api
from odoo.tools.misc import formatLang

from ..engine import states
from ..engine.isolate import isolate
from ..store import told
from ..store.summary import CAUSES_FOUND, failure_causes
from .follow import FAILED, FINISHED, followed
from .guarded import UserCode
from .interruption import is_shutdown
from .records import usable_lang
from .watchdog import Deadline

_logger = logging.getLogger(__name__)

BUS_TYPE = "batch_executor/ended"
#: Jobs that took less than so many seconds since their submission, start or retry notify nobody.
LEAST_S = 10
#: Most seconds that telling of one job may take.
TELL_S = 30
#: Seconds after which a lane begins to tell of no other job, and goes back to work.
TELLING_S = 5
MAIL_QUEUE = "mail.ir_cron_mail_scheduler_action"
#: State -> kind of the notification in browsers.
KINDS = {states.COMPLETED: "success", states.PARTIAL: "warning", states.FAILED: "danger", states.CANCELLED: "warning"}


def tell(registry, job_ids, has_time):
    """Tell of the ends of jobs. Raises nothing but a shutdown of the process: what can't be told now is due again later.

    :param list job_ids: ids that `store.told.take_due` has returned
    :param has_time: function that returns whether to tell of one more; called between two ends
    :returns: ids whose telling was not begun, for `store.told.give_back`
    :rtype: list
    """
    missed = _try_to_tell(registry, job_ids, has_time, logging.INFO)
    if missed is not None:
        return missed
    missed = []
    for job_id in job_ids:  # one that can't be told does not keep the others
        missed += (_try_to_tell(registry, [job_id], has_time, logging.WARNING) or []) if has_time() else [job_id]
    return missed


def _try_to_tell(registry, job_ids, has_time, level):
    """Tell of the ends of jobs in one transaction.

    :param level: of the log line if it fails
    :returns: ids whose telling was not begun; None if nothing was committed
    """
    try:
        with registry.cursor() as cr:
            ends = told.mark_told(cr, job_ids)
            begun = _tell(api.Environment(cr, SUPERUSER_ID, {}), ends, has_time)
            for end in ends:
                if end["id"] not in begun:
                    told.unmark_told(cr, end)
    except BaseException as error:  # code of other modules may raise anything; no error may end the lane
        if is_shutdown(error):
            raise
        _logger.log(level, "jobs %s: their ends could not be told", job_ids, exc_info=True)
        return None
    return [job_id for job_id in job_ids if job_id not in begun]


def _tell(env, ends, has_time):
    """Write the log of jobs that have ended, and notify of them, while there is time.

    :param env: a superuser environment, in a transaction of its own
    :param list ends: dicts of `store.told.mark_told`
    :returns: set of the ids of those that were begun
    """
    begun = set()
    quiet = [end for end in ends if _is_quiet(end)]
    if quiet and has_time():
        begun.update(end["id"] for end in quiet)
        jobs = env["batch.job"].browse([end["id"] for end in quiet])
        with _guarded(jobs):
            jobs._message_log_batch({end["id"]: _body(*_paragraphs(_as_submitter(env, end), end)) for end in quiet})
            for end in quiet:
                _show(env, end)
    for end in ends:
        if not _is_quiet(end) and has_time():
            begun.add(end["id"])
            own = _as_submitter(env, end)
            with _guarded(own["batch.job"].browse(end["id"])) as job:
                _notify(job, end)
    return begun


def _is_quiet(end):
    """Whether nobody is notified of an end: the submitter is still there, or has cancelled the job."""
    return end["waited_s"] < LEAST_S or (end["state"] == states.CANCELLED and end["cancelled_by_id"] == end["user_id"])


@contextmanager
def _guarded(jobs):
    """Run the body, which calls code of other modules, with a limited time. What it raises is logged, and its effects undone.

    :raises Interruption, TransactionEnded: see `UserCode`
    """
    with UserCode(jobs.env, jobs._name, Deadline(TELL_S)) as code:
        yield jobs
    if code.error:
        _logger.error("jobs %s: their ends could not be told: %s\n%s", jobs.ids, code.error.message, code.error.traceback or "")


def _notify(job, end):
    """Post the end of a job to its followers, and show it in the open browsers of its submitter."""
    env = job.env
    text, *more = _paragraphs(env, end)
    has_failed = end["state"] in (states.PARTIAL, states.FAILED) or bool(end["error"] or end["callback_error"])
    subtype = FAILED if has_failed else FINISHED
    message = job.message_post(body=_body(text, *more), subtype_xmlid=subtype, force_send=False)
    if message.mail_ids and (queue := env.ref(MAIL_QUEUE, raise_if_not_found=False)):
        queue._trigger()
    if subtype in followed(job):
        kind = "danger" if end["callback_error"] else KINDS[end["state"]]
        _show(env, end, message=text, type=kind, sticky=kind == "danger")
    else:
        _show(env, end)


def _show(env, end, **notification):
    """Tell the submitter's open browsers, if there are any, that the log of a job is complete.

    :param notification: message, type and sticky of the notification to show; nothing: none
    """
    if end["is_watched"]:
        env["res.users"].browse(end["user_id"])._bus_send(BUS_TYPE, {"job_id": end["id"], **notification})


def _as_submitter(env, end):
    """The environment with the language of the submitter of a job."""
    return env(context={"lang": usable_lang(env, None, end["user_id"])})


# -- words -----------------------------------------------------------------------------------------


def _body(*paragraphs):
    return Markup().join(Markup("<p>%s</p>") % paragraph for paragraph in paragraphs)


def _paragraphs(env, end):
    """What is told of an end, in the language of `env`: a line that says it all, then the errors, and who has submitted the job."""
    parts = {"name": isolate(end["name"]), "counts": _counts(env, end)}
    canceller = env["res.users"].browse(end["cancelled_by_id"])
    if end["state"] == states.FAILED:
        text = env._("%(name)s failed: %(counts)s", **parts)
    elif end["state"] == states.CANCELLED and canceller:
        text = env._("%(name)s was cancelled by %(who)s: %(counts)s", who=isolate(canceller.name), **parts)
    elif end["state"] == states.CANCELLED:
        text = env._("%(name)s was cancelled: %(counts)s", **parts)
    elif end["dry_run"]:
        text = env._("Dry run of %(name)s finished: %(counts)s", **parts)
    else:
        text = env._("%(name)s finished: %(counts)s", **parts)
    paragraphs = [text]
    if end["error"]:
        paragraphs.append(end["error"])
    if end["callback_error"]:
        paragraphs.append(env._("The action on completion failed: %s", end["callback_error"]))
    if not end["had_log"]:
        paragraphs.append(env._("Submitted by %s.", isolate(env["res.users"].browse(end["user_id"]).name)))
    return paragraphs


def _counts(env, end):
    """The counters of a job for people, without those that are 0."""
    parts = []

    def add(count, text):
        if count:
            parts.append(text % formatLang(env, count, digits=0))

    add(end["processed_records"], env._("%s succeeded"))
    add(end["failed_records"], env._("%s failed"))
    if end["failed_records"]:
        parts.append(_causes(env, end["id"]))
    add(end["cancelled_records"], env._("%s not run"))
    add(end["warning_count"], env._("%s with a warning") if end["warning_count"] == 1 else env._("%s warnings"))
    return ", ".join(filter(None, parts)) or env._("no records")


def _causes(env, job_id):
    """How many causes the failures of a job have."""
    causes = failure_causes(env.cr, job_id, counted_to=1)
    if not causes:
        return None
    count = causes[0]["found"]
    if count >= CAUSES_FOUND:
        return env._("%s causes or more", count)
    return env._("1 cause") if count == 1 else env._("%s causes", count)
