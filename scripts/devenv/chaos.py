"""Run the chaos tests for as long as one likes; in `scripts/test` they take two minutes."""

from __future__ import annotations

import os

from . import testing
from .console import CannotDo
from .paths import CHECKOUT

DEFAULT_MINUTES = 5


def main(arguments: list[str]) -> int:
    """Return pytest's exit code."""
    minutes = DEFAULT_MINUTES
    if arguments[:1] == ["--minutes"]:
        try:
            minutes = float(arguments[1])
        except (IndexError, ValueError):
            raise CannotDo("--minutes needs a number") from None
        arguments = arguments[2:]
    os.environ["BATCH_CHAOS_MINUTES"] = str(minutes)
    return testing.main([str(CHECKOUT / "tests" / "test_chaos.py"), *arguments])
