"""When a running job will be over."""

#: What lies beyond is no estimate (seconds).
FORESEEABLE_S = 10 * 365 * 86400
#: The pace covers at least so many seconds, or so many chunks, whichever takes longer.
PACE_S = 15.0
PACE_CHUNKS = 8


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
