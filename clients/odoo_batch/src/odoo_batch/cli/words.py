"""Numbers, progress and problems in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

#: Problems that are spelt out; of the others their number is said.
SPELT_OUT = 20
FINAL = ("completed", "partial", "failed", "cancelled")
#: How outcomes are counted in `stats`, and what they are called.
OUTCOMES = {
    "created_records": "created",
    "updated_records": "updated",
    "unchanged_records": "unchanged",
    "deleted_records": "deleted",
}


def many(count: int, thing: str) -> str:
    """`1 record`, `1,200 records`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def megabytes(size: int) -> str:
    """A number of bytes, for people."""
    return f"{size / 1_000_000:,.1f}" if size < 100_000_000 else f"{size / 1_000_000:,.0f}"


def sent(done: int, size: int) -> str:
    """How much of a file is sent."""
    return f"{megabytes(done)} of {megabytes(size)} MB sent"


def pace(status: Mapping[str, Any]) -> str:
    """How far a job is, in one line."""
    stats = status["stats"]
    parts = [f"{status['completed']:,} of {many(status['total'], 'record')}"]
    if stats["failed_records"]:
        parts.append(f"{stats['failed_records']:,} failed")
    if status["state"] == "running" and stats["records_per_second"]:
        parts.append(f"{stats['records_per_second']:,.0f}/s")
    if status["eta"] and (left := _seconds_until(status["eta"])) >= 1:
        parts.append(f"about {_span(left)} left")
    return ", ".join(parts)


def summary(status: Mapping[str, Any]) -> Iterator[str]:
    """What became of a job, or how far it is, in lines."""
    if status["state"] not in FINAL:
        yield f"Job {status['job_id']} {status['state']}: {pace(status)}."
        return
    stats = status["stats"]
    outcomes = ", ".join(f"{stats[name]:,} {word}" for name, word in OUTCOMES.items() if stats.get(name))
    counted = [
        f"{many(stats['processed_records'], 'record')} succeeded{outcomes and f' ({outcomes})'}",
        f"{stats['failed_records']:,} failed" if stats["failed_records"] else "",
        f"{stats['cancelled_records']:,} cancelled" if stats.get("cancelled_records") else "",
        f"{many(stats['warnings'], 'warning')}" if stats.get("warnings") else "",
    ]
    yield f"Job {status['job_id']} {status['state']}: {', '.join(filter(None, counted))}."
    if status["error"]:
        yield status["error"]


def problems(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The problems of a refused submission as a list: where each is, and what it is."""
    found = list(found)
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


def _seconds_until(instant: str) -> float:
    then = datetime.fromisoformat(instant.replace("Z", "+00:00"))
    return (then - datetime.now(timezone.utc)).total_seconds()


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
