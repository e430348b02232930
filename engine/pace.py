"""The history of a job's pace, in few points: how many records had run after how many seconds of work."""

#: Most points of a history.
MOST_POINTS = 60
#: Least seconds between two points.
LEAST_STEP_S = 1.0


def with_point(points: list[list], worked_s: float, run: int) -> list[list] | None:
    """The history with the present point; None where it is too early for one.

    The points are evenly spaced: where there would be too many, their distance doubles, and those between are left out.

    :param points: `[seconds, records]`, both counted from the start of the job
    :param worked_s: seconds worked on the job
    :param run: records that have run in that time
    """
    step = LEAST_STEP_S
    while worked_s > step * MOST_POINTS:
        step *= 2
    if worked_s - (points[-1][0] if points else 0.0) < step:
        return None
    kept, last = [], 0.0
    for seconds, records in [*points, [round(worked_s, 2), run]]:
        if seconds - last >= step:
            kept.append([seconds, records])
            last = seconds
    return kept
