"""Ctrl+C while something runs that goes on without us."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def first_says(say: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl+C just calls `say`; the second one leaves, as it always does."""

    def hear(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        say()

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
