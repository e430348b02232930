"""What became of a job, and the problems of a file that was refused, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..progress import many, pace

#: Problems that are spelt out; of the others their number is said.
SPELT_OUT = 20
FINAL = ("completed", "partial", "failed", "cancelled")
STATES = ("draft", "pending", "running", "paused", *FINAL)
#: How outcomes are counted in `stats`, and what they are called.
OUTCOMES = {
    "created_records": "created",
    "updated_records": "updated",
    "unchanged_records": "unchanged",
    "deleted_records": "deleted",
}


def summary(status: Mapping[str, Any]) -> Iterator[str]:
    """What became of a job, or how far it is, in lines."""
    if status["state"] not in FINAL:
        yield f"Job {status['job_id']} {status['state']}: {pace(status)}."
        if status.get("waiting"):  # older servers don't say it
            yield status["waiting"]
        return
    stats = status["stats"]
    outcomes = ", ".join(f"{stats[name]:,} {word}" for name, word in OUTCOMES.items() if stats.get(name))
    counted = [
        f"{many(stats['processed_records'], 'record')} succeeded{outcomes and f' ({outcomes})'}",
        f"{stats['failed_records']:,} failed" if stats["failed_records"] else "",
        f"{stats['cancelled_records']:,} cancelled" if stats.get("cancelled_records") else "",
        many(stats["warnings"], "warning") if stats.get("warnings") else "",
    ]
    yield f"Job {status['job_id']} {status['state']}: {', '.join(filter(None, counted))}."
    if status["error"]:
        yield status["error"]


def problems(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The problems of a refused file as a list: where each is, and what it is."""
    for problem in found[:SPELT_OUT]:
        yield f"  {_place(problem)}{problem['message']}"
    if len(found) > SPELT_OUT:
        yield f"  and {many(len(found) - SPELT_OUT, 'more problem')}"


def _place(problem: Mapping[str, Any]) -> str:
    """Where a problem is: a row of the file, or places in the operations, which count from 0."""
    numbers = ("row",) if problem.get("row") else ("operation", "record")
    places = [f"{name} {problem[name]}" for name in numbers if problem.get(name, False) is not False]
    if problem.get("key"):
        places.append(str(problem["key"]))
    return f"{', '.join(places)}: " if places else ""
