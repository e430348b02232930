"""The status of a job, for the verbs and for the messages to browsers."""

from datetime import datetime, timezone

from odoo.exceptions import MissingError

from ..engine import report, states
from ..engine.progress import counts, figures
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
    env["res.users"].browse(job.user_id)._bus_send(BUS_TYPE, _status(env, job))


def running(env, limit):
    """The status objects of the jobs of a user that run or wait for a lane, the newest first.

    :param env: the user's environment
    :param int limit: most jobs to return
    """
    jobs = running_jobs(env.cr, env.uid, limit)
    shown = job_figures(env, jobs)
    return [_status(env, job, shown=shown[job.id]) for job in jobs]


def _status(env, job, duplicate=False, shown=None):
    shown = shown or job_figures(env, [job])[job.id]
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
