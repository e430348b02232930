"""One lane against the bare work, two against one, and whether a lane's memory stays as it is."""

import itertools
import time
from collections.abc import Iterator
from functools import partial
from unittest.mock import patch

import psutil

from odoo import api

from odoo.addons.batch_executor.run.handlers.create import CreateHandler
from odoo.addons.batch_executor.run.lane import Lane

from .. import jobs
from ..bench import Bench, process
from ..measuring import Measurement, Row

CHUNK_SIZES = (100, 1000)
LANE_COUNTS = (1, 2)
OVERHEAD_CHUNK_SIZE = 100
SETTLED_AFTER = 10  # chunks


def _side_by_side(registry, scale, size: int) -> dict[str, float]:
    """Partners per second of a lane and of a bare loop, which take turns chunk by chunk: whatever else the machine does falls on both."""
    marks, count = {"lane": jobs.new_mark(), "bare": jobs.new_mark()}, scale.bare
    job = jobs.submit(registry, jobs.create(jobs.partners(marks["lane"], count)), max_chunk_size=size)
    contestants = {
        "lane": _lane_chunks(registry),
        "bare": _bare_chunks(registry, jobs.partners(marks["bare"], count), size),
    }
    seconds = dict.fromkeys(contestants, 0.0)
    turns = itertools.cycle([("lane", "bare"), ("bare", "lane")])
    going_on = True
    while going_on:
        going_on = False
        for name in next(turns):
            started = time.monotonic()
            going_on |= next(contestants[name], False)
            seconds[name] += time.monotonic() - started
    jobs.check(registry, job)
    for mark in marks.values():
        jobs.expect_partners(partial(jobs.query, registry), mark, count)
    return {name: count / spent for name, spent in seconds.items()}


def _lane_chunks(registry) -> Iterator[bool]:
    """All a lane does for a job, in steps of one chunk; what comes before and after is part of the first and last step."""
    lane = jobs.new_lane(registry)
    with lane.connected():
        while claim := lane.claim():
            lane.work_on(claim)
            yield True


def _bare_chunks(registry, values: list[dict], size: int) -> Iterator[bool]:
    """A loop without a queue: savepoint, create, commit."""
    with registry.cursor() as cr:
        partner = api.Environment(cr, jobs.ADMIN, {})[jobs.PARTNER]
        for start in range(0, len(values), size):
            with cr.savepoint():
                partner.create(values[start : start + size])
            cr.commit()
            yield True


def _overhead(registry, scale) -> float:
    """Per cent of a lane's time that are not the creation itself, written to the database included."""
    apply, spent, mark = CreateHandler.apply, 0.0, jobs.new_mark()

    def timed(handler, positions):
        nonlocal spent
        started = time.monotonic()
        ids = apply(handler, positions)
        handler.env.cr.flush()
        spent += time.monotonic() - started
        return ids

    operation = jobs.create(jobs.partners(mark, scale.bare))
    job = jobs.submit(registry, operation, max_chunk_size=OVERHEAD_CHUNK_SIZE)
    with patch.object(CreateHandler, "apply", timed):
        seconds = jobs.run(registry, job)
    jobs.expect_partners(partial(jobs.query, registry), mark, scale.bare)
    return 100 * (seconds - spent) / seconds


def _lanes(bench: Bench, count: int) -> float:
    """Records per second of a job, with so many lanes that may take part."""
    mark = jobs.new_mark()
    _activate(bench, count)
    try:
        job = bench.submit([jobs.create(jobs.partners(mark, bench.scale.lanes))])
        seconds = bench.look_after(job)
    finally:
        _activate(bench, None)
    jobs.expect_partners(bench.sql, mark, bench.scale.lanes)
    return bench.scale.lanes / seconds


def _activate(bench: Bench, count: int | None) -> None:
    """Leave so many lanes active, or all; waits for those that are still running."""
    bench.sql(
        """
        UPDATE ir_cron
           SET active = id IN (SELECT id FROM ir_cron WHERE is_batch_lane ORDER BY id LIMIT %s)
         WHERE is_batch_lane
        """,
        count,
    )
    bench.rest()


def _growth(bench: Bench) -> float:
    """Megabytes, in a process that is fresh: it does not keep what the submission took."""
    values = [{"name": f"Tag {number}"} for number in range(bench.scale.memory)]
    job = bench.inside(jobs.submit, operation=jobs.create(values, "res.partner.category"))
    with process(bench.inside_database) as fresh:
        return fresh(growth, job=job)


def growth(registry, job: int) -> float:
    """Megabytes by which the process is larger at the job's end than after the first chunks."""
    sizes = []

    class WatchedLane(Lane):
        def work_on(self, claim):
            super().work_on(claim)
            sizes.append(psutil.Process().memory_info().rss)

    jobs.run(registry, job, WatchedLane)
    return (sizes[-1] - sizes[min(SETTLED_AFTER, len(sizes)) - 1]) / 1024**2


# fmt: off
MEASUREMENTS = [
    *(Measurement(f"creates-{size}", f"one process, chunks of {size:,} partners", "records/s",
                  partial(_side_by_side, size=size), "inside", warms_up=True) for size in CHUNK_SIZES),
    Measurement("overhead", "a lane's time outside the records' work", "%", _overhead, "inside"),
    *(Measurement(f"lanes-{count}", f"{count} lane{'s' if count > 1 else ''}, {{lanes:,}} partners", "records/s",
                  partial(_lanes, count=count)) for count in LANE_COUNTS),
    Measurement("memory", "growth of a lane over {memory:,} records", "MB", _growth, once=True),
]
ROWS = [
    *(Row(f"lane-{size}", f"a lane, against a bare loop of savepoint, create and commit; chunks of {size:,} partners",
          "x", (f"creates-{size}/lane",), (f"creates-{size}/bare",), least=0.95) for size in CHUNK_SIZES),
    Row("overhead", f"share of a lane's time outside the records' work, chunks of {OVERHEAD_CHUNK_SIZE} partners",
        "%", ("overhead",), most=4),
    Row("lanes", "two lanes, against one", "x", ("lanes-2",), ("lanes-1",), least=1.6),
    Row("memory", f"growth of a lane's memory over a job of {{memory:,}} records, after its first {SETTLED_AFTER} chunks",
        "MB", ("memory",), most=50),
]
# fmt: on
