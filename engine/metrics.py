"""The metrics that the addon tells: their names and meanings; and what is counted of chunks that were just settled."""

from collections import Counter
from dataclasses import dataclass

from . import states, verdict
from .effects import EFFECT_COLUMNS, EFFECTS

PREFIX = "batch_executor_"
COUNTER, GAUGE, HISTOGRAM, INFO = "counter", "gauge", "histogram", "info"
#: What became of records and chunks. Of a chunk, partial: some of its records failed. Not run: cancelled, or skipped for what they depend on.
SUCCEEDED, PARTIAL, FAILED, NOT_RUN = "succeeded", "partial", "failed", "not_run"
#: A pending job whose `run_at` lies ahead; beside the states of jobs that are not finished.
SCHEDULED = "scheduled"
#: Upper bounds of the histogram of chunks, in seconds.
BUCKETS = ("0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0", "300.0", "+Inf")
#: The histogram; its parts are stored under `part_of_histogram`, its sum with `SUM`.
CHUNK_DURATION, SUM = "chunk_duration_seconds", "sum"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its kind (`COUNTER`, `GAUGE`, `HISTOGRAM`, `INFO`), its meaning in words, the name of its label and all values that it may have."""

    kind: str
    help: str
    label: str | None = None
    values: tuple[str, ...] = ()


#: By name, without `PREFIX`. Prometheus appends `_total` to the names of counters.
METRICS = {
    "info": Metric(INFO, "Version of the addon, and name of the database."),
    # from tables, at the moment of the question
    "jobs": Metric(GAUGE, "Jobs that are not finished.", "state", (states.DRAFT, SCHEDULED, states.PENDING, states.RUNNING, states.PAUSED)),
    "records_waiting": Metric(GAUGE, "Records of pending, running and paused jobs that have not run yet."),
    "oldest_waiting_seconds": Metric(GAUGE, "Seconds that the oldest pending job has waited for its first chunk."),
    "chunks_running": Metric(GAUGE, "Chunks that lanes run, those of lost workers included until they are taken over."),
    "oldest_running_chunk_seconds": Metric(GAUGE, "Seconds that the oldest running chunk has run."),
    "lanes_configured": Metric(GAUGE, "Lanes that are scheduled actions: the setting."),
    "lanes_awake": Metric(GAUGE, "Lanes that are connected, whether they run a chunk or wait for one."),
    "lane_last_seen_seconds": Metric(GAUGE, "Seconds since a lane was seen; 0 while one is awake."),
    # counted since the installation
    "records": Metric(COUNTER, "Records by what became of them, dry runs included, each time they ran.", "outcome", (SUCCEEDED, FAILED, NOT_RUN)),
    "record_effects": Metric(COUNTER, "Records that succeeded, by what was done to them.", "effect", EFFECTS),
    "warnings": Metric(COUNTER, "Warnings of Odoo about records."),
    "chunks": Metric(COUNTER, "Chunks that have ended, by what became of their records.", "outcome", (SUCCEEDED, PARTIAL, FAILED, NOT_RUN)),
    "jobs_ended": Metric(COUNTER, "Ends of jobs; a job that is retried ends again.", "state", states.JOB_FINAL),
    "chunk_retries": Metric(
        COUNTER, "Attempts at chunks that were interrupted and are made again, whole or in halves.", "reason",
        (verdict.CONFLICT, verdict.TIMEOUT, verdict.LOST, verdict.ENDED),
    ),
    "lost_workers": Metric(COUNTER, "Chunks whose worker was gone."),
    "lane_busy_seconds": Metric(COUNTER, "Seconds that lanes have worked on chunks, interrupted attempts included."),
    CHUNK_DURATION: Metric(HISTOGRAM, "Seconds that chunks took which have run to their end."),
}  # fmt: skip


def key(name: str, value: str | None = None) -> str:
    """The key under which a counter is stored.

    :param name: of `METRICS`
    :param value: of its label, if it has one
    """
    return f"{name}:{value}" if value else name


def of_chunks(chunks: list[dict], is_atomic: bool) -> dict[str, float]:
    """What settled chunks of one job add to the counters, by their keys.

    :param chunks: with kind, state, duration and their counts of records
    :param is_atomic: whether the job is one transaction: its driver's time contains that of the others
    """
    counts: Counter[str] = Counter()
    for chunk in chunks:
        duration, has_records = chunk["duration"] or 0.0, chunk["kind"] in (states.RECORDS, states.RESOLVE)
        if has_records:
            _add_records(counts, chunk)
        if has_records and chunk["state"] == states.DONE:
            counts[key(CHUNK_DURATION, bucket(duration))] += 1
            counts[key(CHUNK_DURATION, SUM)] += duration
        if not (has_records and is_atomic):
            counts["lane_busy_seconds"] += duration
    return counts


def _add_records(counts, chunk):
    """Add the counts of records of a chunk, and the chunk by what became of them."""
    succeeded, failed, not_run = (chunk[f"{name}_records"] or 0 for name in ("processed", "failed", "cancelled"))
    counts[key("records", SUCCEEDED)] += succeeded
    counts[key("records", FAILED)] += failed
    counts[key("records", NOT_RUN)] += not_run
    for effect, column in zip(EFFECTS, EFFECT_COLUMNS, strict=True):
        counts[key("record_effects", effect)] += chunk[column] or 0
    counts["warnings"] += chunk["warning_count"] or 0
    if failed:
        outcome = PARTIAL if succeeded else FAILED
    else:
        outcome = NOT_RUN if not_run and not succeeded else SUCCEEDED
    counts[key("chunks", outcome)] += 1


def bucket(duration: float) -> str:
    """The least of `BUCKETS` that a chunk which took so many seconds is counted in."""
    return next(bound for bound in BUCKETS if duration <= float(bound))
