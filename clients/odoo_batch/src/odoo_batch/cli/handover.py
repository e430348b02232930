"""A file on its way to the server, once, whatever interrupts it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from .._sync.job import Job
from ..errors import NotFound, Refused
from .errors import Changed, UsageError
from .interrupt import first_says
from .session import Session
from .source import Source
from .state import State

MEGABYTE = 1 << 20
#: Options of a job that are options of the command.
FLAGS = ("quiet", "skip_unchanged", "track_changes", "dry_run")
OPTIONS = ("max_failures", "context", "name")
#: Parameters that say how a CSV file is read; the first ones are options of the command.
READING = (
    "separator", "encoding", "quoting", "float_thousand_separator", "float_decimal_separator", "date_format", "datetime_format",
    "name_create_enabled_fields", "import_set_empty_fields", "import_skip_records",
)  # fmt: skip
#: Options that are no business of `--option`.
RESERVED = {
    "model": "there is --model",
    "type": "there is --type",
    "key": "there is --key",
    "context": "there is --context",
    "draft": "the command starts the job itself",
    "idempotency_key": "the command makes one itself",
}
SENDING = "The file is not sent yet. The same command goes on where this one stops. Ctrl+C again leaves."
GONE = (
    "The job of an interrupted run of this command ({}) is gone, or not yours to see, so nobody knows what became of it. "
    "To load the file in a new job, add --restart."
)
KEY_TAKEN = (
    "An interrupted run of this command has sent the file in another way, so it can't be told whether it has arrived. "
    "Look at your newest jobs (odoo-batch jobs); to load the file in a new job, add --restart."
)


def wanted_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """All that decides what is stored: arguments of `load_file`.

    :raises UsageError: an option is given twice
    """
    given: dict[str, Any] = {name: True for name in FLAGS if getattr(arguments, name)}
    for name in (*OPTIONS, *READING[:2]):
        if getattr(arguments, name) is not None:
            given[name] = getattr(arguments, name)
    for name, value in arguments.option:
        if name in RESERVED:
            raise UsageError(f"--option {name} can't be set: {RESERVED[name]}.")
        if name in given:
            raise UsageError(f"{name} is given twice.")
        given[name] = value
    reading = {name: given.pop(name) for name in READING if name in given}
    return {**given, "model": arguments.model, "type": arguments.type, "key": arguments.key, "csv": reading}


class Handover:
    """Brings a file to the server: all of it, or what an interrupted run has left undone.

    :param wanted: what is to be done with it
    """

    def __init__(self, session: Session, source: Source, state: State, wanted: Mapping[str, Any]) -> None:
        self.arguments = session.arguments
        self.client = session.client
        self.show = session.progress
        self.source = source
        self.state = state
        self.wanted = {"name": source.name, **wanted}

    def job(self) -> Job:
        """The job that has the whole file, and is started; or that of an interrupted run, if somebody has cancelled it.

        :raises UsageError: the file changes while it is sent
        :raises Refused: the server refuses the file; nothing of it is stored
        :raises NotFound: the job of an interrupted run is gone
        """
        if self.arguments.restart:
            self.state.forget()
        if self.state.digest and self.state.digest != self.source.digest:
            self._give_up()
        if not self.state.digest:
            size = self.arguments.request_size
            self.state.begin(self.source.digest, size * MEGABYTE if size else self.client.piece_bytes)
        elif earlier := self._earlier():
            if earlier.state == "cancelled":  # final, whoever did it: nobody wants it to run anew
                self.show.note(f"Job {earlier.id} of an earlier run of this command was cancelled. The same command again starts a new one.")
                return earlier
            if earlier.state != "draft":
                self.show.note(f"Going on with job {earlier.id}, which an earlier run of this command has started.")
                return earlier
            self.show.note(f"Going on with job {earlier.id}, which an earlier run of this command has begun.")
        job = self._sent()
        self.state.found(job.uuid)
        return job

    def _earlier(self) -> Job | None:
        """The job of an interrupted run; None if that has not come so far.

        :raises NotFound: it was there, and is gone
        """
        if not self.state.job:
            return self.client.find_job(str(self.state.key))
        try:
            return self.client.job(self.state.job)
        except NotFound as error:
            raise NotFound(GONE.format(self.state.job)) from error

    def _give_up(self) -> None:
        """An interrupted run was about another content. What of it is not started never will be."""
        said = f"{self.source.name} has changed since an interrupted run of this command, and becomes a new job."
        earlier = self.client.find_job(str(self.state.key))
        if earlier and _is_started(earlier):
            said += f" Job {earlier.id} has it as it was."
        elif earlier and earlier.state == "draft":
            earlier.cancel()
            said += f" Job {earlier.id}, which had a part of it as it was, is cancelled."
        self.show.note(said)
        self.state.forget()

    def _sent(self) -> Job:
        """Send the file, or what of it is not there yet, and start its job."""
        self.client.piece_bytes = self.state.request_bytes
        try:
            with first_says(lambda: self.show.note(SENDING)):
                return self.client.load_file(
                    self.source.content(),
                    idempotency_key=self.state.key,
                    on_progress=lambda done, size: self.show.sent(self.source.name, done, size),
                    **self.wanted,
                )
        except Changed:
            job = self.client.find_job(str(self.state.key))
            if job and _is_started(job):  # it has arrived, as it was; just its answer was lost
                return job
            if job and job.state == "draft":
                job.cancel()
                self.state.forget()
            raise  # a request may be at work still: so the key is kept
        except Refused as refusal:
            # the last request of a killed run may have been at work still, and have done it
            job = self.client.find_job(str(self.state.key))
            if job and _is_started(job):
                return job
            if any(problem.get("key") == "idempotency_key" for problem in refusal.problems):
                raise UsageError(f"{KEY_TAKEN} ({refusal})") from refusal
            self.state.forget()  # nothing of it is stored
            raise


def _is_started(job: Job) -> bool:
    """Whether the job certainly has the whole file: it is no draft, and none that was given up."""
    return job.state not in ("draft", "cancelled")
