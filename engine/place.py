"""Where a chunk stands in its job: the number `sequence`, which is the order in which chunks are claimed.

- A planned chunk stands at an even whole number.
- A selection at `s` finds its chunks from `s + 1` on: each as many steps further as records were found before it.
- A part cut off a chunk stands as many steps after it as records are left in that chunk.

Every chunk so has room for each of its records, and no part can get in front of another: not of one cut off before, not
of the chunk that comes next.
"""

#: The room of one record. There are not more ids than steps between two whole numbers, and a double holds both without
#: rounding in a job of up to two million planned chunks.
STEP = 2**-31
#: From one planned chunk to the next: what a selection finds lies between them.
PLANNED = 2
FOUND = 1


def planned(number: int) -> int:
    """The place of a job's planned chunk, counted from 0."""
    return number * PLANNED


def found(selection: float, before: int) -> float:
    """The place of a chunk that a selection has found.

    :param selection: the place of the selection itself
    :param before: how many records it has found before those of this chunk
    """
    return behind(selection + FOUND, before)


def behind(place: float, count: int) -> float:
    """The place of what comes so many records after the first one of a chunk."""
    return place + count * STEP
