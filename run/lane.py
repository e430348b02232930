"""A lane: claim a chunk, run it, settle it, until no work is left or time is up.

Any number of lanes on any number of hosts share one database. Only PostgreSQL's locks coordinate them.
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
from .trace import traced
from .work import Work

_logger = logging.getLogger(__name__)

#: Most seconds an idle lane sleeps between two claims, while jobs are unfinished.
IDLE_S = 0.2
#: Most seconds a lane waits for PostgreSQL to restart.
COMEBACK_S = 60.0

#: Chunk kind -> function that runs such a chunk; records are run by `run.chunk.run_chunk` and the handlers. Its arguments: a superuser environment, the `Claim`, the lane's `Control`. It
#: returns an `Outcome`.
RUNNERS = {
    states.RECORDS: run_records,
    states.RESOLVE: selection.run_page,
    states.ATOMIC: driver.run_job,
    states.CALLBACK: callback.run_action,
}


class Lane:
    """One lane with two connections: `control` for short transactions, `work` for the chunks.

    :param registry: the database's registry
    :param str worker: name of the lane, host and process, for people
    :param time_left: function that returns the seconds this lane may still run; called between chunks
    :param float linger_s: seconds to wait for new work once none is left
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
        """Run chunks until no work is left or time is up. Errors are logged, not raised, except a shutdown of the process.

        :returns: whether there may be more work
        """
        try:
            with self.connected():
                has_more = self.loop()
            if self.control.lets_go:
                time.sleep(LOOK_AROUND_EVERY_S)
            return has_more
        except Exception as error:  # the next run starts with new connections
            if is_conflict(error):
                # mostly a lost connection; the chunk that was running is rescued
                _logger.warning("%s ends, and comes back with new connections: %s", self.worker, error)
                self.wait_for_database()
            else:
                _logger.exception("%s ends, and comes back", self.worker)
                time.sleep(LOOK_AROUND_EVERY_S)
        return True

    @contextmanager
    def connected(self):
        """Open both connections for the body of the `with`, and give them back afterwards."""
        with self.control.connected(), closing(self.work):
            yield

    # -- claim -> run -> settle --------------------------------------------------------------------

    def loop(self):
        """Claim, run and settle chunks; returns whether there may be more work."""
        while not self.control.is_over:
            claim = self.claim()
            if claim is not None:
                self.work_on(claim)
                self.busy_at = time.monotonic()
            elif not self.control.is_over and not self.wait():
                return False
        return True

    def claim(self):
        """Claim the next chunk: see `Control.claim`."""
        return self.control.claim()

    def work_on(self, claim):
        """Run a chunk and settle it in the same transaction, so that its effects and its outcome are committed together.

        :param claim: the `Claim`
        """
        with traced(claim):
            _logger.debug("%s: claimed by %s", claim, self.worker)
            self._work_on(claim)

    def _work_on(self, claim):
        started = time.monotonic()
        try:
            with self.work.transaction(claim) as system:
                started = time.monotonic()
                outcome = RUNNERS[claim.kind](system, claim, self.control)
                duration = time.monotonic() - started
                settle(system.cr, claim, outcome, duration)
        except ClaimLost:
            _logger.info("%s: lost to another lane, rolled back", claim)
        except BaseException as error:  # no error of a chunk may end the lane
            if is_shutdown(error):
                raise
            self.control.release(claim, error, time.monotonic() - started)
        else:
            _logger.debug("%s: settled after %.3f s", claim, duration)
            self.control.settled(claim, outcome, duration)

    # -- waiting -----------------------------------------------------------------------------------

    def wait(self):
        """Sleep until the next claim may succeed; return at once if the lane should end.

        A lane stays while chunks run in other lanes, so that it can take over when their worker dies. Then it stays for
        `linger_s`, as some callers submit one job after the other.

        :returns: whether to claim again; False ends the lane
        """
        wait_s = self.control.seconds_until_work()
        if wait_s is None or wait_s > self.time_left():
            wait_s = self.busy_at + self.linger_s - time.monotonic()
            if wait_s <= 0 or wait_s > self.time_left():
                return False
        self.control.sleep(min(IDLE_S, max(wait_s, 0.01)))
        return True

    def wait_for_database(self):
        """Wait until PostgreSQL accepts connections again, for at most `COMEBACK_S`.

        Without this wait, the process would end while PostgreSQL restarts. Odoo's prefork server then starts another process at
        once, and the server stops if that process finds no database.
        """
        deadline = time.monotonic() + COMEBACK_S
        while time.monotonic() < deadline:
            try:
                with self.registry.cursor():
                    return
            except psycopg2.Error:
                time.sleep(IDLE_S)
