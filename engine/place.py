"""The place of a chunk in its job: the number `sequence`. Chunks are claimed in this order.

- A planned chunk has an even whole number.
- A selection at `s` puts its chunks at `s + 1` and after: one step further for each record found before.
- A part cut off a chunk is one step behind it for each record left in that chunk.

So there is a step for each record, and parts never overtake each other or the next chunk.
"""

#: One step, for one record. There are at least as many steps between two whole numbers as there are ids, and a double holds
#: every place without rounding in jobs of up to two million planned chunks.
STEP = 2**-31
#: Distance between two planned chunks: the chunks that a selection finds go in between.
PLANNED = 2
#: Distance from a selection to the first chunk it finds.
FOUND = 1


def planned(number: int) -> int:
    """The place of a planned chunk.

    :param number: of the chunk in its job, from 0
    """
    return number * PLANNED


def found(selection: float, before: int) -> float:
    """The place of a chunk that a selection has found.

    :param selection: the place of the selection itself
    :param before: records it has found before those of this chunk
    """
    return behind(selection + FOUND, before)


def behind(place: float, count: int) -> float:
    """The place of a part whose first record comes `count` records after the first one of the chunk at `place`."""
    return place + count * STEP
