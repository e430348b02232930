"""Exit codes: what scripts are told."""

from __future__ import annotations

DONE, ERROR, PARTIAL, FAILED, REFUSED, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 4, 130, 143


def of_state(state: str) -> int:
    """The exit code of a job in this state; a job that has not ended is no failure."""
    return {"partial": PARTIAL, "failed": FAILED, "cancelled": FAILED}.get(state, DONE)
