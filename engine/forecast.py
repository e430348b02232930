"""When a running job will be over."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InFlight:
    """What the counters of a job do not show yet."""

    lanes: int = 0  # that work on it
    lane_s: float = 0.0  # seconds that these have been at their chunks, added up
    uncounted: int = 0  # records settled since the job was last counted


def remaining_s(total: int, settled: int, elapsed_s: float, expected_s: float, in_flight: InFlight) -> float | None:
    """Seconds until the end, about; None where nothing can be said yet.

    By the pace of what is settled; before anything is, by that of other jobs.

    :param total: records of the job
    :param settled: how many of them its counters show as settled
    :param elapsed_s: since its start
    :param expected_s: what a single lane would need for all of it, by what other jobs have taught; 0: unknown
    """
    lanes = max(in_flight.lanes, 1)
    settled += in_flight.uncounted
    if settled:
        record_s = max(elapsed_s * lanes - in_flight.lane_s, 0.0) / settled
    elif expected_s and total:
        record_s = expected_s / total
    else:
        return None
    return max(((total - settled) * record_s - in_flight.lane_s) / lanes, 0.0)
