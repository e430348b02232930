"""A thousand records, by us and by others."""

import asyncio
import sys
import time
from collections.abc import Callable
from functools import partial

from zenoo_rpc import ZenooClient
from zenoo_rpc.batch import BatchExecutor, CreateOperation

from .. import jobs
from ..bench import Bench
from ..measuring import Invalid, Measurement, Row, expect

#: Half of it for each of the two lanes: as the operations guide has it for small records.
OUR_CHUNK_SIZE = 500
ALL = sys.maxsize


def _contest(bench: Bench, contestant: Callable, **options) -> float:
    """Seconds in which a contestant creates partners; they are counted."""
    mark = jobs.new_mark()
    seconds = contestant(bench, jobs.partners(mark, bench.scale.singles), **options)
    jobs.expect_partners(bench.served, mark, bench.scale.singles)
    return seconds


def _ours(bench: Bench, values: list[dict], size: int) -> float:
    """From the submission to the fetched result, all pages of it."""
    operations = jobs.cut(values, size)
    jobs.rest()
    started = time.monotonic()
    status = bench.submit(operations, max_chunk_size=OUR_CHUNK_SIZE)
    *_, status = bench.client.follow(status)
    ids, offset = [], 0
    while offset is not False:
        page = bench.client.rpc("/batch/v1/result", job_id=status["job_id"], offset=offset)
        ids += [id_ for result in page["results"] for id_ in result["result"]]
        offset = page["next_offset"]
    seconds = time.monotonic() - started
    expect(len(set(ids) - {False}), len(values), "ids")
    return seconds


def _zenoo(bench: Bench, values: list[dict], size: int) -> float:
    """The login is not counted."""

    async def execute():
        async with ZenooClient(bench.address) as client:
            await client.login(bench.served.dbname, "admin", "admin")
            executor = BatchExecutor(client, max_chunk_size=100, max_concurrency=5)  # as its documentation has them
            started = time.monotonic()
            result = await executor.execute_operations(operations)
            return time.monotonic() - started, result

    operations = [CreateOperation(model=jobs.PARTNER, data=part["data"]) for part in jobs.cut(values, size)]
    jobs.rest()
    seconds, result = asyncio.run(execute())
    if failed := [each for each in result["results"] if not each["success"]]:
        raise Invalid(f"{len(failed):,} operations failed, the first one: {failed[0]['error']}")
    return seconds


def _queue_job(bench: Bench, values: list[dict], size: int) -> float:
    """From the one call that enqueues all jobs until the last one is done."""
    [(last,)] = jobs.query(bench.served, "SELECT coalesce(max(id), 0) FROM queue_job")
    jobs.rest()
    started = time.monotonic()
    count = bench.keyed.call("batch_executor_bench.peer", "enqueue", values=values, size=size)

    def finished():
        states = dict(jobs.query(bench.served, "SELECT state, count(*) FROM queue_job WHERE id > %s GROUP BY state", last))
        if failed := states.get("failed"):
            raise Invalid(f"{failed:,} jobs failed")
        return states.get("done") == count

    bench.wait(finished, "the end of the jobs")
    return time.monotonic() - started


def _loop(bench: Bench, values: list[dict]) -> float:
    started = time.monotonic()
    for record in values:
        bench.keyed.call(jobs.PARTNER, "create", vals_list=[record])
    return time.monotonic() - started


def _measurement(key: str, title: str, contestant: Callable, *, is_short: bool = True, **options) -> Measurement:
    run = partial(_contest, contestant=contestant, **options)
    return Measurement(key, title, "s", run, warms_up=True, is_short=is_short)


MEASUREMENTS = [
    _measurement("ours-singles", "Batch Executor, {singles:,} one-record operations", _ours, size=1),
    _measurement("ours-bulk", "Batch Executor, one operation of {singles:,}", _ours, size=ALL),
    _measurement("zenoo-singles", "Zenoo RPC, {singles:,} one-record operations", _zenoo, size=1, is_short=False),
    _measurement("zenoo-bulk", "Zenoo RPC, one operation of {singles:,}", _zenoo, size=ALL),
    _measurement("queue-job-singles", "queue_job, {singles:,} jobs of one record", _queue_job, size=1, is_short=False),
    _measurement("queue-job-chunks", "queue_job, jobs of 100 records cut by hand", _queue_job, size=100),
    _measurement("rpc-loop", "a loop of {singles:,} RPC calls", _loop, is_short=False),
]
SINGLES = "{singles:,} one-record creates, against"
BULK = "one operation of {singles:,} records, against"
ROWS = [
    Row("zenoo-singles", f"{SINGLES} Zenoo RPC", "zenoo-singles", "ours-singles", "≥ 20"),
    Row("queue-job-singles", f"{SINGLES} queue_job with a job per record", "queue-job-singles", "ours-singles", "≥ 20"),
    Row("queue-job-chunks", f"{BULK} queue_job with jobs of 100 cut by hand", "queue-job-chunks", "ours-bulk", "≥ 1.1"),
    Row("zenoo-bulk", f"{BULK} Zenoo RPC", "zenoo-bulk", "ours-bulk"),
    Row("rpc-loop", f"{SINGLES} a loop of RPC calls", "rpc-loop", "ours-singles"),
    Row("coalescing", "{singles:,} one-record operations, as fast as one operation of {singles:,} records",
        "ours-bulk", "ours-singles", "≥ 0.9"),
]  # fmt: skip
