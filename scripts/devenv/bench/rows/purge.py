"""The deletion of a huge old job by a lane that has something else to do."""

import statistics
import time

from odoo import api

from .. import jobs
from ..bench import Bench
from ..measuring import Measurement, Row, expect

OPERATION = """
    INSERT INTO batch_operation (job_id, position, operation_id, operation_type, model, state, record_count, data_length)
    VALUES (%s, 1, 'op-2', 'create', 'res.partner', 'completed', %s, %s)
    RETURNING id
"""
#: Their values are dropped; ids are left.
CHUNKS = """
    INSERT INTO batch_chunk (job_id, operation_id, kind, operation_type, model, sequence, state, payload, result, attempt, claims, worker,
                             record_count, processed_records, created_records, claimed_at, finished_at, duration, tallied, values_gone)
    SELECT %s, %s, 'records', 'create', 'res.partner', number, 'done',
           '{"items":null,"operations":[1],"indexes":[' || number || '],"params":{},"context":{}}', '[' || number || ']',
           1, 1, 'host:1 lane 1', 1, 1, 1, now(), now(), 0.01, true, true
      FROM generate_series(1, %s) AS number
"""
LEFT = "SELECT 1 FROM batch_remains LIMIT 1"
CHUNK_SIZE = 100
#: Chunks that are run in turns: with the deletion, and without it. They take some seconds.
TURN = 20


def _measure(bench: Bench) -> dict[str, float]:
    """Partners per second of one lane, with the deletion and without it; how they compare, turn by turn; and how fast rows are deleted."""
    registry, old = bench.inside, _old_job(bench)
    _delete(registry, old)
    lane, seconds = jobs.new_lane(registry), {"beside": [], "alone": []}
    purge = lane.control.purge
    with lane.connected():
        while jobs.query(registry, LEFT):
            for name in sorted(seconds, reverse=len(seconds["alone"]) % 2):
                lane.control.purge = purge if name == "beside" else lambda: None
                jobs.submit(registry, jobs.create(jobs.partners(jobs.new_mark(), TURN * CHUNK_SIZE)), max_chunk_size=CHUNK_SIZE)
                started = time.monotonic()
                for _number in range(TURN):
                    lane.work_on(lane.claim())
                seconds[name].append(time.monotonic() - started)
    expect(jobs.query(registry, "SELECT count(*) FROM batch_chunk WHERE job_id = %s", old)[0][0], 0, "chunks left")
    speeds = {name: TURN * CHUNK_SIZE / statistics.median(taken) for name, taken in seconds.items()}
    ratio = statistics.median(alone / beside for alone, beside in zip(seconds["alone"], seconds["beside"], strict=True))
    return {**speeds, "ratio": ratio, "deleted": bench.scale.old / sum(seconds["beside"])}


def _old_job(bench: Bench) -> int:
    """A finished job with that many chunks."""
    registry, count = bench.inside, bench.scale.old
    job = jobs.submit_chunks(registry, 1)
    jobs.run(registry, job)
    [(operation,)] = jobs.query(registry, OPERATION, job, count, count)
    jobs.query(registry, CHUNKS, job, operation, count)
    return job


def _delete(registry, job: int) -> None:
    """As a manager does."""
    with registry.cursor() as cr:
        api.Environment(cr, jobs.ADMIN, {})["batch.job"].browse(job).unlink()


MEASUREMENTS = [
    Measurement("purge", "one lane, while it deletes a job of {old:,} chunks, and while it does not", "records/s", _measure, {"ratio": "x", "deleted": "chunks/s"}, once=True)
]
ROWS = [Row("purge", "a lane while it deletes an old job of {old:,} chunks, against one that does not", "purge/ratio", goal="≥ 0.9")]
