"""The command `load`: a file becomes a job, once, whatever interrupts the command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .._sync.job import Job
from . import exits, files, words
from .errors import UsageError
from .handover import Handover, wanted_of
from .session import Session, told
from .source import Source
from .state import State


def load(session: Session) -> int:
    """Hand the file over as a job; with `--wait`, follow it and write the records that failed.

    :returns: the exit code
    """
    arguments = session.arguments
    if arguments.failed:
        files.kind_of(arguments.failed)  # before anything is sent
    wanted = wanted_of(arguments)
    with Source(arguments.file) as source:
        config = session.client.config
        state = session.last.enter_context(State({"url": config.url, "db": config.db, "file": source.identity, **wanted}))
        job = Handover(session, source, state, wanted).job()
        failed = None
        if arguments.wait:
            session.progress.note(f"{source.name} is job {job.id}: {job.url}")
            session.follow(job, "The same command again finds it.")
            failed = _failed(session, job, source)
        session.last.callback(state.forget)
        session.answer({**job.status, "failed_file": str(failed) if failed else False}, _lines(session, job, failed))
        return exits.of_state(job.state)


def _failed(session: Session, job: Job, source: Source) -> Path | None:
    """The file with the records that failed, where there are any."""
    path = Path(session.arguments.failed) if session.arguments.failed else source.failed
    if not job.status["stats"]["failed_records"]:
        if path.exists():
            session.progress.note(f"{path} is of an earlier load: nothing has failed in this one.")
        return None
    try:
        if old := files.save_beside(job, "failures", path):
            session.progress.note(f"{path} was there already: that one is {old} now.")
    except UsageError as error:
        session.progress.note(f"{error}. Write them elsewhere: odoo-batch failures {job.id} -o FILE")
        return None
    return path


def _lines(session: Session, job: Job, failed: Path | None) -> Iterator[str]:
    yield from told(job)
    if failed:
        yield f"Records that failed: {failed}. Mend them there, and load that file."
    if session.arguments.dry_run and job.state in words.FINAL:
        yield f"It was a dry run, nothing remains. Run it for real: odoo-batch apply {job.id}"
