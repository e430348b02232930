"""Change how urgent a job is and how many lanes work on it, while they do."""

from odoo.exceptions import UserError

from ..engine import states
from ..engine.options import parse_options
from ..engine.problems import Problems
from ..store import change, queue
from .caller import refuse
from .change import lock_for_change
from .log import log
from .wake import wake_lanes_for


def set_pace(jobs, values):
    """Change the priority or the concurrency of unfinished jobs. Each claim reads both anew; chunks in flight finish.

    :param jobs: recordset of `batch.job`, in the caller's environment
    :param dict values: new values of `priority` and `max_concurrency`, or of one of them
    :raises AccessError: the caller may not write the jobs
    :raises BatchValidationError: a value is out of range
    :raises UserError: a job is finished, or its operations run strictly in order and would no longer
    """
    jobs.check_access("write")
    problems = Problems()
    wanted = parse_options({name: value or 0 for name, value in values.items()}, {}, problems)
    refuse(jobs.env, problems)
    for job in jobs.sorted("id"):  # always in the same order, so that two of these calls can't deadlock
        job = lock_for_change(job, states.JOB_UNFINISHED, job.env._("A finished job has no pace."))
        priority = wanted.priority if "priority" in values else job.priority
        max_concurrency = wanted.max_concurrency if "max_concurrency" in values else job.max_concurrency
        if job.is_ordered and max_concurrency > 1:
            raise UserError(job.env._("This job was submitted to run strictly in order: its concurrency stays 1."))
        _set_pace(job, priority, max_concurrency)


def _set_pace(job, priority, max_concurrency):
    text = job.env._("Priority: %(priority)s, concurrency: %(concurrency)s.", priority=priority, concurrency=max_concurrency)
    log(job, text)
    change.set_pace(job.env.cr, job.id, priority, max_concurrency)
    if job.state in states.JOB_ACTIVE:
        queue.enqueue(job.env.cr, job.id)  # its place among jobs of the new priority; a parked job may start more chunks now
        wake_lanes_for(job.env, job.run_at, max_concurrency)
    job.invalidate_recordset()
