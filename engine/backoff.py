"""How long a chunk waits before its next attempt."""

import random

BASE_S = 0.2
CAP_S = 30.0


def next_delay(attempt: int, jitter=random.random) -> float:
    """Seconds to wait after a failed attempt: exponential backoff, half of it jitter.

    The jitter keeps two lanes that have collided once from colliding again.

    :param attempt: number of the attempt that failed, from 1
    :param jitter: returns a number from 0 to 1
    """
    ceiling = min(CAP_S, BASE_S * 2 ** min(attempt - 1, 16))
    return ceiling / 2 + jitter() * ceiling / 2
