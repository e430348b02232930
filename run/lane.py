"""A lane: claim a chunk, run it, settle it, until there is nothing to do or time is up.

Any number of lanes on any number of hosts share one database; PostgreSQL's row locks are all that coordinates them.
"""

import logging
import time
from contextlib import closing, contextmanager

import psycopg2

from ..engine import states
from ..exceptions import ClaimLost
from ..store.settle import settle
from . import callback, driver, selection
from .control import LOOK_AROUND_EVERY_S, Control
from .interruption import is_conflict, is_shutdown
from .records import run_records
from .work import Work

_logger = logging.getLogger(__name__)

#: Seconds an idle lane sleeps between two looks for work, while jobs are unfinished.
IDLE_S = 0.2
#: Seconds a lane waits for PostgreSQL to come back.
COMEBACK_S = 60.0

#: What runs a chunk, by its kind: called with an environment of the superuser, the `Claim` and the lane's `Control`; returns an
#: `Outcome`.
RUNNERS = {
    states.RECORDS: run_records,
    states.RESOLVE: selection.run_page,
    states.ATOMIC: driver.run_job,
    states.CALLBACK: callback.run_action,
}


class Lane:
    """One claiming loop, over two connections: `control` for short transactions, `work` for the chunks.

    :param registry: the database's registry
    :param str worker: who this is, for people
    :param time_left: function that returns the seconds this lane may still go on, called between chunks
    :param linger_s: seconds to stay for new work once none is left
    """

    def __init__(self, registry, worker, time_left, linger_s=0):
        self.registry = registry
        self.worker = worker
        self.time_left = time_left
        self.linger_s = linger_s
        self.busy_at = time.monotonic()
        self.control = Control(registry, worker, time_left)
        self.work = Work(registry, self.control.signals)

    def run(self):
        """Work until nothing is left or time is up.

        :returns: whether there is more to do
        """
        try:
            with self.connected():
                return self.loop()
        except Exception as error:  # whatever it is, the next pass is another one
            if is_conflict(error):
                # lost connections above all; a chunk that was being run is found and taken again
                _logger.warning("%s ends, and comes back with new connections: %s", self.worker, error)
                self.wait_for_database()
            else:
                _logger.exception("%s ends, and comes back", self.worker)
                time.sleep(LOOK_AROUND_EVERY_S)
        return True

    @contextmanager
    def connected(self):
        """Hold both connections."""
        with self.control.connected(), closing(self.work):
            yield

    # -- claim -> run -> settle --------------------------------------------------------------------

    def loop(self):
        while not self.control.is_over:
            claim = self.claim()
            if claim is not None:
                self.work_on(claim)
                self.busy_at = time.monotonic()
            elif not self.control.is_over and not self.wait():
                return False
        return True

    def claim(self):
        """Take the next chunk and commit that; returns its `Claim`, or None where there is none now or the lane is over."""
        return self.control.claim()

    def work_on(self, claim):
        """Run a chunk and settle it, both in one transaction: its effects and its outcome stand or fall together."""
        _logger.debug("%s: claimed by %s", claim, self.worker)
        try:
            with self.work.transaction(claim) as system:
                started = time.monotonic()
                outcome = RUNNERS[claim.kind](system, claim, self.control)
                duration = time.monotonic() - started
                settle(system.cr, claim, outcome, duration)
        except ClaimLost:
            _logger.info("%s: lost to another lane, rolled back", claim)
        except BaseException as error:  # a lane must not die of one chunk, whatever is wrong with it
            if is_shutdown(error):
                raise
            self.control.release(claim, error)
        else:
            self.control.settled(claim, outcome, duration)

    # -- waiting -----------------------------------------------------------------------------------

    def wait(self):
        """Nothing can be claimed now: sleep a little if that may change soon; returns whether it may.

        A lane stays as long as chunks are running elsewhere, so that it can take over when their worker dies; and then a moment
        longer, for the next job of somebody who sends one after the other.
        """
        soon = self.control.seconds_until_work()
        if soon is None and (left := self.busy_at + self.linger_s - time.monotonic()) > 0:
            soon = left
        if soon is None or soon > self.time_left():
            return False
        self.control.sleep(min(IDLE_S, max(soon, 0.01)))
        return True

    def wait_for_database(self):
        """Let PostgreSQL come back, should it be restarting, before this process ends for want of its connections.

        Odoo's prefork server puts another in its place at once, and stops altogether if it finds no database just then.
        """
        deadline = time.monotonic() + COMEBACK_S
        while time.monotonic() < deadline:
            try:
                with self.registry.cursor():
                    return
            except psycopg2.Error:
                time.sleep(IDLE_S)
