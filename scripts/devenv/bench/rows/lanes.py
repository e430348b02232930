"""One lane against the bare work, and two against one."""

from __future__ import annotations

from functools import partial

from .. import records
from ..bench import Bench
from ..measuring import Measurement, alone, at_least, at_most, ratio

CHUNK_SIZES = (100, 1000)
LANE_COUNTS = (1, 2)
OVERHEAD_CHUNK_SIZE = 100


def _side_by_side(bench: Bench, size: int) -> dict[str, float]:
    return bench.inside.call("lanes.side_by_side", count=bench.scale.bare, size=size)


def _overhead(bench: Bench) -> float:
    return bench.inside.call("lanes.overhead", count=bench.scale.bare, size=OVERHEAD_CHUNK_SIZE)


def _lanes(bench: Bench, count: int) -> float:
    """Records per second of a job, with so many lanes that may take part."""
    mark = records.new_mark()
    _activate(bench, count)
    try:
        job = bench.submit([records.create(records.partners(mark, bench.scale.lanes))])
        bench.look_after(job)
    finally:
        _activate(bench, None)
    bench.expect_partners(mark, bench.scale.lanes)
    return bench.scale.lanes / bench.run_s(job)


def _activate(bench: Bench, count: int | None) -> None:
    """Leave so many lanes active, or all; waits for those that are still running."""
    bench.sql(
        """
        UPDATE ir_cron
           SET active = lane.number <= coalesce(%s, lane.number)
          FROM (
            SELECT id, row_number() OVER (ORDER BY id) AS number FROM ir_cron WHERE is_batch_lane
          ) AS lane
         WHERE lane.id = ir_cron.id
        """,
        count,
    )
    bench.rest()


MEASUREMENTS = [
    *(
        Measurement(
            f"creates-{size}", f"one process, chunks of {size:,} partners", "records/s",
            partial(_side_by_side, size=size), warms_up=True,
        )
        for size in CHUNK_SIZES
    ),
    Measurement("overhead", "a lane's time outside the records' work", "%", _overhead),
    *(
        Measurement(
            f"lanes-{count}", f"{count} lane{'s' if count > 1 else ''}, {{lanes:,}} partners", "records/s",
            partial(_lanes, count=count),
        )
        for count in LANE_COUNTS
    ),
]  # fmt: skip
ROWS = [
    *(
        ratio(
            f"lane-{size}",
            f"a lane, against a bare loop of savepoint, create and commit; chunks of {size:,} partners",
            f"creates-{size}/lane",
            f"creates-{size}/bare",
            at_least(0.95),
        )
        for size in CHUNK_SIZES
    ),
    alone(
        "overhead",
        f"share of a lane's time outside the records' work, chunks of {OVERHEAD_CHUNK_SIZE} partners",
        "overhead",
        "%",
        at_most(4),
    ),
    ratio("lanes", "two lanes, against one", "lanes-2", "lanes-1", at_least(1.6)),
]
