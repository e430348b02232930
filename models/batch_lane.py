import os
import socket
import threading
import time
from contextlib import suppress

from odoo import api, models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ..run.lane import Lane
from ..run.settings import get_setting
from .ir_cron import LANE_CODE

#: A lane starting this soon after another one has used up its time on the same thread leaves its turn to the other crons.
SAME_PASS_S = 1.0
#: Seconds a lane without work stays for what may come next: being woken anew takes a tenth and more.
LINGER_S = 0.5
#: Seconds after which a lane starts nothing new, whatever the scheduler would give it: others wait for its worker as well.
PASS_S = 10.0

_thread = threading.local()


class BatchJob(models.Model):
    """The lanes: scheduled actions that all call `_run_lane`.

    Odoo never runs one of them twice at once, so that N of them are N lanes over all cron workers of all hosts.
    """

    _inherit = "batch.job"

    @api.model
    def _run_lane(self):
        """Entry point of a lane's scheduled action, as Odoo's scheduler calls it.

        Code that wants to run a lane in a process of its own uses `run.lane.Lane`.

        :raises AccessError: called by anybody else
        """
        cron = self.env["ir.cron"]._admit_lane()
        if cron not in self._retire_lanes(get_setting(self.env, "lanes")):
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
            lane = Lane(self.env.registry, worker, lambda: end - time.monotonic(), linger_s)
            more = _thread.used_up = lane.run()
            _thread.ended_at = time.monotonic()
        if more:
            # come back after the other scheduled actions; without this Odoo would poll for it in a minute or so
            cron.exists()._trigger_lanes()
        cron._commit_progress()

    @api.model
    def _set_lanes(self, count):
        """Have exactly `count` lanes: make missing ones, put those beyond it to sleep.

        A lane that is running can't be written: it ends by itself, and another one puts it to sleep (`_run_lane`).
        """
        IrCron = self.env["ir.cron"].sudo().with_context(active_test=False)
        lanes = IrCron.search([("code", "=", LANE_CODE)], order="id")
        lanes[:count].filtered(lambda lane: not lane.active).active = True
        self._retire_lanes(count)
        IrCron.create([self._lane_values(number) for number in range(len(lanes), count)])

    @api.model
    def _retire_lanes(self, count):
        """Put lanes beyond the first `count` to sleep, but for those that are running; returns those that stay."""
        lanes = (
            self.env["ir.cron"].sudo().with_context(active_test=False).search([("code", "=", LANE_CODE)], order="id")
        )
        surplus = lanes[count:].filtered("active")
        if surplus:
            with suppress(*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY), self.env.cr.savepoint():  # another one is at it
                surplus.try_lock_for_update(allow_referencing=True).active = False
        return lanes[:count]

    def _lane_values(self, number):
        return {
            "name": f"Batch Executor: lane {number + 1}",
            "model_id": self.env["ir.model"]._get_id(self._name),
            "state": "code",
            "code": LANE_CODE,
            "user_id": self.env.ref("base.user_root").id,
            # the first one looks by itself for what was abandoned while nobody was there; all come when they are called
            "interval_number": 1 if number == 0 else 60,
            "interval_type": "minutes",
            # after the other scheduled actions that are ready
            "priority": 10,
        }

