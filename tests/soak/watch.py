"""Looks every few seconds how much there is of everything, and deletes old jobs as the daily clean-up does."""

import contextlib
import threading
import time
from dataclasses import dataclass

import psutil

#: Seconds between two looks at the limit, at all else, and between two clean-ups.
LIMIT_S, LOOK_S, CLEAN_S = 0.5, 5, 20
#: The last half of a run may have so many times what the first half had, and so many MB more.
GROWTH, SLACK_MB = 1.3, 48
MB = 2**20


@dataclass(frozen=True)
class Sample:
    """What there was at one moment."""

    at: float
    #: MB that the largest process of Odoo has, all of them, and the tables of the addon.
    process_mb: float
    processes_mb: float
    tables_mb: float
    connections: int
    jobs: int


class Watch(threading.Thread):
    """Takes samples; makes jobs that were looked at old, so that they are deleted.

    :param stage: the `Stage`
    """

    def __init__(self, stage):
        super().__init__(name="watch", daemon=True)
        self.stage = stage
        self.samples = []
        self.old_jobs = []
        self.tried_again = self.most_limited = 0
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def run(self):
        looked = cleaned = time.monotonic()
        while not self._ended.wait(LIMIT_S):
            try:
                self.check_limit()
                if time.monotonic() - looked > LOOK_S:
                    self.samples.append(self.look())
                    looked = time.monotonic()
                if time.monotonic() - cleaned > CLEAN_S:
                    self.clean()
                    cleaned = time.monotonic()
            except Exception as error:  # noqa: BLE001  (a run without a watch would look fine)
                self.stage.report(f"the watch: {error!r}")

    def end(self):
        self._ended.set()
        self.join()

    def look(self):
        sizes = [size for server in self.stage.servers for size in resident(server.process)]
        [row] = self.stage.cluster.sql(
            "SELECT (SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'batch\\_%'),"
            " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),"
            " (SELECT count(*) FROM batch_job WHERE finished_at IS NULL AND state <> 'draft')"
        )
        return Sample(time.monotonic(), max(sizes, default=0) / MB, sum(sizes) / MB, float(row[0]) / MB, row[1], row[2])

    def check_limit(self):
        """The jobs of a limit have no more chunks in flight than it allows."""
        running = (
            "SELECT count(*) FROM batch_chunk AS chunk JOIN batch_job AS job ON job.id = chunk.job_id"
            " JOIN batch_limit AS named ON named.id = job.limit_id WHERE chunk.state = 'running' AND named.name = %s"
        )
        in_flight = self.stage.cluster.sql(running, self.stage.limit)[0][0]
        self.most_limited = max(self.most_limited, in_flight)

    def done_with(self, jobs):
        """These jobs may be deleted."""
        with self._lock:
            self.old_jobs += jobs

    def clean(self):
        """Have Odoo's clean-up delete the jobs that were looked at."""
        with self._lock:
            untold = self.stage.receiver.missing()
            old = [job for job in self.old_jobs if job not in untold]
            self.old_jobs = [job for job in self.old_jobs if job in untold]
        sql = self.stage.cluster.sql
        [(again,)] = sql("SELECT count(*) FROM batch_chunk WHERE job_id = ANY(%s) AND claims > 1", old)
        self.tried_again += again
        sql("UPDATE batch_job SET finished_at = finished_at - interval '60 days' WHERE id = ANY(%s)", old)
        self.stage.call_cron("base", "autovacuum_job")

    def faults(self):
        """What has grown, and which limit was exceeded, in words."""
        if self.most_limited > self.stage.most_in_flight:
            yield f"{self.most_limited} chunks were in flight under a limit of {self.stage.most_in_flight}"
        yield from self.growth()

    def growth(self):
        """What has grown from the first half of the run to the last, in words; the time it takes to warm up is left out."""
        samples = self.samples[len(self.samples) // 5 :]
        half = len(samples) // 2
        for name, title in (("process_mb", "the largest process"), ("tables_mb", "the tables"), ("connections", "connections")):
            before, after = (max((getattr(sample, name) for sample in part), default=0) for part in (samples[:half], samples[half:]))
            if after > before * GROWTH + SLACK_MB:
                yield f"{title}: {before:.0f} in the first half of the run, {after:.0f} in the last"

    def thirds(self, name):
        """The highest value in each third of the run."""
        third = max(len(self.samples) // 3, 1)
        parts = (self.samples[:third], self.samples[third : 2 * third], self.samples[2 * third :])
        return [round(max((getattr(sample, name) for sample in part), default=0)) for part in parts]


def resident(process):
    """Resident memory of a process and of those that it has started, in bytes."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                yield one.memory_info().rss
