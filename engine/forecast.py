"""When a running job will be over."""


def remaining_s(
    total: int, settled: int, *, elapsed_s: float, expected_s: float, lanes: int, lane_s: float
) -> float | None:
    """Seconds until the end, about; None where nothing can be said yet.

    By the pace of what is settled; before anything is, by that of other jobs.

    :param total: records of the job
    :param settled: how many of them are settled
    :param elapsed_s: since its start
    :param expected_s: what a single lane would need for all of it, by what other jobs have taught; 0: unknown
    :param lanes: how many work on it
    :param lane_s: seconds that they have been at their present chunks, added up
    """
    lanes = max(lanes, 1)
    if settled:
        record_s = max(elapsed_s * lanes - lane_s, 0.0) / settled
    elif expected_s and total:
        record_s = expected_s / total
    else:
        return None
    return max(((total - settled) * record_s - lane_s) / lanes, 0.0)
