"""How long a job was worked on, and when it will be over.

A `job` is a row of `batch.job`, whether as a `JobRow` or as a record: both have its columns by name.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

#: What lies beyond is no estimate (seconds).
FORESEEABLE_S = 10 * 365 * 86400
#: The pace covers at least so many seconds, or so many chunks, whichever takes longer.
PACE_S = 15.0
PACE_CHUNKS = 8
#: Seconds from the start of a job until all lanes are there that idle cron workers can run: Odoo wakes them within 0.1 s.
GATHERING_S = 0.15
#: Least seconds of a job that was worked on at all.
LEAST_S = 0.001


@dataclass(slots=True, frozen=True)
class InFlight:
    """What goes on in a running job at this moment."""

    lanes: int  #: chunks that run
    lane_s: float  #: seconds that they have been running, added up
    pending: int  #: chunks that wait for a lane, counted up to the number of lanes there are
    uncounted: int  #: records that are settled, but not in the job's counters yet


def worked_s(job, now: datetime) -> float:
    """Seconds a job was worked on until now: neither paused, nor over, nor waiting to begin."""
    if not (job.worked_s or job.worked_since):
        return 0.0
    stretch = max((now - job.worked_since).total_seconds(), 0.0) if job.worked_since else 0.0
    return max(job.worked_s + stretch, LEAST_S)


def run_records(job) -> int:
    """Records that have run in that time, those that were put back to be run again included."""
    return job.processed_records + job.failed_records + job.earlier_records


def expected_end(job, in_flight: InFlight | None, lanes: int, now: datetime) -> datetime | None:
    """When a job will be over, about; None where nothing can be said of it.

    :param in_flight: None where it does not run
    :param lanes: how many lanes there are
    """
    if not in_flight:
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
    """How many lanes will work on it, where not all that may have had the time to come."""
    if job.worked_since and (now - job.worked_since).total_seconds() > GATHERING_S:
        return in_flight.lanes
    wanted = min(in_flight.lanes + in_flight.pending, job.max_concurrency, lanes)
    return max(in_flight.lanes, wanted)


def remaining_s(
    left: int, *, paces: list[tuple[int, float]], expected_record_s: float, lanes: int, lane_s: float
) -> float | None:
    """Seconds until the end, about; None where nothing can be said yet, or the end is beyond all reason.

    By the pace of what has run; before anything has, by that of other jobs.

    :param left: records that are not settled
    :param paces: records that have run, and in how many seconds: first of late, then in all
    :param expected_record_s: what a single lane would need for a record, by what other jobs have taught; 0: unknown
    :param lanes: how many work on it
    :param lane_s: seconds that they have been at their present chunks, added up
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
    """Seconds of a lane that a record takes; None where none has run.

    Of late, unless that is mostly the time of what is still in flight.
    """
    (late_records, late_s), (records, seconds) = paces
    if late_records > 0 and late_s * lanes > 2 * lane_s:
        return (late_s * lanes - lane_s) / late_records
    return max(seconds * lanes - lane_s, 0.0) / records if records else None


def newer_origin(origin: tuple[int, float], run: int, worked_s: float, chunk_s: float) -> tuple[int, float] | None:
    """The new starting point for measuring the recent pace; None: keep the present one.

    Half way to the present: the pace is the same at that moment, and from then on what comes counts for more of it.

    :param origin: records that had run, and seconds worked by then, where it was measured from so far
    :param run: records that have run
    :param worked_s: seconds worked on the job
    :param chunk_s: seconds that a chunk takes
    """
    records, seconds = origin
    if worked_s - seconds < 2 * max(PACE_S, PACE_CHUNKS * chunk_s):
        return None
    return records + (run - records) // 2, seconds + (worked_s - seconds) / 2
