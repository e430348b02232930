"""Lanes as Odoo scheduled actions: their number, who may run them, and how long a lane occupies its cron worker.

Odoo never runs the same scheduled action twice at once, so N actions are N lanes, over all cron workers of all hosts. The field
`ir.cron.is_batch_lane` marks them, and each calls `batch.job._run_lane`.
"""

import os
import socket
import threading
import time
from contextlib import contextmanager, suppress

from odoo import SUPERUSER_ID
from odoo.exceptions import AccessError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from .lane import Lane
from .settings import get_setting

LANE_CODE = "model._run_lane()"
#: Seconds. If a lane on this thread used up its time less than this ago, the next lane does not run, so that other crons can.
SAME_PASS_S = 1.0
#: Most seconds a lane without work waits for the next job: waking it again takes 0.1 s or more.
LINGER_S = 0.5
#: Seconds after which a lane claims nothing more, even if the scheduler allows more time: other crons wait for the worker.
PASS_S = 10.0

#: Connections that a lane uses: for its short transactions, and for the work.
CONNECTIONS_OF_LANE = 2

_thread = threading.local()


@contextmanager
def admitted(cron):
    """Allow one run of a lane on this thread, during the body of the `with`.

    Anybody with access can run a lane's server action, in any context. It does something only if Odoo's scheduler has called this
    function on the same thread before. No request and no user code of a lane can do that.

    :param cron: the lane's `ir.cron` record
    :raises AccessError: the lane does not run as the superuser, or is started by user code of another lane
    """
    if cron.env.uid != SUPERUSER_ID:
        raise AccessError(cron.env._("A lane of the batch executor must run as the superuser, which is OdooBot."))
    if getattr(_thread, "has_lane", False):
        raise AccessError(cron.env._("A lane of the batch executor can't be started by what another one runs."))
    _thread.has_lane, _thread.admitted = True, cron
    try:
        yield
    finally:
        _thread.has_lane, _thread.admitted = False, None


@contextmanager
def unscheduled():
    """Note that a lane of a worker runs on this thread, during the body of the `with`: what it runs can't start another one."""
    _thread.has_lane = True
    try:
        yield
    finally:
        _thread.has_lane = False


def run_admitted(env):
    """Run the lane that was admitted on this thread; an admission is valid for one run.

    :param env: the environment of the scheduled action
    :raises AccessError: no lane was admitted on this thread
    """
    cron, _thread.admitted = getattr(_thread, "admitted", None), None
    if cron is None:
        raise AccessError(env._("A lane of the batch executor is run by Odoo's scheduler alone."))
    if cron not in retire_lanes(env, get_setting(env, "lanes")):
        return  # a surplus lane since the setting was lowered; another lane archives it
    # reported as progress before anything runs: Odoo deactivates a cron that keeps failing without progress, and user code may
    # kill this process
    end = time.monotonic() + min(cron._commit_progress(1, remaining=0), PASS_S)
    away_s = time.monotonic() - getattr(_thread, "ended_at", float("-inf"))
    if away_s < SAME_PASS_S and _thread.used_up:
        # a worker runs all ready crons in one pass, under one time limit: one lane per pass is enough
        more = True
    else:
        # other crons share the worker: don't wait for new work longer than the time since the last lane ran on it
        linger_s = min(LINGER_S, away_s)
        worker = f"{socket.gethostname()}:{os.getpid()} lane {_number(cron)} (action {cron.id})"  # for people
        more = _thread.used_up = Lane(env.registry, worker, lambda: end - time.monotonic(), linger_s).run()
        _thread.ended_at = time.monotonic()
    if more:
        # run again after the other scheduled actions; without a trigger, Odoo runs it in a minute or so
        cron.exists()._trigger_lanes()
    cron._commit_progress()


def most_lanes(cr):
    """Number of lanes for which PostgreSQL has connections, if nothing else used any; at least 1."""
    cr.execute("SELECT current_setting('max_connections')::integer")
    return max(cr.fetchone()[0] // CONNECTIONS_OF_LANE, 1)


def set_lane_count(env, count):
    """Create, activate or archive lanes until exactly `count` are active.

    A running lane can't be written here; another lane archives it later (`run_admitted`).

    :param int count: number of lanes
    """
    lanes = _all_lanes(env)
    lanes[:count].filtered(lambda lane: not lane.active).active = True
    retire_lanes(env, count)
    add_missing_lanes(env, count)
    keep_one_awake(env)


def add_missing_lanes(env, count):
    """Create lanes until there are `count`, archived ones included: whoever has archived some, as a neutralized copy has, wants it so.

    :param int count: number of lanes
    """
    lanes = _all_lanes(env)
    missing = count - len(lanes)
    if missing > 0:
        names = set(lanes.mapped("name"))
        numbers = [number for number in range(count) if _lane_name(number) not in names]
        lanes.create([_lane_values(env, number) for number in numbers[:missing]])


def keep_one_awake(env):
    """Let one lane run every minute, if any is active: the others run when they are triggered, which nobody does after all workers died."""
    lanes = _all_lanes(env).filtered("active")
    if any(lane.interval_type == "minutes" and lane.interval_number == 1 for lane in lanes):
        return
    env.cr.flush()  # as in `retire_lanes`
    for lane in lanes:
        with suppress(*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY), env.cr.savepoint():
            if lane.try_lock_for_update(allow_referencing=True):  # one that runs can't be written
                lane.write({"interval_number": 1, "interval_type": "minutes"})
                return


def retire_lanes(env, count):
    """Archive all lanes after the first `count`, except those that are running.

    :param int count: number of lanes to keep
    :returns: the first `count` lanes, as `ir.cron` records
    """
    lanes = _all_lanes(env)
    surplus = lanes[count:].filtered("active")
    if surplus:
        env.cr.flush()  # a conflict of what was written before is the caller's, and Odoo repeats the call
        with suppress(*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY), env.cr.savepoint():  # another lane archives them at the same moment
            surplus.try_lock_for_update(allow_referencing=True).active = False
    return lanes[:count]


def lock_lanes(cr):
    """Lock the scheduled actions of all lanes, so that Odoo can delete them.

    :raises psycopg2.errors.LockNotAvailable: one of them runs
    """
    cr.execute("SELECT FROM ir_cron WHERE is_batch_lane FOR UPDATE NOWAIT", log_exceptions=False)


def _all_lanes(env):
    """All lanes, also the archived ones; the one that runs most often comes first, and is the last to be archived."""
    return env["ir.cron"].sudo().with_context(active_test=False).search([("is_batch_lane", "=", True)], order="interval_number, id")


def _number(lane):
    """The number of a lane for people, from 1, as on the overview page."""
    return sorted(_all_lanes(lane.env).ids).index(lane.id) + 1


def _lane_name(number):
    return f"Batch Executor: lane {number + 1}"


def _lane_values(env, number):
    return {
        "name": _lane_name(number),
        "is_batch_lane": True,
        "model_id": env["ir.model"]._get_id("batch.job"),
        "state": "code",
        "code": LANE_CODE,
        "user_id": SUPERUSER_ID,
        # the first lane runs every minute, to rescue chunks after all workers died; the others run when they are triggered
        "interval_number": 1 if number == 0 else 60,
        "interval_type": "minutes",
        # runs after the other ready scheduled actions (Odoo's default is 5)
        "priority": 10,
    }
