"""How many records a chunk should hold, learned from how long records took in chunks of each size.

Small steps up from a small start: a size is tried only where its neighbour says that it will stay within the time a chunk
may take, so that a model that is slow, or gets slower with size, is never given a chunk that takes long.
"""

SIZES = (25, 50, 100, 200, 500, 1000)
#: Seconds a chunk should stay below: long enough for the ORM to batch, short enough to stop, show and repeat.
TARGET_S = 3.0
#: Bytes of JSON a chunk should stay below.
TARGET_BYTES = 8_000_000
#: Chunks of a size before its time is believed.
ENOUGH_SAMPLES = 2
#: Weight of the newest sample in the moving average.
NEWEST = 0.3
#: A larger size must not be worse than this to be worth a try beyond it.
TOLERANCE = 1.1


def choose(learned: dict[int, tuple[float, int]], bytes_per_record: float = 0.0) -> int:
    """The size of the next chunk.

    :param learned: size -> (seconds per record, samples)
    :param bytes_per_record: how large the records of this chunk are
    """
    allowed = [size for size in SIZES if size * bytes_per_record <= TARGET_BYTES] or [SIZES[0]]
    known = {size: learned[size][0] for size in allowed if size in learned and learned[size][1] > 0}
    if not known:
        return allowed[0]
    fits = {size: seconds for size, seconds in known.items() if seconds * size <= TARGET_S} or {
        min(known): known[min(known)]
    }
    best = min(fits, key=fits.get)
    for neighbour in _neighbours(best, allowed):
        samples = learned.get(neighbour, (0.0, 0))[1]
        predicted = known.get(neighbour, known[best] * TOLERANCE)
        if samples < ENOUGH_SAMPLES and predicted * neighbour <= TARGET_S:
            return neighbour
    return best


def _neighbours(size, allowed):
    """The next larger and the next smaller size, the larger first."""
    place = allowed.index(size)
    return [*allowed[place + 1 : place + 2], *allowed[max(place - 1, 0) : place]]


def bucket(count: int) -> int | None:
    """The size a chunk of `count` records stands for; None where it is a remainder that tells nothing."""
    return count if count in SIZES else None
