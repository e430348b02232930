import logging
import threading
import time
from contextlib import suppress

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

from ..engine import states
from ..run.claim import new_worker_name
from ..run.lane import WAKE_UP, Lane
from ..run.settings import get_setting
from .ir_cron import LANE_CODE

_logger = logging.getLogger(__name__)

#: A lane starting this soon after another one has used up its time on the same thread leaves its turn to the other crons.
SAME_PASS_S = 1.0
#: Seconds a lane without work stays for what may come next: being woken anew takes a tenth and more.
LINGER_S = 0.5
#: Seconds after which a lane starts nothing new, whatever the scheduler would give it: others wait for its worker as well.
PASS_S = 10.0

#: Seconds without progress after which a job is thought to be stalled; and between two wake-up calls of a process.
STALLED_S = 3
#: Records that take long enough to store for the lanes to get ready meanwhile.
ROUSE_FROM = 200

_thread = threading.local()
_woken = {}  # database -> when this process last woke its lanes for a stalled job


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
            worker = new_worker_name(f"lane {cron.id}")
            lane = Lane(self.env.registry, worker, lambda: end - time.monotonic(), linger_s)
            more = _thread.used_up = lane.run()
            _thread.ended_at = time.monotonic()
        if more:
            # come back after the other scheduled actions; without this Odoo would poll for it in a minute or so
            cron.exists()._trigger_lanes()
        cron._commit_progress()

    @api.model
    def _wake_lanes(self, wanted=None):
        """Wake lanes after the commit of this transaction, those that are still there for what comes and those that are not.

        :param int wanted: how many may find work; None: all
        """
        self.env.cr.execute(SQL("SELECT pg_notify(%s, '')", WAKE_UP))
        lanes = self.env["ir.cron"].sudo()._batch_lanes()
        # a trigger stands until the run it has started is over: lanes that have one are busy, others are better
        triggered = (
            self.env["ir.cron.trigger"]
            .sudo()
            ._read_group([("cron_id", "in", lanes.ids), ("call_at", "<=", fields.Datetime.now())], ["cron_id"])
        )
        idle = lanes - lanes.concat(*(lane for (lane,) in triggered))
        (idle[:wanted] or lanes)._trigger_lanes()

    @api.model
    def _rouse_lanes(self, operations, wanted):
        """Have lanes get ready while a submission is still being stored.

        Woken, an Odoo worker sleeps for up to 0.1 s (by its process id, lest all come at once) before it looks what is to be
        done, and then prepares its run: the better part of what a job of a second would wait for its start. A lane that is
        ready too early stays for the commit.

        :param operations: of the submission, not looked at yet: they may be anything
        :param int wanted: lanes that may find work
        """
        # while modules are loaded, nobody runs scheduled actions and this very transaction may hold their tables
        if not (_is_large(operations) and self.env.registry.ready):
            return
        try:
            with self.env.registry.cursor() as cr:
                # nor wait for ourselves, where this transaction has, say, deleted a scheduled action
                cr.execute("SET LOCAL lock_timeout = '100ms'")
                # another transaction does not see a user who was made in this one
                api.Environment(cr, SUPERUSER_ID, {})["batch.job"]._wake_lanes(wanted)
        except psycopg2.Error:
            _logger.info("The lanes could not be woken early; the commit wakes them", exc_info=True)

    def _wake_if_stalled(self):
        """Wake the lanes of a job that gets nowhere while somebody waits for it.

        Where all workers died at once (or PostgreSQL was restarted, which ends them), their successors sleep for a minute
        before they first look for work by themselves.
        """
        job = self.sudo()
        now = fields.Datetime.now()
        stalled_at = fields.Datetime.add(job.progress_at or job.create_date, seconds=STALLED_S)
        if job.state not in states.JOB_ACTIVE or stalled_at > now or (job.run_at and job.run_at > now):
            return
        if time.monotonic() - _woken.get(self.env.cr.dbname, float("-inf")) > STALLED_S:
            _woken[self.env.cr.dbname] = time.monotonic()
            job._wake_lanes()

    @api.model
    def _wake_lanes_at(self, instant):
        """Wake a lane at an instant; Odoo finds such triggers within a minute."""
        lanes = self.env["ir.cron"].sudo()._batch_lanes()
        if lanes:
            lanes[0]._trigger(instant)

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


def _is_large(operations):
    """Whether operations have at least `ROUSE_FROM` records, at a glance."""
    if not isinstance(operations, (list, tuple)):
        return False
    return (
        len(operations) >= ROUSE_FROM
        or sum(
            max((len(value) for value in operation.values() if isinstance(value, list)), default=1)
            for operation in operations
            if isinstance(operation, dict)
        )
        >= ROUSE_FROM
    )
