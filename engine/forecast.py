"""How long a job was worked on, and when it is expected to end.

In this module a `job` is a `JobRow` or a `batch.job` record: both have the same columns as attributes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

#: Longer estimates (seconds) are not shown.
FORESEEABLE_S = 10 * 365 * 86400
#: The recent pace covers at least this many seconds, or this many chunks, whichever takes longer.
PACE_S = 5.0
PACE_CHUNKS = 8
#: Seconds from the start of a job until all available lanes work on it: Odoo wakes idle cron workers within 0.1 s.
GATHERING_S = 0.15
#: Shortest working time (seconds) of a job that was worked on at all.
LEAST_S = 0.001


@dataclass(slots=True, frozen=True)
class InFlight:
    """What is running, waiting and not counted yet in a running job."""

    lanes: int  #: running chunks
    lane_s: float  #: seconds they have been running, added up
    pending: int  #: chunks that wait for a lane, counted up to the number of lanes
    uncounted: int  #: settled records that the job's counters don't include yet


def worked_s(job, now: datetime) -> float:
    """Seconds a job was worked on until now, without pauses and without the wait before its start.

    :param now: naive, in UTC
    """
    if not (job.worked_s or job.worked_since):
        return 0.0
    stretch = max((now - job.worked_since).total_seconds(), 0.0) if job.worked_since else 0.0
    return max(job.worked_s + stretch, LEAST_S)


def run_records(job) -> int:
    """Records that have run in the working time, including those that a retry has put back."""
    return job.processed_records + job.failed_records + job.earlier_records


def expected_end(job, in_flight: InFlight | None, lanes: int, now: datetime) -> datetime | None:
    """Estimated end of a job (naive, in UTC); None where there is no estimate.

    :param in_flight: None for a job that does not run
    :param lanes: number of lanes in the database
    :param now: naive, in UTC
    """
    if not in_flight or job.cancel_requested_at:  # what is left will not run
        return None
    worked, run = worked_s(job, now), run_records(job) + in_flight.uncounted
    settled = job.processed_records + job.failed_records + job.cancelled_records + in_flight.uncounted
    left_s = remaining_s(
        job.total_records - settled,
        paces=[(run - job.paced_records, worked - job.paced_s), (run, worked)],
        expected_record_s=job.expected_work / job.total_records if job.total_records else 0.0,
        lanes=_lanes_to_come(job, in_flight, lanes, now),
        lane_s=in_flight.lane_s,
    )
    return None if left_s is None else now + timedelta(seconds=left_s)


def _lanes_to_come(job, in_flight, lanes, now):
    """How many lanes work on the job; just after its start, how many soon will."""
    if job.worked_since and (now - job.worked_since).total_seconds() > GATHERING_S:
        return in_flight.lanes
    wanted = min(in_flight.lanes + in_flight.pending, job.max_concurrency, lanes)
    return max(in_flight.lanes, wanted)


def remaining_s(
    left: int, *, paces: list[tuple[int, float]], expected_record_s: float, lanes: int, lane_s: float
) -> float | None:
    """Estimated seconds until the end; None without an estimate, or where it exceeds `FORESEEABLE_S`.

    Uses the pace of this job; before any of its records has run, that of other jobs.

    :param left: records that are not settled
    :param paces: `(records that have run, seconds worked)`: of the recent past, then of the whole job
    :param expected_record_s: seconds that one lane needs per record, learned from other jobs; 0: unknown
    :param lanes: lanes that work on the job
    :param lane_s: seconds that they have spent on their present chunks, added up
    """
    lanes = max(lanes, 1)
    record_s = _record_s(paces, lanes, lane_s)
    if record_s is None:
        if not expected_record_s:
            return None
        record_s = expected_record_s
    found = max((left * record_s - lane_s) / lanes, 0.0)
    return found if found < FORESEEABLE_S else None


def _record_s(paces, lanes, lane_s):
    """Seconds that one lane needs per record; None where no record has run.

    Uses the recent pace, unless most of that time belongs to chunks still in flight.
    """
    (late_records, late_s), (records, seconds) = paces
    if late_records > 0 and late_s * lanes > 2 * lane_s:
        return (late_s * lanes - lane_s) / late_records
    return max(seconds * lanes - lane_s, 0.0) / records if records else None


def newer_origin(origin: tuple[int, float], run: int, worked_s: float, chunk_s: float) -> tuple[int, float] | None:
    """A new origin for the recent pace; None: keep the present one.

    The new origin is half way between the old one and now. The pace does not jump at that moment, and later records
    weigh more.

    :param origin: the present origin: `(records run, seconds worked)` at that time
    :param run: records that have run
    :param worked_s: seconds worked on the job
    :param chunk_s: seconds that a chunk takes
    """
    records, seconds = origin
    if worked_s - seconds < 2 * max(PACE_S, PACE_CHUNKS * chunk_s):
        return None
    return records + (run - records) // 2, seconds + (worked_s - seconds) / 2
