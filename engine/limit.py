"""What a named limit lets start: chunks in flight, and records in any second.

A running chunk holds a share: so many records it may run in a second. It gives the share back a second after it has ended, so no
second, wherever it begins, sees more records than the limit allows. For less than one record per second, read "in that time" for "in a second".
"""

from dataclasses import dataclass, replace
from math import inf

#: A chunk takes at most one in so many parts of what the limit allows in a second: some chunks may share it, and it flows evenly.
PARTS = 4
#: Seconds that a chunk should take at most, as its share is held from its beginning: of slow records it takes fewer.
SHORT_S = 0.1
#: What is left of a chunk is stored in blocks of as many chunks, as each of them is cut again.
BLOCK = 20
#: Least and greatest numbers of a limit, besides 0.
MIN_RECORDS_PER_SECOND, MAX_RECORDS_PER_SECOND = 0.001, 1_000_000
MAX_IN_FLIGHT = 1_000_000


@dataclass(frozen=True, slots=True)
class Limit:
    """The numbers of a limit; 0 stands for no limit."""

    id: int
    name: str
    max_in_flight: int
    max_records_per_second: float

    @property
    def window_s(self) -> float:
        """Seconds in which `budget` records may run."""
        return max(1.0, 1 / self._rate) if self.max_records_per_second else 0.0

    @property
    def budget(self) -> float:
        """Records that may run in any `window_s`."""
        return max(int(self._rate), 1) if self.max_records_per_second else inf

    @property
    def _rate(self) -> float:
        """Within its bounds, whatever is stored: shares and times are stored in columns that hold no more."""
        return min(max(self.max_records_per_second, MIN_RECORDS_PER_SECOND), MAX_RECORDS_PER_SECOND)


@dataclass(frozen=True, slots=True)
class Usage:
    """What the chunks of a limit use at present."""

    in_flight: int
    records: int  #: sum of the shares that are held
    frees_s: float | None  #: until the next share of an ended chunk is given back; None: all that hold one are running
    pause_s: float  #: until anything may start, after an attempt that was rolled back


@dataclass(frozen=True, slots=True)
class Room:
    """What may start now."""

    limit: Limit
    chunks: float
    records: float
    wait_s: float | None  #: when to look again, as far as time tells; None: once a chunk has ended

    @property
    def is_open(self) -> bool:
        """Whether a chunk may start."""
        return self.chunks >= 1 and self.records >= 1

    def after(self, share: int) -> "Room":
        """What is left once a chunk has taken a share."""
        return replace(self, chunks=self.chunks - 1, records=self.records - share)


def is_allowed_rate(records_per_second: float) -> bool:
    """Whether a limit may have so many records per second: 0, which is no limit, or a number within bounds. Not NaN."""
    return records_per_second == 0 or MIN_RECORDS_PER_SECOND <= records_per_second <= MAX_RECORDS_PER_SECOND


def room(limit: Limit, usage: Usage) -> Room:
    """What a limit lets start."""
    chunks = limit.max_in_flight - usage.in_flight if limit.max_in_flight else inf
    records = limit.budget - usage.records
    wait_s = None
    if usage.pause_s > 0 and limit.max_records_per_second:
        records, wait_s = 0, usage.pause_s
    elif records < 1 <= chunks:
        wait_s = usage.frees_s
    return Room(limit, chunks, records, wait_s)


def share_of_chunk(found: Room, pace: float | None = None) -> int:
    """Most records of the next chunk, and its share.

    :param found: an open room, of a limit of records
    :param pace: seconds per record of the last chunk, if that is known
    """
    share = min(found.limit.budget // PARTS, found.records)
    if pace:
        share = min(share, SHORT_S // pace)
    return max(int(share), 1)


def share_of_whole_job(found: Room) -> int:
    """The share of a job in one transaction, which holds it to its end: half of the limit. It waits until there is room for that."""
    return max(int(found.limit.budget // 2), 1)


class Spending:
    """What a chunk has run of its share: records that fail run again, in parts, and each of these runs counts.

    :param share: records that it may run in `window_s`
    """

    def __init__(self, share: int, window_s: float):
        self.share = share
        self.window_s = window_s
        self.ended: list[tuple[float, int]] = []  # when runs have ended, and how many records they had

    def wait_s(self, now: float, records: int) -> float:
        """Seconds until so many records may run; more than the share may, once nothing else has run in the window."""
        self.ended = [(at, count) for at, count in self.ended if now - at < self.window_s]
        left = sum(count for _at, count in self.ended)
        wait_s = 0.0
        for at, count in self.ended:
            if left + records <= self.share:
                break
            left -= count
            wait_s = at + self.window_s - now
        return wait_s

    def add(self, now: float, records: int) -> None:
        """Note a run that has just ended."""
        self.ended.append((now, records))


def waits(job) -> bool:
    """Whether a job waits for its limit.

    :param job: a `JobRow` or a `batch.job` record
    """
    return bool(job.limit_id and job.waits_for_limit and not job.ready)
