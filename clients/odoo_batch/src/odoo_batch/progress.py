"""Shows on stderr how far a job is: a bar where `rich` is installed and a person looks on, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

#: Seconds between two lines.
LINE_EVERY_S = 5.0


class Progress(Protocol):
    """Something that is told each new status of a job."""

    def show(self, status: dict[str, Any]) -> None:
        """Tell it a status."""


class _Told:
    def __init__(self, tell: Callable[[dict[str, Any]], object]):
        self._tell = tell

    def show(self, status: dict[str, Any]) -> None:
        self._tell(status)


class _Lines:
    def __init__(self) -> None:
        self._last, self._next = "", 0.0

    def show(self, status: dict[str, Any]) -> None:
        line, now = line_of(status), time.monotonic()
        if line != self._last and (now >= self._next or status["finished_at"]):
            self._last, self._next = line, now + LINE_EVERY_S
            print(line, file=sys.stderr, flush=True)


def line_of(status: dict[str, Any]) -> str:
    """How far a job is, in a line."""
    failed = status["stats"]["failed_records"]
    return (
        f"{status['name']}: {status['state']}, {status['completed']:,} of {status['total']:,} records"
        f" ({status['percentage']:g} %){f', {failed:,} failed' if failed else ''}"
    )


@contextmanager
def progress_of(wanted: bool | Callable[[dict[str, Any]], object]) -> Iterator[Progress]:
    """Whom to tell the statuses of a job.

    :param wanted: True: a person, on stderr; a function; False: nobody
    """
    if callable(wanted):
        yield _Told(wanted)
    elif not wanted:
        yield _Told(lambda status: None)
    elif sys.stderr.isatty() and (bar := _bar()):
        with bar as shown:
            yield shown
    else:
        yield _Lines()


def _bar() -> Any:
    """A bar of `rich`; None where that is not installed."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars
    except ImportError:
        return None

    @contextmanager
    def open_bar() -> Iterator[Progress]:
        columns = (
            TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        )  # fmt: skip
        with Bars(*columns, console=Console(stderr=True)) as bars:
            task = bars.add_task("", total=None)

            def tell(status: dict[str, Any]) -> None:
                failed = status["stats"]["failed_records"]
                text = f"{status['name']}: {status['state']}{f', {failed:,} failed' if failed else ''}"
                bars.update(task, description=text, completed=status["completed"], total=status["total"] or None)

            yield _Told(tell)

    return open_bar()
