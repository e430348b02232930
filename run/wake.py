"""Wake lanes: notify those that wait for work, and trigger the scheduled actions of those that don't run."""

import logging
import time

import psycopg2

from odoo import SUPERUSER_ID, api, fields

from ..engine import states

_logger = logging.getLogger(__name__)

#: PostgreSQL's notification channel for waiting lanes.
WAKE_UP = "batch_executor"
#: Least number of records for which lanes are woken before the commit: storing that many takes longer than waking a lane.
EARLY_FROM = 200
#: Seconds without progress after which a job counts as stalled. Also the least seconds between two such wake-ups by a process.
STALLED_S = 3

_woken_at = {}  # database name -> monotonic time when this process last woke lanes for a stalled job


def wake_lanes(env, wanted=None):
    """Wake lanes when this transaction commits.

    :param env: any environment on the transaction
    :param int wanted: number of idle lanes to trigger; None: all
    """
    env.cr.execute("SELECT pg_notify(%s, '')", (WAKE_UP,))
    lanes = env["ir.cron"].sudo()._batch_lanes()
    # a trigger exists until the run that it started ends, so lanes with a trigger are busy
    triggered = (
        env["ir.cron.trigger"]
        .sudo()
        ._read_group([("cron_id", "in", lanes.ids), ("call_at", "<=", fields.Datetime.now())], ["cron_id"])
    )
    idle = lanes - lanes.concat(*(lane for (lane,) in triggered))
    (idle[:wanted] or lanes)._trigger_lanes()


def wake_lanes_for(env, run_at, wanted):
    """Wake lanes for a new job, when it may start.

    :param datetime run_at: when it may start (UTC); None or in the past: when this transaction commits. Odoo checks for triggers
        in the future once a minute
    :param int wanted: number of idle lanes to trigger
    """
    if not run_at or run_at <= env.cr.now():
        wake_lanes(env, wanted)
    elif lanes := env["ir.cron"].sudo()._batch_lanes():
        lanes[0]._trigger(run_at)


def wake_early(env, operations, wanted):
    """Wake lanes while a large submission is still being stored, in a separate transaction. Does nothing for a small one.

    A woken Odoo worker first sleeps for up to 0.1 s (it depends on the process id, so that not all workers start at once), and then
    prepares its run. For a job of one second, that is most of the delay until it starts. A lane that is ready before the commit
    waits for it.

    :param env: the caller's environment
    :param operations: operation objects as sent, not checked yet
    :param int wanted: number of idle lanes to trigger
    """
    # while modules are being loaded, no scheduled action runs, and this transaction may hold locks on their tables
    if not (_is_large(operations) and env.registry.ready):
        return
    try:
        with env.registry.cursor() as cr:
            # the caller's transaction may hold a lock that this one needs, for example after deleting a scheduled action
            cr.execute("SET LOCAL lock_timeout = '100ms'")
            # as superuser: this transaction does not see a user created in the caller's
            wake_lanes(api.Environment(cr, SUPERUSER_ID, {}), wanted)
    except psycopg2.Error:
        _logger.info("The lanes could not be woken early; the commit wakes them", exc_info=True)


def wake_if_stalled(job):
    """Wake the lanes if a job whose status is read makes no progress, at most once per `STALLED_S` and process.

    If all workers die at once (a restart of PostgreSQL ends them), the processes that replace them sleep for a minute before they
    first look for work.

    :param job: the job, in a superuser environment
    """
    now = fields.Datetime.now()
    stalled_at = fields.Datetime.add(job.progress_at or job.create_date, seconds=STALLED_S)
    if job.state not in states.JOB_ACTIVE or stalled_at > now or (job.run_at and job.run_at > now):
        return
    database = job.env.cr.dbname
    if time.monotonic() - _woken_at.get(database, float("-inf")) > STALLED_S:
        _woken_at[database] = time.monotonic()
        wake_lanes(job.env)


def _is_large(operations):
    """Whether unchecked operations have at least `EARLY_FROM` records, estimated from the lengths of their lists."""
    if not isinstance(operations, (list, tuple)):
        return False
    return (
        len(operations) >= EARLY_FROM
        or sum(
            max((len(value) for value in operation.values() if isinstance(value, list)), default=1)
            for operation in operations
            if isinstance(operation, dict)
        )
        >= EARLY_FROM
    )
