"""The command line, and how much is measured."""

from __future__ import annotations

import argparse
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """How much of everything; the texts of rows name these numbers."""

    rounds: int = 3
    singles: int = 1_000  # records in the comparisons with peers
    repeated: int = 5  # times within a round, of what takes a second
    bare: int = 8_000  # records of a lane, and of a bare loop
    lanes: int = 4_000  # records of one lane and of two
    sized: int = 2_000  # records by chunk size
    slow_sized: int = 1_000  # the same, where a record takes long
    fast_sized: int = 8_000  # and where it does not
    many: int = 100_000  # operations that are only accepted
    run_of_many: int = 10_000  # as many of them are run
    starts: int = 20  # submissions whose first chunk is waited for
    chunks: int = 10_000  # chunks of a large job
    waiting: int = 1_000_000  # chunks of other jobs
    calls: int = 200  # calls of `status`, and claims
    memory: int = 200_000  # records of a lane whose memory is watched


FULL = Scale()
QUICK = Scale(
    rounds=1,
    singles=200,
    repeated=3,
    bare=2_000,
    lanes=1_200,
    sized=400,
    slow_sized=150,
    fast_sized=1_000,
    many=10_000,
    run_of_many=1_000,
    starts=5,
    chunks=10_000,
    waiting=100_000,
    calls=100,
    memory=8_000,
)
#: Runs before the first round: processes load their code and fill their caches.
WARM_UP = Scale(singles=20, repeated=1, bare=200, lanes=200)


@dataclass(frozen=True)
class Options:
    scale: Scale
    only: tuple[str, ...]
    write: bool


def parse(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure the addon against its goals and its peers. The exit code is 1 where a contestant failed to do its work.",
    )
    parser.add_argument("--quick", action="store_true", help="two minutes, fewer records, nothing written")
    parser.add_argument(
        "--rounds", type=int, metavar="N", help=f"rounds (default {FULL.rounds}, with --quick {QUICK.rounds})"
    )
    parser.add_argument("--only", default="", metavar="ROW,...", help="just these rows, nothing written")
    parser.add_argument("--no-write", action="store_true", help="print the table, leave docs/ alone")
    given = parser.parse_args(arguments)
    scale = QUICK if given.quick else FULL
    if given.rounds is not None:
        if given.rounds < 1:
            parser.error("--rounds needs a number above zero")
        scale = Scale(**{**vars(scale), "rounds": given.rounds})
    only = tuple(filter(None, given.only.split(",")))
    return Options(scale, only, write=not (given.quick or only or given.no_write))
