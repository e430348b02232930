"""One lane against the bare work, two against one, and whether a lane's memory stays as it is."""

import multiprocessing
import time
from collections.abc import Iterator
from functools import partial
from unittest.mock import patch

import psutil

from odoo import api
from odoo.modules.registry import Registry

from odoo.addons.batch_executor.run.handlers.create import CreateHandler
from odoo.addons.batch_executor.run.lane import Lane

from .. import jobs, load_odoo
from ..bench import Bench
from ..measuring import Measurement, Row

#: Chunk sizes, and how many times as fast as a bare loop a lane has to be.
CHUNK_SIZES = {100: 1.4, 500: 1.5, 1000: 1.5}
OVERHEAD_CHUNK_SIZE = 100
SETTLED_AFTER = 10  # chunks


def _side_by_side(bench: Bench, size: int) -> dict[str, float]:
    """Partners per second of a lane and of a bare loop, which take turns chunk by chunk: whatever else the machine does falls on both."""
    count, marks = bench.scale.bare, {"lane": jobs.new_mark(), "bare": jobs.new_mark()}
    job = jobs.submit(bench.inside, jobs.create(jobs.partners(marks["lane"], count)), max_chunk_size=size)
    contestants = {
        "lane": steps_of_a_lane(bench.inside),
        "bare": _bare_loop(bench.inside, jobs.partners(marks["bare"], count), size),
    }
    seconds = in_turns(contestants, -(-count // size))
    jobs.check(bench.inside, job)
    for mark in marks.values():
        jobs.expect_partners(bench.inside, mark, count)
    return {name: count / spent for name, spent in seconds.items()}


def in_turns(contestants: dict[str, Iterator], turns: int) -> dict[str, float]:
    """Seconds that each takes for its steps, chunk by chunk: whatever else the machine does falls on all of them."""
    seconds = dict.fromkeys(contestants, 0.0)
    for turn in range(turns + 1):  # the last one ends all
        for name in sorted(contestants, reverse=turn % 2):
            started = time.monotonic()
            next(contestants[name], None)
            seconds[name] += time.monotonic() - started
    return seconds


def steps_of_a_lane(registry) -> Iterator[None]:
    """All a lane does for the jobs there are, in steps of one chunk; what comes before and after is part of the first and last step."""
    lane = jobs.new_lane(registry)
    with lane.connected():
        while claim := lane.claim():
            lane.work_on(claim)
            yield


def _bare_loop(registry, values: list[dict], size: int) -> Iterator[None]:
    """A loop without a queue: savepoint, create, commit."""
    with registry.cursor() as cr:
        partner = api.Environment(cr, jobs.ADMIN, {})[jobs.PARTNER]
        for start in range(0, len(values), size):
            with cr.savepoint():
                partner.create(values[start : start + size])
            cr.commit()
            yield


def _overhead(bench: Bench) -> float:
    """Per cent of a lane's time that are not the creation itself, written to the database included."""
    apply, spent, mark = CreateHandler.apply, 0.0, jobs.new_mark()

    def timed(handler, positions):
        nonlocal spent
        started = time.monotonic()
        ids = apply(handler, positions)
        handler.env.cr.flush()
        spent += time.monotonic() - started
        return ids

    operation = jobs.create(jobs.partners(mark, bench.scale.bare))
    job = jobs.submit(bench.inside, operation, max_chunk_size=OVERHEAD_CHUNK_SIZE)
    with patch.object(CreateHandler, "apply", timed):
        seconds = jobs.run(bench.inside, job)
    jobs.expect_partners(bench.inside, mark, bench.scale.bare)
    return 100 * (seconds - spent) / seconds


def _lanes(bench: Bench, count: int) -> float:
    """Records per second of a job in which so many lanes may take part."""
    mark = jobs.new_mark()
    operation = jobs.create(jobs.partners(mark, bench.scale.lanes))
    jobs.rest()
    started, ended = bench.submit_and_look([operation], max_concurrency=count)
    jobs.expect_partners(bench.served, mark, bench.scale.lanes)
    return bench.scale.lanes / (ended - started)


def _growth(bench: Bench) -> float:
    """Megabytes, in a process that is fresh: it does not keep what the submission took."""
    values = [{"name": f"Tag {number}"} for number in range(bench.scale.memory)]
    job = jobs.submit(bench.inside, jobs.create(values, "res.partner.category"))
    with multiprocessing.get_context("spawn").Pool(1, load_odoo) as fresh:
        return fresh.apply(growth, (bench.inside.db_name, job))


def growth(database: str, job: int) -> float:
    """Megabytes by which this process is larger at the job's end than after the first chunks."""
    sizes = []

    class WatchedLane(Lane):
        def work_on(self, claim):
            super().work_on(claim)
            sizes.append(psutil.Process().memory_info().rss)

    jobs.run(Registry(database), job, WatchedLane)
    return (sizes[-1] - sizes[min(SETTLED_AFTER, len(sizes)) - 1]) / 1024**2


MEASUREMENTS = [
    *(Measurement(f"creates-{size}", f"one process, chunks of {size:,} partners", "records/s",
                  partial(_side_by_side, size=size), warms_up=True) for size in CHUNK_SIZES),
    Measurement("overhead", "a lane's time outside the records' work", "%", _overhead),
    Measurement("lanes-1", "1 lane, {lanes:,} partners", "records/s", partial(_lanes, count=1)),
    Measurement("lanes-2", "2 lanes, {lanes:,} partners", "records/s", partial(_lanes, count=2)),
    Measurement("memory", "growth of a lane over {memory:,} records", "MB", _growth, once=True),
]  # fmt: skip
ROWS = [
    *(Row(f"lane-{size}", f"a lane, against a bare loop of savepoint, create and commit; chunks of {size:,} partners",
          f"creates-{size}/lane", f"creates-{size}/bare", f"≥ {goal}") for size, goal in CHUNK_SIZES.items()),
    Row("overhead", f"share of a lane's time outside the records' work, chunks of {OVERHEAD_CHUNK_SIZE} partners",
        "overhead", goal="≤ 4", unit="%"),
    Row("lanes", "two lanes, against one", "lanes-2", "lanes-1", "≥ 1.6"),
    Row("memory", f"growth of a lane's memory over a job of {{memory:,}} records, after its first {SETTLED_AFTER} chunks",
        "memory", goal="≤ 50", unit="MB"),
]  # fmt: skip
