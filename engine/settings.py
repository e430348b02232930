"""The settings: defaults and allowed values."""

from .values import MAX_INTEGER

MAX_CHUNK_SIZE = 10_000
#: A hundred years: so many days before now are still a time that PostgreSQL can compare.
MAX_DAYS = 36_500

#: Settings and their defaults; each is the system parameter `batch_executor.<name>`.
SETTINGS = {
    "max_chunk_size": 0,
    "max_concurrency": 5,
    "retry_attempts": 3,
    "max_records": 500_000,
    "max_operations": 100_000,
    "max_jobs": 1_000,
    "max_file_mib": 2_048,
    "execute_limit": 5_000,
    "keep_days": 30,
    "keep_changes_days": 0,
    "keep_draft_days": 7,
    "keep_payload_days": 7,
    "lanes": 4,
    "run_in_lists": 1,
    "fast_chatter": 1,
    "fast_load": 1,
}
#: Least and greatest value, where they are not 1 and `MAX_INTEGER`. They also hold for the option of the same name.
BOUNDS = {
    "max_chunk_size": (0, MAX_CHUNK_SIZE),
    "max_concurrency": (1, 1000),
    "retry_attempts": (0, 100),
    "keep_days": (0, MAX_DAYS),
    "keep_changes_days": (0, MAX_DAYS),
    "keep_draft_days": (0, MAX_DAYS),
    "keep_payload_days": (0, MAX_DAYS),
    "lanes": (1, 1000),
    "run_in_lists": (0, 1),
    "fast_chatter": (0, 1),
    "fast_load": (0, 1),
}


def bounds(name: str) -> tuple[int, int]:
    """Least and greatest value of a setting, and of the option of the same name."""
    return BOUNDS.get(name, (1, MAX_INTEGER))


def setting(name: str, text: str | None) -> int:
    """The value of a setting, moved into its bounds.

    :param text: of the system parameter; the default is used where it is empty or no whole number
    """
    try:
        value = int(text or SETTINGS[name])
    except ValueError:
        return SETTINGS[name]
    low, high = bounds(name)
    return min(max(value, low), high)
