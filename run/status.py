"""The status of a job, for the verbs and for the messages to browsers."""

from datetime import datetime, timezone
from math import ceil

from odoo.exceptions import MissingError

from ..engine import report, states
from ..engine.limit import waits
from ..engine.progress import counts, figures
from ..store import limit as limits
from ..store.job import read_job
from ..store.progress import read_in_flight
from ..store.told import running_jobs
from .settings import get_setting

BUS_TYPE = "batch_executor/progress"


def utc_now():
    """The current time as Odoo stores times: UTC, without time zone."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def status(env, job_id, duplicate=False):
    """The status object. Reads the job's row and a few rows of its running chunks.

    The caller checks the access rights and flushes pending writes first.

    :param int job_id: id of the job
    :param bool duplicate: whether the job was stored by an earlier submission; copied into the result
    :returns: dict
    :raises MissingError: there is no such job
    """
    job = read_job(env.cr, job_id)
    if job is None:
        raise MissingError(env._("There is no such batch job."))
    return _status(env, job, duplicate)


def send_progress(env, job_id):
    """Send the status object to the browsers of the job's submitter; sent when this transaction commits.

    :param env: a superuser environment
    :param int job_id: id of the job
    """
    job = read_job(env.cr, job_id)
    user = env["res.users"].browse(job.user_id)
    if waits(job):  # only then are there texts made here
        env = user.with_context(lang=user.lang).env
    user._bus_send(BUS_TYPE, _status(env, job))


def running(env, limit):
    """The status objects of the jobs of a user that run or wait for a lane, the newest first.

    :param env: the user's environment
    :param int limit: most jobs to return
    """
    jobs = running_jobs(env.cr, env.uid, limit)
    shown, texts = job_figures(env, jobs), _waiting_texts(env, jobs)
    return [_status(env, job, shown=shown[job.id], waiting=texts.get(job.id)) for job in jobs]


def _status(env, job, duplicate=False, shown=None, waiting=None):
    if shown is None:
        shown, waiting = job_figures(env, [job])[job.id], _waiting_texts(env, [job]).get(job.id)
    return report.status(
        counts=counts(job),
        progress=shown,
        state=job.state,
        job_id=job.id,
        uuid=job.uuid,
        name=job.name,
        created_at=job.create_date,
        started_at=job.started_at,
        finished_at=job.finished_at,
        eta=shown["eta"],
        waiting=waiting,
        error=job.error,
        duplicate=duplicate,
        url=f"/odoo/batch-jobs/{job.id}",
        origin_job_id=job.origin_job_id or False,
        traceparent=job.traceparent or False,
    )


def job_figures(env, jobs):
    """Percentage, duration, rates and expected end of jobs.

    :param jobs: `JobRow`s, or records of `batch.job`
    :returns: dict job id -> result of `engine.progress.figures`
    """
    now, lanes = utc_now(), get_setting(env, "lanes")
    running = [job.id for job in jobs if job.state == states.RUNNING and job.id]
    in_flight = read_in_flight(env.cr, running, lanes) if running else {}
    return {job.id: figures(job, in_flight.get(job.id), lanes, now) for job in jobs}


# -- why a job waits -------------------------------------------------------------------------------


def _waiting_texts(env, jobs):
    return waiting_texts(env, {job.id: job.limit_id for job in jobs if waits(job)})


def waiting_texts(env, jobs):
    """Why jobs wait for their limit.

    :param env: its language is that of the texts
    :param dict jobs: id of a job -> id of its limit, for those that wait for it; see `engine.limit.waits`
    :returns: dict id of the job -> text
    """
    counts = limits.figures(env.cr, set(jobs.values())) if jobs else {}
    texts = {limit_id: _waiting_text(env, limits.read_limit(env.cr, limit_id), *found) for limit_id, found in counts.items()}
    return {job_id: texts[limit_id] for job_id, limit_id in jobs.items()}


def _waiting_text(env, limit, in_flight, _unfinished, waiting, pause_s):
    if limit.max_in_flight and in_flight >= limit.max_in_flight:
        what = env._("%(count)s of %(most)s chunks are in flight", count=in_flight, most=limit.max_in_flight)
    elif limit.max_records_per_second and pause_s:
        what = env._("nothing starts for %s s, as what was interrupted or deleted still counts", ceil(pause_s))
    elif limit.max_records_per_second:
        what = env._("%s records per second", f"{limit.max_records_per_second:.10g}")
    else:  # as its numbers have just been changed, or a chunk has just ended
        return env._(
            "It goes on in a moment: the limit %(limit)s has room again. Jobs that wait for it: %(waiting)s.", limit=limit.name, waiting=waiting
        )
    return env._(
        "It waits for its turn: the limit %(limit)s is used up (%(what)s). Jobs that wait for it: %(waiting)s.",
        limit=limit.name,
        what=what,
        waiting=waiting,
    )
