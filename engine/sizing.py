"""Chooses the number of records in a chunk, from the measured time per record for each chunk size.

It starts small and grows step by step. A size is tried only if the time measured for a neighbouring size predicts that the
chunk stays below its target time, so a slow model never gets a chunk that takes long.
"""

from dataclasses import dataclass

SIZES = (25, 50, 100, 200, 500, 1000)
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
#: Once in this many chunks a rarely used size is measured again: one slow chunk must not rule it out for ever.
LOOK_AGAIN_EVERY = 20
#: Most time that measuring a worse size again may have lost in all, as a share of the time of all chunks.
LOOKS_SHARE = 0.02


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
    remaining: int | None = None,
    lanes: int = 1,
    is_alone: bool = False,
) -> Choice:
    """The size of the next chunk.

    :param learned: size -> (seconds per record, samples)
    :param bytes_per_record: bytes of JSON per record in this chunk
    :param target_s: seconds that the chunk should stay below; at most `TARGET_S` is used
    :param remaining: records left in the job, about: the last chunks get smaller, so that all lanes end at about the same
        time
    :param lanes: lanes that share them
    :param is_alone: only one lane works on the job: its last chunks need not be smaller
    """
    choice = _best(learned, bytes_per_record, min(target_s, TARGET_S))
    if remaining is None or is_alone:
        return choice
    share = max(remaining // (2 * lanes), SIZES[0])
    return choice if choice.size <= share else Choice(_round_down(share), is_settled=False)


def _best(learned, bytes_per_record, target_s):
    allowed = [size for size in SIZES if size * bytes_per_record <= TARGET_BYTES] or [SIZES[0]]
    known = {size: learned[size][0] for size in allowed if size in learned and learned[size][1] > 0}
    if not known:
        return Choice(allowed[0], is_settled=False)
    fits = {size: seconds for size, seconds in known.items() if seconds * size <= target_s} or {
        min(known): known[min(known)]
    }
    costs = {size: seconds + CHUNK_S / size for size, seconds in fits.items()}
    best = max(size for size, cost in costs.items() if cost <= min(costs.values()) * AS_GOOD)
    samples = {size: learned.get(size, (0.0, 0))[1] for size in allowed}
    for size in _neighbours(best, allowed):
        if samples[size] < ENOUGH_SAMPLES and known.get(size, known[best] * TOLERANCE) * size <= target_s:
            return Choice(size, is_settled=False)
    if sum(samples.values()) % LOOK_AGAIN_EVERY == 0:
        spent = sum(samples[size] * size * seconds for size, seconds in known.items())
        lost = {size: (samples[size] + 1) * size * (seconds - fits[best]) for size, seconds in fits.items()}
        if others := [size for size in fits if size != best and lost[size] <= LOOKS_SHARE * spent]:
            return Choice(min(others, key=samples.get), is_settled=False)
    return Choice(best, is_settled=True)


def _neighbours(size, allowed):
    """The next larger and the next smaller size, in this order."""
    place = allowed.index(size)
    return [*allowed[place + 1 : place + 2], *allowed[max(place - 1, 0) : place]]


def _round_down(count):
    """The largest size that is not above `count`, which is at least the smallest size."""
    return max(size for size in SIZES if size <= count)


def bucket(count: int) -> int | None:
    """The size whose time a chunk of `count` records measures; None for a remainder of another size."""
    return count if count in SIZES else None


def expected_s(learned: dict[int, tuple[float, int]], count: int) -> float:
    """Seconds that a chunk of `count` records is expected to take, from the nearest size; 0 where nothing was measured.

    :param learned: size -> (seconds per record, samples)
    """
    if not learned:
        return 0.0
    return count * learned[min(learned, key=lambda size: abs(size - count))][0]
