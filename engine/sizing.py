"""Chooses the number of records in a chunk, from the measured time per record for each chunk size.

It starts with a size that suits most models and goes up or down step by step. A size is tried only if the time measured for a
neighbouring size predicts that the chunk stays below its target time, so a slow model never gets a chunk that takes long.

Records of one job may be much slower than those that taught: its first chunk is small, and what that takes holds for all sizes.
"""

from dataclasses import dataclass
from math import ceil

SIZES = (25, 50, 100, 200, 500, 1000)
#: The first chunk of a model that nothing is known of; see `first`, too.
START = 100
#: Target time of a chunk (seconds): long enough for the ORM to batch, short enough to pause, show progress and retry.
TARGET_S = 3.0
#: Approximate overhead of a chunk, in seconds.
CHUNK_S = 0.005
#: Most bytes of JSON in a chunk.
TARGET_BYTES = 8_000_000
#: Chunks of a size that make its measured time reliable.
ENOUGH_SAMPLES = 2
#: The largest size within this factor of the lowest cost is chosen: measurements are noisy, and small chunks cost more overhead.
AS_GOOD = 1.03
#: Weight of the newest sample in the exponential moving average.
NEWEST = 0.3
#: An unknown size is expected to take up to this factor more time per record than the best one; and no size less time, by more than
#: this factor, than the last chunk of its job.
TOLERANCE = 1.1
#: A size that took this factor more time per record is not measured a second time.
HOPELESS = 1.3
#: A chunk that took this factor more time than its size did before: what was known of that size counts as one sample.
SURPRISE = 2.0
#: Most seconds that an interrupted chunk teaches: one record that hangs says nothing of the others.
INTERRUPTED_S = 2 * TARGET_S
#: A larger size is tried for the first time with twice its records where these are expected to take no more than this share of the
#: target time: the first job of a fast model needs fewer chunks. They may take longer, if a model slows down with the chunk.
SHORT = 1 / 3
#: Once in this many chunks a rarely used size is measured again: one slow chunk must not rule it out for ever.
LOOK_AGAIN_EVERY = 20
#: Most time that measuring a worse size again may have lost in all, as a share of the time of all chunks.
LOOKS_SHARE = 0.02
#: Share of its time after which an attempt with a failing record fails, on average.
FAILS_AFTER = 0.5
#: Most records in a chunk that is undone as a whole if one of its records fails: the others did nothing wrong.
MOST_UNDONE = 100
#: Records in chunks that are run as they were planned, because nobody claims them one by one: see `uncut`.
UNCUT = 200
#: The end of a job is divided among its lanes in chunks of about this many seconds: what they differ by, some lanes wait for.
LAST_S = 1.5


@dataclass(frozen=True, slots=True)
class Choice:
    """The size (records) of the next chunk, and whether the chunks after it may have the same."""

    size: int
    is_settled: bool


def choose(
    learned: dict[int, tuple[float, int]],
    bytes_per_record: float = 0.0,
    *,
    target_s: float = TARGET_S,
    most: int = SIZES[-1],
    failing: float = 0.0,
) -> Choice:
    """The size of the next chunk.

    :param learned: size -> (seconds per record, samples)
    :param bytes_per_record: bytes of JSON per record in this chunk
    :param target_s: seconds that the chunk should stay below; at most `TARGET_S` is used
    :param most: most records
    :param failing: share of the job's records that have failed so far. The more, the smaller are its chunks, as a chunk in which
        one fails runs again in halves
    """
    allowed = [size for size in SIZES if size <= most and size * bytes_per_record <= TARGET_BYTES] or [SIZES[0]]
    known = {size: learned[size][0] for size in allowed if size in learned and learned[size][1] > 0}
    target = min(target_s, TARGET_S)
    if not known:
        return Choice(max(size for size in allowed if size <= _start(target)), is_settled=False)
    costs = {size: seconds + CHUNK_S / size for size, seconds in known.items() if seconds * size <= target}
    if not costs:
        smallest = min(known)
        fitting = [size for size in allowed if size < smallest and size * known[smallest] <= target]
        return Choice(max(fitting, default=allowed[0]), is_settled=False)
    if failing:
        return Choice(_best_for_failing(learned, allowed, target, failing), is_settled=False)
    best = max(size for size, cost in costs.items() if cost <= min(costs.values()) * AS_GOOD)
    samples = {size: learned.get(size, (0.0, 0))[1] for size in allowed}
    for size in _neighbours(best, allowed):
        expected = known.get(size, known[best] * TOLERANCE)
        if samples[size] < ENOUGH_SAMPLES and expected * size <= target and expected <= known[best] * HOPELESS:
            twice = 2 * size
            leaps = size > best and not samples[size] and twice <= allowed[-1] and expected * twice <= SHORT * target
            return Choice(twice if leaps else size, is_settled=False)
    if sum(samples.values()) % LOOK_AGAIN_EVERY == 0:
        spent = sum(samples[size] * size * seconds for size, seconds in known.items())
        # also what has become too slow, if it would not be at the pace of the best: that may have been bad luck
        fitting = [size for size in known if known[best] * TOLERANCE * size <= target and known[size] * size <= 2 * target]
        lost = {size: (samples[size] + 1) * size * (known[size] - known[best]) for size in {*costs, *fitting}}
        if others := [size for size in lost if size != best and lost[size] <= LOOKS_SHARE * spent]:
            return Choice(min(others, key=samples.get), is_settled=False)
    return Choice(best, is_settled=True)


def first(choice: Choice, target_s: float = TARGET_S) -> Choice:
    """The size of the first chunk that a lane runs of a job: nobody knows how long the records of this job take.

    A small job is not cut into more chunks for that.

    :param choice: what would be chosen for a later one
    :param target_s: as for `choose`
    """
    start = _start(target_s)
    return choice if choice.size <= 2 * start else Choice(start, is_settled=False)


def at_pace(learned: dict[int, tuple[float, int]], pace: float | None) -> dict[int, tuple[float, int]]:
    """What was learned, corrected by the last chunk of the job: no size is expected to be much faster than that.

    :param learned: as for `choose`
    :param pace: seconds per record of that chunk; None where there was none
    """
    if not pace:
        return learned
    return {size: (max(seconds, pace / TOLERANCE), samples) for size, (seconds, samples) in learned.items()}


def share(choice: Choice, learned: dict[int, tuple[float, int]], left: float, lanes: int) -> Choice:
    """The size of the next chunk where several lanes work on a job: its last chunks are such that all lanes end at about the same time.

    :param choice: what would be chosen for a lane that is alone
    :param learned: as for `choose`
    :param left: records left in the job, those that lanes are at work on included
    :param lanes: lanes that share them, this one included
    """
    fair = left / lanes
    if fair >= 1.5 * choice.size:
        return choice
    chunks = max(round(expected_s(learned, fair) / LAST_S), 1)
    size = max(ceil(fair / chunks), SIZES[0])
    return choice if choice.size <= size else Choice(size, is_settled=False)


def _start(target_s):
    """Records of a first chunk. A job with a timeout knows how long its records may take, and we do not."""
    return START if target_s >= TARGET_S else SIZES[0]


def _best_for_failing(learned, allowed, target_s, failing):
    """The best size where records fail; chunks with a failure are not measured, so sizes that are unknown are not tried first."""
    costs = {}
    for size in allowed:
        seconds = expected_s(learned, size) / size * (1 if size in learned else TOLERANCE)
        if seconds * size <= target_s or size == allowed[0]:
            costs[size] = (seconds + CHUNK_S / size) * (1 + FAILS_AFTER * _attempts_in_vain(size, failing))
    return min(costs, key=costs.get)


def _attempts_in_vain(size, failing):
    """How often a record runs in vain, together with one that fails: in the whole chunk, in its half, and so on."""
    attempts = 0.0
    while size > 1:
        attempts += 1 - (1 - failing) ** size
        size /= 2
    return attempts


def _neighbours(size, allowed):
    """The next larger and the next smaller size, in this order."""
    place = allowed.index(size)
    return [*allowed[place + 1 : place + 2], *allowed[max(place - 1, 0) : place]]


def uncut(timeout_s: float | None) -> int:
    """Records in a chunk whose size is neither given nor learned.

    :param timeout_s: of the job, for an attempt at one chunk: those that keep it in chunks of `START` should not have to run in halves
    """
    return START if timeout_s else UNCUT


def bucket(count: int) -> int | None:
    """The size whose time a chunk of `count` records measures: the next lower one; None for a small remainder."""
    return max((size for size in SIZES if size <= count), default=None)


def kind_of(operation_type: str, params: dict) -> str:
    """What times are learned for, beside the model: a type of operation; each method and each action by itself.

    :param params: of the chunk's payload
    """
    what = params.get("method") or params.get("action")
    return f"{operation_type} {what}" if what else operation_type


def expected_s(learned: dict[int, tuple[float, int]], count: float) -> float:
    """Seconds that a chunk of `count` records is expected to take, from the nearest size; 0 where nothing was measured.

    :param learned: size -> (seconds per record, samples)
    """
    if not learned:
        return 0.0
    return count * learned[min(learned, key=lambda size: abs(size - count))][0]
