"""A thousand records, by us and by others."""

from __future__ import annotations

import asyncio
import time

from zenoo_rpc import ZenooClient
from zenoo_rpc.batch import BatchExecutor, CreateOperation

from .. import records
from ..bench import Bench
from ..measuring import Invalid, Measurement, at_least, ratio, times_faster

#: Of Zenoo RPC, as its documentation has them.
ZENOO_CHUNK_SIZE = 100
ZENOO_CONCURRENCY = 5
QUEUE_JOB_CHUNK_SIZE = 100
#: Half of it for each of the two lanes: as the operations guide has it for small records.
OUR_CHUNK_SIZE = 500


def _ours(bench: Bench, operations: list[dict], mark: str) -> float:
    """Seconds from the submission to the fetched result."""
    bench.rest()
    started = time.monotonic()
    status = bench.client.batch("submit", operations=operations, max_chunk_size=OUR_CHUNK_SIZE)
    ids = _fetch(bench, bench.follow(status)["job_id"])
    seconds = time.monotonic() - started
    if len(set(ids)) != bench.scale.singles or False in ids:
        raise Invalid(f"{len(set(ids)):,} ids instead of {bench.scale.singles:,}")
    bench.expect_partners(mark, bench.scale.singles)
    return seconds


def _fetch(bench: Bench, job: int) -> list[int]:
    """The ids of all created records, page by page."""
    ids, offset = [], 0
    while offset is not False:
        page = bench.client.batch("result", job_id=job, offset=offset)
        ids += [id_ for result in page["results"] for id_ in result["result"]]
        offset = page["next_offset"]
    return ids


def _ours_singles(bench: Bench) -> float:
    mark = records.new_mark()
    return _ours(bench, records.one_each(records.partners(mark, bench.scale.singles)), mark)


def _ours_bulk(bench: Bench) -> float:
    mark = records.new_mark()
    return _ours(bench, [records.create(records.partners(mark, bench.scale.singles))], mark)


def _zenoo_singles(bench: Bench) -> float:
    mark = records.new_mark()
    values = records.partners(mark, bench.scale.singles)
    return _zenoo(bench, [CreateOperation(model=records.PARTNER, data=[record]) for record in values], mark)


def _zenoo_bulk(bench: Bench) -> float:
    mark = records.new_mark()
    values = records.partners(mark, bench.scale.singles)
    return _zenoo(bench, [CreateOperation(model=records.PARTNER, data=values)], mark)


def _zenoo(bench: Bench, operations: list[CreateOperation], mark: str) -> float:
    bench.rest()
    seconds, result = asyncio.run(_execute(bench, operations))
    if failed := [each for each in result["results"] if not each["success"]]:
        raise Invalid(f"{len(failed):,} operations failed, the first one: {failed[0]['error']}")
    bench.expect_partners(mark, bench.scale.singles)
    return seconds


async def _execute(bench: Bench, operations: list[CreateOperation]) -> tuple[float, dict]:
    async with ZenooClient(bench.address) as client:
        await client.login(bench.database, "admin", "admin")
        executor = BatchExecutor(client, max_chunk_size=ZENOO_CHUNK_SIZE, max_concurrency=ZENOO_CONCURRENCY)
        started = time.monotonic()
        result = await executor.execute_operations(operations)
        return time.monotonic() - started, result


def _queue_job_singles(bench: Bench) -> float:
    return _queue_job(bench, 1)


def _queue_job_chunks(bench: Bench) -> float:
    return _queue_job(bench, QUEUE_JOB_CHUNK_SIZE)


def _queue_job(bench: Bench, size: int) -> float:
    """Seconds from the one call that enqueues all jobs until the last one is done."""
    mark = records.new_mark()
    values = records.partners(mark, bench.scale.singles)
    [(last,)] = bench.sql("SELECT coalesce(max(id), 0) FROM queue_job")
    bench.rest()
    started = time.monotonic()
    count = bench.client.call("batch_executor_bench.peer", "enqueue", values=values, size=size)

    def finished():
        [(done, failed)] = bench.sql(
            "SELECT count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'failed')"
            "  FROM queue_job WHERE id > %s",
            last,
        )
        if failed:
            raise Invalid(f"{failed:,} jobs failed")
        return done == count

    bench.wait(finished, "the end of the jobs")
    seconds = time.monotonic() - started
    bench.expect_partners(mark, bench.scale.singles)
    return seconds


def _loop(bench: Bench) -> float:
    mark = records.new_mark()
    values = records.partners(mark, bench.scale.singles)
    started = time.monotonic()
    for record in values:
        bench.client.call(records.PARTNER, "create", vals_list=[record])
    seconds = time.monotonic() - started
    bench.expect_partners(mark, bench.scale.singles)
    return seconds


MEASUREMENTS = [
    Measurement(
        "ours-singles",
        "Batch Executor, {singles:,} one-record operations",
        "s",
        _ours_singles,
        warms_up=True,
        is_short=True,
    ),
    Measurement(
        "ours-bulk", "Batch Executor, one operation of {singles:,}", "s", _ours_bulk, warms_up=True, is_short=True
    ),
    Measurement("zenoo-singles", "Zenoo RPC, {singles:,} one-record operations", "s", _zenoo_singles, warms_up=True),
    Measurement(
        "zenoo-bulk", "Zenoo RPC, one operation of {singles:,}", "s", _zenoo_bulk, warms_up=True, is_short=True
    ),
    Measurement(
        "queue-job-singles", "queue_job, {singles:,} jobs of one record", "s", _queue_job_singles, warms_up=True
    ),
    Measurement(
        "queue-job-chunks",
        "queue_job, jobs of 100 records cut by hand",
        "s",
        _queue_job_chunks,
        warms_up=True,
        is_short=True,
    ),
    Measurement("rpc-loop", "a loop of {singles:,} RPC calls", "s", _loop, warms_up=True),
]
ROWS = [
    times_faster(
        "zenoo-singles",
        "{singles:,} one-record creates, against Zenoo RPC",
        "ours-singles",
        "zenoo-singles",
        at_least(20),
    ),
    times_faster(
        "queue-job-singles",
        "{singles:,} one-record creates, against queue_job with a job per record",
        "ours-singles",
        "queue-job-singles",
        at_least(20),
    ),
    times_faster(
        "queue-job-chunks",
        "one operation of {singles:,} records, against queue_job with jobs of 100 cut by hand",
        "ours-bulk",
        "queue-job-chunks",
        at_least(1.1),
    ),
    times_faster("zenoo-bulk", "one operation of {singles:,} records, against Zenoo RPC", "ours-bulk", "zenoo-bulk"),
    times_faster("rpc-loop", "{singles:,} one-record creates, against a loop of RPC calls", "ours-singles", "rpc-loop"),
    ratio(
        "coalescing",
        "{singles:,} one-record operations, as fast as one operation of {singles:,} records",
        "ours-bulk",
        "ours-singles",
        at_least(0.9),
    ),
]
