"""What accepting a very large submission takes."""

from __future__ import annotations

import time

from .. import records
from ..bench import Bench
from ..measuring import Invalid, Measurement, Row, at_most


def _accept(bench: Bench) -> dict[str, float]:
    """Seconds of the call; the job is then cancelled, and deleted with all that belongs to it."""
    operations = records.one_each(records.partners(records.new_mark(), bench.scale.many))
    started = time.monotonic()
    job = bench.submit(operations)
    seconds = time.monotonic() - started
    bench.client.batch("cancel", job_id=job)
    stats = bench.follow(job)["stats"]
    bench.sql("DELETE FROM batch_job WHERE id = %s", job)
    bench.rest()
    if stats["total_operations"] != bench.scale.many:
        raise Invalid(f"{stats['total_operations']:,} operations were stored")
    return {"": seconds, "each": seconds / bench.scale.many}


def _run(bench: Bench) -> float:
    """Operations per second."""
    mark = records.new_mark()
    job = bench.submit(records.one_each(records.partners(mark, bench.scale.run_of_many)))
    bench.look_after(job)
    bench.expect_partners(mark, bench.scale.run_of_many)
    return bench.scale.run_of_many / bench.run_s(job)


MEASUREMENTS = [
    Measurement("accept", "accepting {many:,} one-record operations", "s", _accept),
    Measurement("run-of-many", "running {run_of_many:,} one-record operations", "records/s", _run),
]
ROWS = [
    Row(
        "accept",
        "accepting {many:,} one-record operations, as a share of running them (extrapolated from {run_of_many:,})",
        ("accept", "run-of-many"),
        lambda median: 100 * median["accept/each"] * median["run-of-many"],
        "%",
        at_most(3),
    ),
]
