"""What every command works with."""

from __future__ import annotations

import argparse
import codecs
import errno
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from .._sync.client import Client
from .._sync.job import Job
from ..progress import Silence
from . import exits, words
from .interrupt import first_says
from .names import job_name


@dataclass
class Session:
    """A run of the command.

    :ivar client: calls the server
    :ivar arguments: those of the command line
    :ivar progress: shows how far it is
    :ivar last: what is done in the last moment of the process
    """

    client: Client
    arguments: argparse.Namespace
    progress: Silence
    last: ExitStack

    def job(self) -> Job:
        """The job that the arguments name.

        :raises UsageError: it is one of another server
        """
        return self.client.job(job_name(self.arguments.job, self.client.config.url))

    def answer(self, value: Any, lines: Iterable[str]) -> None:
        """Print the answer of the command: as JSON, or as lines for people."""
        self.progress.close()
        text = as_json(value) if self.arguments.json else "\n".join(lines)
        with even_unread():
            print(text, flush=True)

    def follow(self, job: Job, hint: str = "") -> None:
        """Wait for the end of a job, and show how far it is.

        :param hint: how to go on besides, said where somebody presses Ctrl+C
        """
        ways = f"Follow it: odoo-batch status {job.id} --wait. Cancel it: odoo-batch cancel {job.id}."
        text = f"Job {job.id} goes on without this command. {hint}{hint and ' '}{ways} Ctrl+C again leaves."
        with first_says(lambda: self.progress.note(text)):
            job.wait(progress=self.progress.show)

    def end(self, job: Job) -> int:
        """Follow a job if that is wanted, say what became of it, and give the exit code."""
        if self.arguments.wait:
            self.follow(job)
        self.answer(job.status, told(job))
        return exits.of_state(job.state)


def as_json(value: Any) -> str:
    """A value as JSON for standard output: where that is not in UTF-8, as on Windows, what is no ASCII is escaped as JSON does it."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return json.dumps(value, ensure_ascii=not codecs.lookup(encoding).name.startswith("utf"))


@contextmanager
def even_unread() -> Iterator[None]:
    """Writing to standard output, from which nobody may read any longer: `odoo-batch export 42 | head`."""
    try:
        yield
    except OSError as error:
        # Windows calls it an invalid argument
        if not (isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == errno.EINVAL)):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def told(job: Job) -> Iterator[str]:
    """What is said of a job at the end of a command."""
    yield from words.summary(job.status)
    if job.state not in words.FINAL:
        yield f"Follow it: odoo-batch status {job.id} --wait"
    yield job.url
