"""The metrics of this database in the formats that Prometheus reads, by the package `prometheus_client`."""

from itertools import accumulate

from odoo.modules.module import Manifest

from ..engine import metrics, states
from ..store import metrics as store
from ..store.awake import lanes_awake
from .settings import get_setting

#: States of jobs whose records wait for a lane.
WAITING = (states.PENDING, states.RUNNING, states.PAUSED)


def exposition(env, accept):
    """All metrics as text.

    :param env: any environment
    :param str accept: the request's header; decides between the format of Prometheus and OpenMetrics
    :returns: `(bytes, content type)`
    :raises ImportError: `prometheus_client` is not installed
    """
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(values(env), env.cr.dbname))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def values(env):
    """The value of each sample by its key, see `engine.metrics.key`; zeros may be missing.

    :param env: any environment; numbers are over all users and companies
    """
    cr = env.cr
    found = {**store.totals(cr), **_of_jobs(store.unfinished_jobs(cr))}
    found["chunks_running"], found["oldest_running_chunk_seconds"] = store.running_chunks(cr)
    found["lanes_configured"], found["lanes_awake"] = get_setting(env, "lanes"), lanes_awake(cr)
    found["lane_last_seen_seconds"] = 0 if found["lanes_awake"] else store.last_seen_s(cr)
    return found


def _of_jobs(rows):
    """What there is to tell of unfinished jobs.

    :param rows: of `store.metrics.unfinished_jobs`
    """
    found = {"records_waiting": 0, "oldest_waiting_seconds": 0}
    for row in rows:
        state = metrics.SCHEDULED if row["state"] == states.PENDING and row["is_scheduled"] else row["state"]
        name = metrics.key("jobs", state)
        found[name] = found.get(name, 0) + row["jobs"]
        if row["state"] in WAITING:
            found["records_waiting"] += row["records"]
        if state == states.PENDING:
            found["oldest_waiting_seconds"] = max(row["waiting_s"], 0)
    return found


class _Collector:
    """What `prometheus_client` asks for the metrics.

    :param dict found: of `values`
    :param str database: name of the database
    """

    def __init__(self, found, database):
        self.found = found
        self.database = database

    def collect(self):
        """Yield each metric, with all its samples."""
        from prometheus_client import core

        families = {metrics.COUNTER: core.CounterMetricFamily, metrics.GAUGE: core.GaugeMetricFamily}
        for name, metric in metrics.METRICS.items():
            if metric.kind == metrics.INFO:
                about = {"version": Manifest.for_addon("batch_executor").version, "database": self.database}
                yield core.InfoMetricFamily(metrics.PREFIX.rstrip("_"), metric.help, value=about)
            elif metric.kind == metrics.HISTOGRAM:
                total = self.found.get(metrics.key(name, metrics.SUM), 0)
                yield core.HistogramMetricFamily(metrics.PREFIX + name, metric.help, buckets=self._buckets(), sum_value=total)
            else:
                family = families[metric.kind](metrics.PREFIX + name, metric.help, labels=[metric.label] if metric.label else [])
                for value in metric.values or (None,):
                    family.add_metric([value] if value else [], self.found.get(metrics.key(name, value), 0))
                yield family

    def _buckets(self):
        counts = (self.found.get(metrics.key(metrics.CHUNK_DURATION, bound), 0) for bound in metrics.BUCKETS)
        return list(zip(metrics.BUCKETS, accumulate(counts), strict=True))
