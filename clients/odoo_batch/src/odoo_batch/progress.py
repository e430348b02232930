"""Shows on stderr how far a file and its job are: bars where `rich` is installed and a person looks on, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

#: Seconds between two lines: the log of a scheduled task is to be readable.
LINE_EVERY_S = 5.0
MEGABYTE = 1_000_000


class Progress(Protocol):
    """Something that is told each new status of a job."""

    def show(self, status: dict[str, Any]) -> None:
        """Tell it a status."""


class Silence:
    """Shows nothing but notes; what the others extend."""

    def sent(self, name: str, done: int, size: int) -> None:
        """So many bytes of a file are sent."""

    def show(self, status: Mapping[str, Any]) -> None:
        """A job has come so far."""

    def note(self, text: str) -> None:
        """Say something beside it."""
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing more is shown: leave the terminal as it was."""


class Lines(Silence):
    """A line now and then: at each new step, and every few seconds."""

    def __init__(self) -> None:
        self._step: Any = None
        self._next_at = 0.0

    def sent(self, name: str, done: int, size: int) -> None:
        self._line((name, done >= size), f"{name}: {_sent(done, size)}")

    def show(self, status: Mapping[str, Any]) -> None:
        self._line(status["state"], f"{status['name']}: {status['state']}, {pace(status)}")

    def _line(self, step: Any, text: str) -> None:
        now = time.monotonic()
        if step != self._step or now >= self._next_at:
            self._step, self._next_at = step, now + LINE_EVERY_S
            self.note(text)


class Bar(Silence):
    """A bar for the file and one for the job; they appear with the first thing that there is to show.

    :raises ImportError: `rich` is not installed
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        # a long name is cut, so that the rest is seen in a narrow window, too
        name = TextColumn("{task.description}", markup=False, table_column=Column(overflow="ellipsis", max_width=30, no_wrap=True))
        detail = TextColumn("{task.fields[detail]}", markup=False, table_column=Column())
        self._bars: Bars = Progress(name, BarColumn(12), detail, console=Console(stderr=True))
        self._tasks: dict[str, TaskID] = {}

    def sent(self, name: str, done: int, size: int) -> None:
        self._show("file", name, done, size, _sent(done, size))

    def show(self, status: Mapping[str, Any]) -> None:
        self._show("job", status["name"], status["completed"], status["total"], f"{status['state']}, {pace(status)}")

    def note(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        self._bars.stop()

    def _show(self, task: str, name: str, done: float, total: float, detail: str) -> None:
        if task not in self._tasks:
            self._bars.start()
            self._tasks[task] = self._bars.add_task(name, total=total or None, detail=detail)
        self._bars.update(self._tasks[task], description=name, completed=done, total=total or None, detail=detail)


class _Told:
    def __init__(self, tell: Callable[[dict[str, Any]], object]):
        self._tell = tell

    def show(self, status: dict[str, Any]) -> None:
        self._tell(status)


def on_stderr() -> Silence:
    """What shows progress here: bars are for people."""
    if sys.stderr.isatty():
        try:
            return Bar()
        except ImportError:
            pass
    return Lines()


@contextmanager
def progress_of(wanted: bool | Callable[[dict[str, Any]], object]) -> Iterator[Progress]:
    """Whom to tell the statuses of a job.

    :param wanted: True: a person, on stderr; a function; False: nobody
    """
    if callable(wanted):
        yield _Told(wanted)
        return
    shown = on_stderr() if wanted else Silence()
    try:
        yield shown
    finally:
        shown.close()


# -- in words ------------------------------------------------------------------------------------------


def many(count: int, thing: str) -> str:
    """`1 record`, `1,200 records`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def pace(status: Mapping[str, Any]) -> str:
    """How far a job is, in a line."""
    stats = status["stats"]
    parts = [f"{status['completed']:,} of {many(status['total'], 'record')} ({status['percentage']:g} %)"]
    if stats["failed_records"]:
        parts.append(f"{stats['failed_records']:,} failed")
    if status["state"] == "running" and stats["records_per_second"]:
        parts.append(f"{stats['records_per_second']:,.0f}/s")
    if status["eta"] and (left := _seconds_until(status["eta"])) >= 1:
        parts.append(f"about {_span(left)} left")
    return ", ".join(parts)


def _sent(done: int, size: int) -> str:
    if size < MEGABYTE:
        return f"{done / 1000:,.1f} of {size / 1000:,.1f} kB sent"
    return f"{done / MEGABYTE:,.1f} of {size / MEGABYTE:,.1f} MB sent"


def _seconds_until(instant: str) -> float:
    return (datetime.fromisoformat(instant.replace("Z", "+00:00")) - datetime.now(timezone.utc)).total_seconds()


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
