"""A lane that does not belong to Odoo's scheduler: it stays when there is no work, and looks by itself whether the database still wants it."""

import time

from ..lane import IDLE_S, Lane
from ..signals import Signals
from ..work import Work
from .databases import obstacle

#: Seconds between two looks at whether the models have changed, or are about to.
CHECK_EVERY_S = 1.0
#: Most seconds a lane without work sleeps: what is new wakes it at once.
STANDBY_S = 1.0


class WorkerLane(Lane):
    """A lane of a worker.

    :param registry: the database's registry
    :param str worker: name of the lane, host and process, for people
    :param time_left: function that returns the seconds this lane may still run; called between chunks
    :param bool is_shared: whether other databases wait for it: it leaves when there is no work
    """

    def __init__(self, registry, worker, time_left, is_shared):
        super().__init__(registry, worker, time_left)
        self.control.signals = WorkerSignals(registry)
        self.work = Work(registry, self.control.signals)
        self.is_shared = is_shared
        self.checked_at = float("-inf")
        self.back_in_s = 0.0  # when it should come again; None: when it is called
        self.has_failed = False  # mostly by a lost connection
        self.has_worked = False  # it has run a chunk

    @property
    def is_outdated(self):
        """Whether the models have changed since the registry was loaded."""
        return self.control.signals.is_outdated

    def claim(self):
        """Claim the next chunk, unless the models have changed, or modules are about to be installed or upgraded."""
        if time.monotonic() - self.checked_at > CHECK_EVERY_S:
            with self.control.transaction() as env:
                self.control.is_over = not self.control.signals.apply(env.cr) or obstacle(env.cr) is not None
            self.checked_at = time.monotonic()
        return None if self.control.is_over else super().claim()

    def work_on(self, claim):
        """As `Lane.work_on`, and remember it."""
        try:
            return super().work_on(claim)
        finally:
            self.has_worked = True

    def wait(self):
        """Sleep until there may be work.

        :returns: whether to claim again; False ends the lane
        """
        wait_s = self.control.seconds_until_work()
        if self.is_shared and wait_s != 0:
            self.back_in_s = wait_s
            return False
        if wait_s is None or wait_s > STANDBY_S:
            self.control.sleep(STANDBY_S)
        else:
            self.control.sleep(min(IDLE_S, max(wait_s, 0.01)))
        return self.time_left() > 0

    def wait_for_database(self):
        """Nothing: who runs the lane looks whether the database is there, and comes back later."""
        self.has_failed = True


class WorkerSignals(Signals):
    """As `Signals`, but a changed registry is not loaded: the lane's process is started anew, with the Python code as it is by then."""

    is_outdated = False

    def apply(self, cr):
        """Clear outdated caches; returns False if the registry is outdated."""
        number, _caches = self.registry.get_sequences(cr)
        if number != self.registry.registry_sequence:
            self.are_new, self.is_outdated = False, True
            return False
        return super().apply(cr)
