"""What is shown while a file is sent and a job runs: a bar in a terminal, lines elsewhere; both on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import words

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

#: Seconds between two lines: the log of a scheduled task is to be readable.
LINE_S = 5.0


class Silence:
    """Shows nothing but notes: as with `--no-progress`, and what the others extend."""

    def close(self) -> None:
        """Nothing more is shown: leave the terminal as it was."""

    def sent(self, name: str, done: int, size: int) -> None:
        """So many bytes of a file are sent."""

    def job(self, status: Mapping[str, Any]) -> None:
        """A job has come so far."""

    def note(self, text: str) -> None:
        """Say something beside it."""
        print(text, file=sys.stderr, flush=True)


class Lines(Silence):
    """A line now and then: at each new step, and every few seconds."""

    def __init__(self) -> None:
        self._step: Any = None
        self._next_at = 0.0

    def sent(self, name: str, done: int, size: int) -> None:
        self._line(("sent", done >= size), f"{name}: {words.sent(done, size)}")

    def job(self, status: Mapping[str, Any]) -> None:
        self._line(status["state"], f"job {status['job_id']} {status['state']}: {words.pace(status)}")

    def _line(self, step: Any, text: str) -> None:
        now = time.monotonic()
        if step != self._step or now >= self._next_at:
            self._step, self._next_at = step, now + LINE_S
            self.note(text)


class Bar(Silence):
    """A bar for the file and one for the job; they appear with the first thing that there is to show."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._bars: RichProgress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def close(self) -> None:
        self._bars.stop()

    def sent(self, name: str, done: int, size: int) -> None:
        self._show("file", name, done, size, words.sent(done, size))

    def job(self, status: Mapping[str, Any]) -> None:
        name = f"job {status['job_id']} {status['state']}"
        self._show("job", name, status["completed"], status["total"], words.pace(status))

    def note(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False)

    def _show(self, task: str, name: str, done: float, total: float, detail: str) -> None:
        if task not in self._tasks:
            self._bars.start()
            self._tasks[task] = self._bars.add_task(name, total=total, detail=detail)
        self._bars.update(self._tasks[task], description=name, completed=done, total=total, detail=detail)


def shown(wanted: bool) -> Silence:
    """What shows the progress here: `rich` is an extra, and a bar is for people."""
    if not wanted:
        return Silence()
    if sys.stderr.isatty():
        try:
            return Bar()
        except ImportError:
            pass
    return Lines()
