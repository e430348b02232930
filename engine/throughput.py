"""How many records have run in each of the last minutes, from the histories of jobs."""

from collections.abc import Iterable
from dataclasses import dataclass

MINUTE_S = 60.0


@dataclass(slots=True, frozen=True)
class History:
    """What is known of a job's pace."""

    ended_s: float  #: seconds since its end; 0 while it runs
    worked_s: float  #: seconds worked on it
    run: int  #: records that have run in that time
    points: list  #: of `engine.pace`


def per_minute(histories: Iterable[History], minutes: int) -> list[int]:
    """Records run in each of the last minutes, the present one last.

    Records between two points of a history are spread evenly; pauses are not known, so that those before a pause seem later.
    """
    sums = [0.0] * minutes
    for history in histories:
        before_s, before = 0.0, 0
        for after_s, after in [*history.points, [history.worked_s, history.run]]:
            since = history.ended_s + max(history.worked_s - before_s, 0.0)
            until = history.ended_s + max(history.worked_s - after_s, 0.0)
            _spread(sums, since, until, after - before)
            before_s, before = after_s, after
    return [round(count) for count in reversed(sums)]


def _spread(sums, since, until, count):
    """Add records to the minutes, counted back from now, in which they ran.

    :param since: seconds ago when the first of them began
    :param until: seconds ago when the last of them ended
    """
    if count <= 0:
        return
    if since - until < 0.001:
        since = until + 0.001
    first = int(until // MINUTE_S)
    for minute in range(first, min(int(since // MINUTE_S) + 1, len(sums))):
        shared_s = min(since, (minute + 1) * MINUTE_S) - max(until, minute * MINUTE_S)
        sums[minute] += count * max(shared_s, 0.0) / (since - until)
