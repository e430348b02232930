"""Files that the server makes of a job, written here."""

from __future__ import annotations

import filecmp
import shutil
import sys
import tempfile
from pathlib import Path

from .._sync.job import Job
from . import exits
from .errors import UsageError
from .session import Session, even_unread
from .source import AnyPath

#: The forms of a file, by the end of its name.
KINDS = {"csv": "csv", "ndjson": "ndjson", "jsonl": "ndjson", "xlsx": "xlsx"}


def kind_of(name: str, wanted: str | None = None) -> str:
    """The form of a file: what is wanted, or what its name says.

    :raises UsageError: neither says it
    """
    kind = wanted or KINDS.get(Path(name).suffix[1:].lower())
    if not kind:
        raise UsageError(f"The form of {name} can't be told by its name: it ends in none of .{', .'.join(KINDS)}. Name it by --format.")
    return kind


def write(session: Session, job: Job, what: str) -> int:
    """Write `results`, `failures` or `changes` of a job where the arguments want it."""
    output, wanted = session.arguments.output, session.arguments.format
    if output in (None, "-"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / what
            job.download(f"{what}.{wanted or 'csv'}", file)
            with file.open("rb") as written, even_unread():
                shutil.copyfileobj(written, sys.stdout.buffer)
                sys.stdout.buffer.flush()
        return exits.DONE
    save(job, what, Path(output), wanted)
    session.answer({"job_id": job.id, "file": output}, [f"{what.capitalize()} of job {job.id}: {output}"])
    return exits.DONE


def save(job: Job, what: str, path: Path, wanted: str | None = None) -> None:
    """Write `results`, `failures` or `changes` of a job to a file, which is there whole or not at all.

    :raises UsageError: the file can't be written, or its form is not known
    """
    try:
        job.download(f"{what}.{kind_of(path.name, wanted)}", path)
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error}") from error


def old_of(path: AnyPath) -> AnyPath:
    """Where a file is kept that was there before."""
    return path.with_name(f"{path.stem}.old{path.suffix}")


def save_beside(job: Job, what: str, path: Path) -> Path | None:
    """As `save`, but what is there already is kept under another name, as somebody may be at work on it.

    :returns: the other name; None: nothing was there, or the same
    """
    new = path.with_name(f"{path.name}.new")
    save(job, what, new, kind_of(path.name))
    old = old_of(path)
    try:
        is_kept = path.exists() and not filecmp.cmp(path, new, shallow=False)
        if is_kept:
            path.replace(old)
        new.replace(path)
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error}") from error
    return old if is_kept else None
