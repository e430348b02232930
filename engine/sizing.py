"""Chooses the number of records in a chunk, from the measured time per record for each chunk size.

It starts with a size that suits most models and goes up or down step by step. A size is tried only if the time measured for a
neighbouring size predicts that the chunk stays below its target time, so a slow model never gets a chunk that takes long.
"""

from dataclasses import dataclass
from math import ceil

SIZES = (25, 50, 100, 200, 500, 1000)
#: The first chunk of a model that nothing is known of.
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
#: An unknown size is expected to take up to this factor more time per record than the best one.
TOLERANCE = 1.1
#: A size that took this factor more time per record is not measured a second time.
HOPELESS = 1.3
#: Once in this many chunks a rarely used size is measured again: one slow chunk must not rule it out for ever.
LOOK_AGAIN_EVERY = 20
#: Most time that measuring a worse size again may have lost in all, as a share of the time of all chunks.
LOOKS_SHARE = 0.02
#: Share of its time after which an attempt with a failing record fails, on average.
FAILS_AFTER = 0.5
#: Most records in a chunk that is undone as a whole if one of its records fails: the others did nothing wrong.
MOST_UNDONE = 100
#: Records in chunks that are run as they were planned, because nobody claims them one by one.
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
        # a job with a timeout knows how long its records may take, and we do not
        start = START if target == TARGET_S else SIZES[0]
        return Choice(max(size for size in allowed if size <= start), is_settled=False)
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
            return Choice(size, is_settled=False)
    if sum(samples.values()) % LOOK_AGAIN_EVERY == 0:
        spent = sum(samples[size] * size * seconds for size, seconds in known.items())
        lost = {size: (samples[size] + 1) * size * (known[size] - known[best]) for size in costs}
        if others := [size for size in costs if size != best and lost[size] <= LOOKS_SHARE * spent]:
            return Choice(min(others, key=samples.get), is_settled=False)
    return Choice(best, is_settled=True)


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


def bucket(count: int) -> int | None:
    """The size whose time a chunk of `count` records measures; None for a remainder of another size."""
    return count if count in SIZES else None


def expected_s(learned: dict[int, tuple[float, int]], count: float) -> float:
    """Seconds that a chunk of `count` records is expected to take, from the nearest size; 0 where nothing was measured.

    :param learned: size -> (seconds per record, samples)
    """
    if not learned:
        return 0.0
    return count * learned[min(learned, key=lambda size: abs(size - count))][0]
