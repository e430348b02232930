"""How long a chunk waits before its next attempt."""

import random

BASE_S = 0.2
CAP_S = 30.0


def next_delay(attempt: int, jitter=random.random) -> float:
    """Seconds before the attempt after `attempt` (1-based): exponential, half of it jitter.

    The jitter keeps two lanes that have collided once from colliding again in step.
    """
    ceiling = min(CAP_S, BASE_S * 2 ** min(attempt - 1, 16))
    return ceiling / 2 + jitter() * ceiling / 2
