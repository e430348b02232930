"""The commands about jobs that are there: status, jobs, failures, export, and the verbs that change one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._sync.job import Job
from . import exits, files
from .session import Session, told


def status(session: Session) -> int:
    """How far a job is."""
    return session.end(session.job())


def jobs(session: Session) -> int:
    """The newest jobs."""
    found = session.client.jobs(limit=session.arguments.limit, state=session.arguments.state)
    statuses = [job.status for job in found]
    session.answer(statuses, _table([_row(status) for status in statuses]) if statuses else ["No jobs."])
    return exits.DONE


def failures(session: Session) -> int:
    """The failed records of a job: a list, or a file."""
    job = session.job()
    if session.arguments.output or session.arguments.format:
        return files.write(session, job, "failures")
    found = job.failures()
    session.answer(found, map(_failure, found) if found else ["No failures."])
    return exits.DONE


def export(session: Session) -> int:
    """Results, failures or changes of a job as a file."""
    return files.write(session, session.job(), session.arguments.what)


def change(session: Session) -> int:
    """Call the verb that has the command's name, and say what the job is now."""
    verb = session.arguments.command
    job: Job = getattr(session.job(), verb)()
    if verb in ("cancel", "pause"):
        # that is what was asked for, whatever it means to the records
        if verb == "cancel" and session.arguments.wait:
            session.follow(job)
        session.answer(job.status, told(job))
        return exits.DONE
    return session.end(job)


def _row(status: Mapping[str, Any]) -> Sequence[str]:
    failed = status["stats"]["failed_records"]
    done = f"{status['completed']:,}/{status['total']:,}"
    created = status["created_at"].partition(".")[0].replace("T", " ").rstrip("Z")
    return str(status["job_id"]), status["state"], done, f"{failed:,} failed" if failed else "", created, status["name"]


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _failure(failure: Mapping[str, Any]) -> str:
    place = f"row {failure['row']}" if failure.get("row") else f"{failure['operation_id']}, record {failure['index']}"
    return f"{place}: {failure['error_type']}: {failure['error']}"
