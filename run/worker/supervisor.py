"""The process that starts the lanes, starts those again that end, and passes on what it is told by signals. It has no database connection."""

import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import contextmanager

from odoo.tools import config

from .process import READY_FD, SUPERVISOR, set_title

_logger = logging.getLogger(__name__)

#: A lane that has lived for less than so many seconds is started again after a pause, which doubles each time, up to the longest one.
SHORT_LIFE_S, FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 0.5, 60.0
#: Most seconds that a renewed lane is given to be ready, before the next one is ended.
RENEWAL_S = 120.0
#: Most seconds between two looks at the lanes; a signal ends the pause at once.
LOOK_S = 5.0


def supervise():
    """Run the lanes until the process is told to stop.

    :returns: the exit code of the process
    """
    # again what was called, whatever way Python was started
    command = [sys.executable, *sys.orig_argv[1:]]
    databases = ", ".join(config["db_name"]) or "all databases"
    _logger.info("batch worker: %s lanes for %s", config["batch_lanes"], databases)
    set_title(f"worker of {databases}")
    Supervisor(command, config["batch_lanes"]).run()
    _logger.info("batch worker: stopped")
    return 0


class Supervisor:
    """Looks after lanes.

    :param list command: how this process was started; with `--lane` it starts a lane
    :param int count: number of lanes
    """

    def __init__(self, command, count):
        self.lanes = [Child(number, [*command, f"--lane={number}"]) for number in range(1, count + 1)]
        self.stops = 0  # how often it was told to stop
        self.stops_done = 0
        self.to_renew = deque()
        self.renewed_at = time.monotonic()

    def run(self):
        """Start lanes, and start them again, until the process is told to stop and the last one has ended."""
        with self._listening() as wake_fd:
            while True:
                for lane in self.lanes:
                    lane.reap()
                if self.stops:
                    self._stop()
                    if not any(lane.is_alive for lane in self.lanes):
                        return
                else:
                    self._renew()
                    for lane in self.lanes:
                        if not self.stops:  # told so meanwhile
                            lane.start_if_due()
                pause_s = min(max(min(lane.due_in_s for lane in self.lanes), 0.05), LOOK_S)
                if select.select([wake_fd], [], [], pause_s)[0]:
                    os.read(wake_fd, 4096)

    def _stop(self):
        """The first time, lanes finish their chunks; afterwards they end at once, and other lanes take their chunks over."""
        if self.stops_done == self.stops:
            return
        is_first = not self.stops_done
        self.stops_done = self.stops
        _logger.info("batch worker: stops %s", "once the chunks that run are finished" if is_first else "at once")
        for lane in self.lanes:
            lane.send(signal.SIGTERM if is_first else signal.SIGKILL)

    def _renew(self):
        """End the next lane that is to be started anew, once the one before it is back."""
        if self.to_renew and (all(lane.is_ready for lane in self.lanes) or time.monotonic() - self.renewed_at > RENEWAL_S):
            self.renewed_at = time.monotonic()
            self.to_renew.popleft().renew()

    @contextmanager
    def _listening(self):
        """Handle signals during the body of the `with`; the file descriptor becomes readable when one arrives."""
        read_fd, write_fd = os.pipe()
        os.set_blocking(write_fd, False)
        handlers = {
            signal.SIGTERM: self._on_stop,
            signal.SIGINT: self._on_stop,
            signal.SIGHUP: self._on_hangup,
            signal.SIGCHLD: lambda *_: None,  # it ends the pause
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        fd_before = signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
        try:
            yield read_fd
        finally:
            signal.set_wakeup_fd(fd_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(read_fd)
            os.close(write_fd)

    def _on_stop(self, _number, _frame):
        self.stops += 1

    def _on_hangup(self, _number, _frame):
        self.to_renew = deque(self.lanes)


class Child:
    """A lane as its supervisor sees it.

    :param int number: of the lane, from 1
    :param list command: that starts it
    """

    def __init__(self, number, command):
        self.number = number
        self.command = command
        self.process = None
        self.started_at = self.due_at = 0.0
        self.pause_s = 0.0  # of its last start, as far as it was kept waiting
        self.is_renewed = False
        self.ready_fd = None  # becomes readable when it is ready, or has ended
        self.is_up = False

    @property
    def is_alive(self):
        """Whether its process runs, as far as `reap` has seen."""
        return self.process is not None

    @property
    def is_ready(self):
        """Whether it runs and has looked at its first database."""
        if not self.is_up and self.ready_fd is not None:
            self.is_up = bool(select.select([self.ready_fd], [], [], 0)[0])
        return self.is_alive and self.is_up and not self.is_renewed

    @property
    def due_in_s(self):
        """Seconds until it is to be started; infinite while it runs."""
        return float("inf") if self.is_alive else self.due_at - time.monotonic()

    def start_if_due(self):
        """Start its process, unless it runs or has to wait."""
        if self.due_in_s > 0:
            return
        self.started_at, self.is_up = time.monotonic(), False
        try:
            self._start()
        except OSError as error:  # no memory, no process or file left: other lanes go on
            self._pause(is_longer=True)
            _logger.error("batch worker: lane %s can't be started, next try in %s s: %s", self.number, self.pause_s, error)

    def _start(self):
        read_fd, write_fd = os.pipe()
        try:
            environment = {**os.environ, SUPERVISOR: str(os.getpid()), READY_FD: str(write_fd)}
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, env=environment, pass_fds=[write_fd])
            self.ready_fd = read_fd
        except OSError:
            os.close(read_fd)
            raise
        finally:
            os.close(write_fd)

    def reap(self):
        """Notice that its process has ended, and say when it is to be started again."""
        code = self.process.poll() if self.process else None
        if code is None:
            return
        self._pause(is_longer=time.monotonic() - self.started_at < SHORT_LIFE_S and not self.is_renewed)
        if code:
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            _logger.warning("batch worker: lane %s (process %s) has ended by %s", self.number, self.process.pid, how)
        os.close(self.ready_fd)
        self.process = self.ready_fd = None
        self.is_renewed = False

    def _pause(self, is_longer):
        self.pause_s = min(max(self.pause_s * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S) if is_longer else 0.0
        self.due_at = time.monotonic() + self.pause_s

    def renew(self):
        """Let its process finish its chunk and end; it is started again at once. One that is down ends its pause."""
        _logger.info("batch worker: lane %s is started anew", self.number)
        self.is_renewed = self.is_alive
        self.due_at = 0.0
        self.send(signal.SIGTERM)

    def send(self, number):
        """Send a signal to its process, if that runs."""
        if self.process:
            self.process.send_signal(number)
