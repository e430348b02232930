"""Waking lanes: those that are waiting for work, and those whose scheduled action is not running."""

import logging
import time

import psycopg2

from odoo import SUPERUSER_ID, api, fields

from ..engine import states

_logger = logging.getLogger(__name__)

#: The channel on which waiting lanes are told of new work.
WAKE_UP = "batch_executor"
#: A submission with this many records takes so long to store that the lanes can get ready meanwhile.
EARLY_FROM = 200
#: Seconds without progress after which a job counts as stalled. Also the least time between two wake-up calls of a process.
STALLED_S = 3

_woken_at = {}  # database -> monotonic time when this process last woke its lanes for a stalled job


def wake_lanes(env, wanted=None):
    """Wake lanes after the commit of this transaction.

    :param int wanted: how many may find work; None: all
    """
    env.cr.execute("SELECT pg_notify(%s, '')", (WAKE_UP,))
    lanes = env["ir.cron"].sudo()._batch_lanes()
    # a trigger exists until the run that it started is over: lanes that have one are busy
    triggered = (
        env["ir.cron.trigger"]
        .sudo()
        ._read_group([("cron_id", "in", lanes.ids), ("call_at", "<=", fields.Datetime.now())], ["cron_id"])
    )
    idle = lanes - lanes.concat(*(lane for (lane,) in triggered))
    (idle[:wanted] or lanes)._trigger_lanes()


def wake_lanes_for(env, run_at, wanted):
    """Wake lanes for a new job, at the time when it may start.

    :param datetime run_at: None or in the past: after this commit. Odoo looks for later triggers once a minute
    :param int wanted: how many lanes may find work
    """
    if not run_at or run_at <= env.cr.now():
        wake_lanes(env, wanted)
    elif lanes := env["ir.cron"].sudo()._batch_lanes():
        lanes[0]._trigger(run_at)


def wake_early(env, operations, wanted):
    """Wake lanes while a large submission is still being stored, in a transaction of its own.

    A woken Odoo worker sleeps for up to 0.1 s (depending on its process id, so that not all come at once) before it looks for
    work, and then prepares its run. For a job of one second, that is most of the time until it starts. A lane that is ready
    too early waits for the commit.

    :param operations: of the submission, not checked yet
    :param int wanted: how many lanes may find work
    """
    # while modules are loaded, no scheduled action runs, and this transaction may hold locks on their tables
    if not (_is_large(operations) and env.registry.ready):
        return
    try:
        with env.registry.cursor() as cr:
            # this transaction may have locked what the other one needs, e.g. by deleting a scheduled action
            cr.execute("SET LOCAL lock_timeout = '100ms'")
            # as superuser: the other transaction does not see a user who was made in this one
            wake_lanes(api.Environment(cr, SUPERUSER_ID, {}), wanted)
    except psycopg2.Error:
        _logger.info("The lanes could not be woken early; the commit wakes them", exc_info=True)


def wake_if_stalled(job):
    """Wake the lanes if a job makes no progress while somebody waits for it.

    When all workers die at once (or PostgreSQL restarts, which ends them), their successors sleep for a minute before they
    first look for work.

    :param job: as superuser
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
    """Whether operations have at least `EARLY_FROM` records, by the lengths of their lists."""
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
