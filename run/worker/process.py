"""The process of one lane: it works for its databases in turn, until it is told to end or is to be started anew."""

import logging
import os
import signal
import socket
import threading
import time
from contextlib import suppress

import psutil

from odoo import sql_db
from odoo.modules.registry import Registry
from odoo.service import server
from odoo.tools import config

from ..lanes import unscheduled
from .databases import Databases
from .lane import WorkerLane

_logger = logging.getLogger(__name__)
_sql_log = logging.getLogger("odoo.sql_db")

#: Environment variables: the process that has started this one, without which nobody looks after the lane; and where to tell it that this one is ready.
SUPERVISOR, READY_FD = "BATCH_EXECUTOR_SUPERVISOR", "BATCH_EXECUTOR_READY_FD"
#: Most seconds in which a lane without work does not notice that it is to end.
ATTENTION_S = 1.0
#: Seconds that a lane works for one database while others may wait.
TURN_S = 5.0


def run_lane():
    """Run the lane of this process.

    :returns: the exit code of the process: 0 if it was told to end, or is to be started anew
    """
    return LaneProcess(config["batch_lane"], config["batch_nice"]).run()


def set_title(title):
    """Name this process in lists of processes, where the package `setproctitle` is installed."""
    server.setproctitle(f"odoo: batch {title}")


def give_back_at_fork(handlers):
    """Have processes that are forked off this one handle signals in another way. A signal that comes too early for that is not lost.

    :param dict handlers: number of the signal -> its handler there
    """
    masks = threading.local()  # signals that the thread has blocked itself

    def block():
        masks.own = signal.pthread_sigmask(signal.SIG_BLOCK, handlers)

    def unblock():
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.own)

    def give_back():
        for number, handler in handlers.items():
            signal.signal(number, handler)
        unblock()

    os.register_at_fork(before=block, after_in_parent=unblock, after_in_child=give_back)


class LaneProcess:
    """The main thread takes signals; another one works, as in Odoo's cron workers.

    :param int number: of the lane, from 1
    :param int nice: how much it gives way to other processes
    """

    def __init__(self, number, nice):
        self.number = number
        self.nice = nice
        self.stopping = threading.Event()
        self.supervisor = int(os.environ.get(SUPERVISOR) or os.getppid())
        self.is_outdated = False  # it is to be started anew: models have changed
        self.exit_code = 1
        self.looked_at, self.is_over = 0.0, False
        self.ready_fd = int(os.environ.pop(READY_FD, 0))
        self.process = psutil.Process()
        self.databases = Databases(number)
        self.has_worked = False  # it has run a chunk
        self.has_warned = False

    def run(self):
        """Work until there is a reason to end; returns the exit code."""
        self._listen()
        with suppress(OSError):
            os.nice(self.nice)
        set_title(f"lane {self.number}")
        server.set_limit_memory_hard()
        if not _sql_log.isEnabledFor(logging.DEBUG):
            _sql_log.setLevel(logging.WARNING)  # or each look at a database would be a line or two
        thread = threading.Thread(target=self._work, name=f"batch lane {self.number}", daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(ATTENTION_S)  # a signal may reach the other thread, which does not wake this one
        return self.exit_code

    def _listen(self):
        """Handle signals. None is blocked or ignored: processes that user code starts would inherit that, and could not be ended."""
        handlers = {
            signal.SIGTERM: lambda *_: self.stopping.set(),
            # of a terminal, to all its processes; the supervisor says what is to be done
            signal.SIGINT: lambda *_: None,
            signal.SIGHUP: lambda *_: None,
        }
        give_back_at_fork({number: signal.signal(number, handler) for number, handler in handlers.items()})

    def _work(self):
        try:
            while not self.must_end():
                database = self.databases.next()
                if database is None:
                    self.databases.wait(ATTENTION_S, self.stopping)
                else:
                    self._visit(database)
            self.exit_code = 0
        except BaseException:
            _logger.exception("lane %s ends", self.number)
        finally:
            self.databases.close()

    def must_end(self):
        """Whether the process is to end; looked at between two chunks."""
        if self.stopping.is_set() or self.is_outdated:
            return True
        if time.monotonic() - self.looked_at > ATTENTION_S:
            self.looked_at = time.monotonic()
            self.is_over = self._is_orphaned() or (self.has_worked and self._is_too_large())
        return self.is_over

    def _is_orphaned(self):
        if os.getppid() == self.supervisor:
            return False
        _logger.warning("lane %s: ends, as its supervisor is gone", self.number)
        return True

    def _is_too_large(self):
        if used := self._excess():
            _logger.info("lane %s: is started anew, as it has %s bytes of memory, more than limit_memory_soft", self.number, used)
        return bool(used)

    def _excess(self):
        """The bytes of memory it has, if that is more than it should; else 0."""
        limit = config["limit_memory_soft"]
        used = server.memory_info(self.process)
        return used if limit and used > limit else 0

    def _warn_of_size(self):
        """Log, once, that it is too large before its first chunk: it has to run that anyway, or nothing would ever run."""
        if self.has_worked or self.has_warned or not (used := self._excess()):
            return
        self.has_warned = True
        text = "lane %s: has %s bytes of memory before its first chunk, more than limit_memory_soft: it is started anew after each chunk; raise that limit"
        _logger.warning(text, self.number, used)

    def _visit(self, database):
        """Work for a database that is ready for it, for as long as nobody else waits."""
        threading.current_thread().dbname = database.name
        try:
            if database.is_ready():
                self._work_for(database)
            else:
                database.put_off()
                self._tell_ready()
        finally:
            if self.databases.are_several or database.is_waiting:
                sql_db.close_db(database.name)  # who copies or drops it wants no connections
            del threading.current_thread().dbname

    def _work_for(self, database):
        if database.has_changed:
            self._be_outdated(database)
            return
        registry = self._load(database)
        self._tell_ready()
        if registry is None:
            return
        set_title(f"lane {self.number} {database.name}")
        self._warn_of_size()
        began_at = time.monotonic()

        def time_left():
            self.has_worked |= lane.has_worked
            if self.must_end():
                return 0.0
            return TURN_S - (time.monotonic() - began_at) if self.databases.are_several else float("inf")

        lane = WorkerLane(registry, f"{socket.gethostname()}:{os.getpid()} worker lane {self.number}", time_left, self.databases.are_several)
        with unscheduled():
            lane.run()
        if lane.has_failed:
            database.put_off()
        else:
            database.visited(lane.back_in_s)
        if lane.is_outdated or Registry(database.name) is not registry:
            self._be_outdated(database)

    def _be_outdated(self, database):
        _logger.info("lane %s: is started anew, as the models of %s have changed", self.number, database.name)
        self.is_outdated = True

    def _tell_ready(self):
        """Tell the supervisor, once, that this lane works, or waits for its database."""
        fd, self.ready_fd = self.ready_fd, 0
        if fd:
            with suppress(OSError):
                os.write(fd, b".")
            os.close(fd)

    def _load(self, database):
        """The registry of a database; None if it can't be loaded.

        It is tried again by the same process, which goes on with other databases: a new one would load the models of all of them.
        """
        try:
            registry = Registry(database.name)
        except Exception:
            _logger.exception("lane %s: the models of %s can't be loaded", self.number, database.name)
            database.broke()
            return None
        database.loaded()
        return registry
