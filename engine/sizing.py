"""How many records a chunk should hold, learned from how long records took in chunks of each size.

Small steps up from a small start: a size is tried only where its neighbour says that it will stay within the time a chunk
may take, so that a model that is slow, or gets slower with size, is never given a chunk that takes long.
"""

from dataclasses import dataclass

SIZES = (25, 50, 100, 200, 500, 1000)
#: Seconds a chunk should stay below: long enough for the ORM to batch, short enough to stop, show and repeat.
TARGET_S = 3.0
#: Seconds a chunk costs beside its records, about.
CHUNK_S = 0.005
#: Bytes of JSON a chunk should stay below.
TARGET_BYTES = 8_000_000
#: Chunks of a size before its time is believed.
ENOUGH_SAMPLES = 2
#: A larger size is preferred to a smaller one that seems no better than this: measurements are noisy, and small chunks a trap.
AS_GOOD = 1.03
#: Weight of the newest sample in the moving average.
NEWEST = 0.3
#: A larger size must not be worse than this to be worth a try beyond it.
TOLERANCE = 1.1
#: Once in so many chunks a size that is hardly used is looked at again: one unlucky chunk must not rule it out for ever.
LOOK_AGAIN_EVERY = 20
#: What chunks of a size that seems worse may have cost in all, of the time of all chunks.
LOOKS_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Choice:
    """The size of the next chunk, and whether those after it may have the same."""

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
    :param bytes_per_record: how large the records of this chunk are
    :param target_s: seconds it should stay below
    :param remaining: records the job has left, about; the last chunks are smaller, so that no lane is left alone
        with a large one
    :param lanes: how many lanes share them
    :param is_alone: whether it is known that there is one only, and so nobody to be left something for
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
    """The next larger and the next smaller size, the larger first."""
    place = allowed.index(size)
    return [*allowed[place + 1 : place + 2], *allowed[max(place - 1, 0) : place]]


def _round_down(count):
    return max(size for size in SIZES if size <= count)


def bucket(count: int) -> int | None:
    """The size a chunk of `count` records stands for; None where it is a remainder that tells nothing."""
    return count if count in SIZES else None


def expected_s(learned: dict[int, tuple[float, int]], count: int) -> float:
    """Seconds that a chunk of `count` records will take, by the size nearest to it; 0 where nothing was learned yet."""
    if not learned:
        return 0.0
    return count * learned[min(learned, key=lambda size: abs(size - count))][0]
