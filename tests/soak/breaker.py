"""What breaks while clients are at work, and the init system that starts it again."""

import os
import signal
import threading
import time

#: How often each is struck, compared with the others.
WEIGHTS = {
    "a worker": 60, "a worker, politely": 10, "a host": 6, "a dedicated worker": 4, "a dedicated worker, politely": 4,
    "the web server": 5, "PostgreSQL": 4,
}  # fmt: skip
#: Seconds between two looks.
TICK_S = 0.3


class Breaker(threading.Thread):
    """Strikes every few seconds, and starts again what has ended. One thread does both, so that they are never at the same server at once.

    :param stage: the `Stage`
    :param every_s: mean of the seconds between two strikes
    :ivar struck: how often each was struck
    """

    def __init__(self, stage, every_s, random):
        super().__init__(name="breaker", daemon=True)
        self.stage = stage
        self.every_s = every_s
        self.random = random
        self.struck = dict.fromkeys(WEIGHTS, 0)
        self.is_calm = False
        self._ended = threading.Event()
        # each of them once at first, so that a short run has seen all
        self._next = self.random.sample(list(WEIGHTS), len(WEIGHTS))

    def run(self):
        due = time.monotonic() + self.every_s
        while not self._ended.wait(TICK_S):
            try:
                for server in self.stage.servers:
                    server.keep()
                if not self.is_calm and time.monotonic() > due and self.strike():
                    due = time.monotonic() + self.random.expovariate(1 / self.every_s)
            except Exception as error:  # noqa: BLE001  (it would look like a quiet time)
                self.stage.report(f"the breaker: {error!r}")

    def end(self):
        """Break nothing more, and start nothing."""
        self._ended.set()
        self.join()

    def strike(self):
        """Break what is next; returns whether it was there to be broken."""
        if not self._next:
            self._next = self.random.choices(list(WEIGHTS), WEIGHTS.values())
        done = self.break_(self._next[0])
        if done:
            self.struck[self._next.pop(0)] += 1
        return done

    def break_(self, what):
        stage = self.stage
        if what == "a worker":
            return stage.kill_worker()
        if what == "a worker, politely":
            if workers := stage.workers():
                os.kill(self.random.choice(workers), signal.SIGTERM)
            return bool(workers)
        if what == "PostgreSQL":
            stage.crash_postgres()
        elif what == "the web server":
            stage.main.kill()
        elif what == "a host":
            self.random.choice(stage.hosts).kill()
        elif what == "a dedicated worker":
            stage.dedicated.kill()
        else:
            stage.dedicated.process.terminate()
        return True
