"""Write docs/benchmarks.md and its charts."""

from __future__ import annotations

import datetime

from ..console import say
from ..environment import Environment
from ..paths import CHECKOUT
from . import charts, machine
from .bench import Bench
from .rounds import Outcome
from .rows import MEASUREMENTS
from .rows.peers import OUR_CHUNK_SIZE
from .stage import CRON_WORKERS, HTTP_WORKERS
from .table import Line, number

PAGE = CHECKOUT / "docs" / "benchmarks.md"
CHARTS = PAGE.parent / "benchmarks"
TEXT = """\
# Benchmarks

Written by `scripts/bench` on {date}; run it to repeat them all (about a quarter of an hour), `scripts/bench --quick` for a rough
idea in two minutes, `scripts/bench --only zenoo-singles,lanes` for some rows. On a machine that is busy with something
else the numbers are worth little.

| | |
|---|---|
{facts}

## Goals

{rows}

## How it is measured

One Odoo server in prefork mode, {http} HTTP workers and {cron} cron workers, on one fresh database with the modules *Contacts
and mail*, *Products* and *Automation Rules*; PostgreSQL with `fsync` on. All contestants are measured side by side,
round by round ({rounds}), in turns forwards and backwards; the numbers are medians over the rounds (what takes a
second is measured {repeated} times within each, in turns as well). Each creates the same partners
with the same values and without any context, as the administrator, and all but the loop find a server that has been idle for a second; afterwards they are counted, and a contestant that has
not made all of them makes its rows invalid.

- **Batch Executor**: one `submit` with `max_chunk_size={chunk_size}`, then `status`, with pauses as its `eta` says, until the job is over, then all
  pages of `result`, with a session. Everything else is as it is installed.
- **Zenoo RPC**: its `BatchExecutor` with `max_chunk_size=100` and `max_concurrency=5`; the login is not counted.
- **queue_job**: channels `root:{http}`, as many as there are HTTP workers. One RPC call enqueues all jobs with `with_delay()`, and the clock
  stops when the last one is `done`, which is seen in the database.
- **A loop of RPC calls**: `create` of one record by `/json/2`, one after the other.

A lane, a bare loop, chunk sizes and memory are measured in a process of their own on a copy of the database, where
nobody else works. The bare loop is what the least code would do: a savepoint, `create`, `commit`, for chunks of the same
size; it and the lane take turns, chunk by chunk. The share of a lane's time outside the records' work is all but `create` and the flush after it: claiming,
settling, counting and the commits. The adaptive size is measured after a first job of twice as many records, from which
it has learned; that first job is shown as well ("nothing learned yet"). The model whose creation slows down sleeps for
0.5 ms for each record and for 0.01 ms times the square of their number. Accepting {many:,} operations is timed from the moment the request
is sent, encoded, to the answer; running them is not waited for, but extrapolated from {run_of_many:,}. The queue with {waiting:,} waiting chunks is another copy of the database, its rows put there by SQL.

Everybody creates through the ORM, and so nobody can be faster than as many bare loops as there are cron workers: those would need
{bound_s:.2f} s for {singles:,} partners, {bound_zenoo:.1f} times less than Zenoo RPC one by one.

{charts}

## All medians

{medians}
"""


def write(env: Environment, bench: Bench, lines: list[Line], outcome: Outcome) -> None:
    bound_s = bench.scale.singles / (CRON_WORKERS * outcome.medians["creates-1000/bare"])
    drawn = charts.draw(CHARTS, outcome.medians, bench.scale)
    PAGE.write_text(
        TEXT.format(
            **vars(bench.scale),
            date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            facts="\n".join(f"| {name} | {value} |" for name, value in machine.facts(env, bench).items()),
            rows=_rows(lines),
            http=HTTP_WORKERS,
            cron=CRON_WORKERS,
            chunk_size=OUR_CHUNK_SIZE,
            bound_s=bound_s,
            bound_zenoo=outcome.medians["zenoo-singles"] / bound_s,
            charts="\n\n".join(f"![{title}]({CHARTS.name}/{name})" for name, title in drawn.items()),
            medians=_medians(bench, outcome),
        )
    )
    say(f"written: {PAGE.relative_to(CHECKOUT)} and {len(drawn)} charts")


def _rows(lines: list[Line]) -> str:
    head = ["| what | measured | goal | |", "|---|---:|---:|---|"]
    return "\n".join([*head, *(f"| {line.title} | {line.value} | {line.goal} | {line.verdict} |" for line in lines)])


def _medians(bench: Bench, outcome: Outcome) -> str:
    lines = ["| what | median | least | most | unit |", "|---|---:|---:|---:|---|"]
    medians = outcome.medians
    for key, samples in outcome.samples.items():
        name, _slash, part = key.partition("/")
        measurement = MEASUREMENTS[name]
        title = measurement.title.format(**vars(bench.scale)) + (f" ({part})" if part else "")
        figures = " | ".join(map(number, (medians[key], min(samples), max(samples))))
        lines.append(f"| {title} | {figures} | {measurement.others.get(part, measurement.unit)} |")
    return "\n".join(lines)
