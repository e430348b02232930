"""The lanes as scheduled actions: how many there are, which may run, and how long one stays on its worker.

Odoo never runs one scheduled action twice at once, so that N of them are N lanes over all cron workers of all hosts. They are
marked by `ir.cron.is_batch_lane`, and all call `batch.job._run_lane`.
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
#: A lane that starts this soon after another one has used up its time on the same thread leaves its turn to the other crons.
SAME_PASS_S = 1.0
#: Seconds a lane without work stays for what may come next: being woken anew takes a tenth and more.
LINGER_S = 0.5
#: Seconds after which a lane starts nothing new, whatever the scheduler offers: others wait for its worker as well.
PASS_S = 10.0

_thread = threading.local()


@contextmanager
def admitted(cron):
    """Admit a lane while Odoo's scheduler, and nobody else, starts it.

    A lane's server action can be run like any other, by anybody and in any context. It does something only on the thread on which
    the scheduler has just come by here: no request can do that, nor can what a lane itself runs.

    :raises AccessError: the lane does not run as the superuser, or is started by what another one runs
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


def run_admitted(env):
    """Run the lane that was admitted on this thread; each admission is for one run.

    :raises AccessError: none was
    """
    cron, _thread.admitted = getattr(_thread, "admitted", None), None
    if cron is None:
        raise AccessError(env._("A lane of the batch executor is run by Odoo's scheduler alone."))
    if cron not in retire_lanes(env, get_setting(env, "lanes")):
        return  # one too many since their number was changed; another one puts it to sleep
    # counted as progress before anything runs: a cron killed by its users' work is not a cron that never gets anywhere
    end = time.monotonic() + min(cron._commit_progress(1, remaining=0), PASS_S)
    away_s = time.monotonic() - getattr(_thread, "ended_at", float("-inf"))
    if away_s < SAME_PASS_S and _thread.used_up:
        # one worker runs all ready crons in one pass, under one time limit: one lane's time is enough of it
        more = True
    else:
        # the worker is everybody's: it does not wait for us longer than we have been away
        linger_s = min(LINGER_S, away_s)
        worker = f"{socket.gethostname()}:{os.getpid()} lane {cron.id}"  # for people
        more = _thread.used_up = Lane(env.registry, worker, lambda: end - time.monotonic(), linger_s).run()
        _thread.ended_at = time.monotonic()
    if more:
        # come back after the other scheduled actions; without this Odoo would poll for it in a minute or so
        cron.exists()._trigger_lanes()
    cron._commit_progress()


def set_lane_count(env, count):
    """Have exactly `count` active lanes: make missing ones, archive those beyond it.

    A lane that is running can't be written: it ends by itself, and another one archives it (`run_admitted`).
    """
    lanes = _all_lanes(env)
    lanes[:count].filtered(lambda lane: not lane.active).active = True
    retire_lanes(env, count)
    lanes.create([_lane_values(env, number) for number in range(len(lanes), count)])


def retire_lanes(env, count):
    """Archive lanes beyond the first `count`, except those that are running; returns the first ones."""
    lanes = _all_lanes(env)
    surplus = lanes[count:].filtered("active")
    if surplus:
        with suppress(*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY), env.cr.savepoint():  # another lane does the same right now
            surplus.try_lock_for_update(allow_referencing=True).active = False
    return lanes[:count]


def _all_lanes(env):
    """All lanes, archived ones as well."""
    return env["ir.cron"].sudo().with_context(active_test=False).search([("is_batch_lane", "=", True)], order="id")


def _lane_values(env, number):
    return {
        "name": f"Batch Executor: lane {number + 1}",
        "is_batch_lane": True,
        "model_id": env["ir.model"]._get_id("batch.job"),
        "state": "code",
        "code": LANE_CODE,
        "user_id": SUPERUSER_ID,
        # the first one looks by itself for what was abandoned while nobody was there; all come when they are called
        "interval_number": 1 if number == 0 else 60,
        "interval_type": "minutes",
        # after the other scheduled actions that are ready
        "priority": 10,
    }
