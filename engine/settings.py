"""The settings: their defaults, and what each may be."""

from .values import MAX_INTEGER

MAX_CHUNK_SIZE = 10_000

#: Settings and their defaults; each is the system parameter `batch_executor.<name>`.
SETTINGS = {
    "max_chunk_size": 100,
    "max_concurrency": 5,
    "retry_attempts": 3,
    "max_records": 500_000,
    "max_operations": 100_000,
    "max_jobs": 1_000,
    "execute_limit": 5_000,
    "keep_days": 30,
    "keep_draft_days": 7,
    "keep_payload_days": 7,
    "lanes": 4,
}
#: Least and greatest value, where they are not 1 and what a column holds. The same bounds hold for the option whose default it is.
BOUNDS = {
    "max_chunk_size": (0, MAX_CHUNK_SIZE),
    "max_concurrency": (1, 1000),
    "retry_attempts": (0, 100),
    "keep_days": (0, MAX_INTEGER),
    "keep_draft_days": (0, MAX_INTEGER),
    "keep_payload_days": (0, MAX_INTEGER),
    "lanes": (1, 1000),
}


def bounds(name: str) -> tuple[int, int]:
    """Least and greatest value of a setting, and of the option it is the default of."""
    return BOUNDS.get(name, (1, MAX_INTEGER))


def setting(name: str, text: str | None) -> int:
    """A setting as it stands in the system parameters: its default where that is no number, else what is nearest in its bounds."""
    try:
        value = int(text or SETTINGS[name])
    except ValueError:
        return SETTINGS[name]
    low, high = bounds(name)
    return min(max(value, low), high)
