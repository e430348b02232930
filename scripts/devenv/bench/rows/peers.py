"""A thousand records, by us and by others."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

from zenoo_rpc import ZenooClient
from zenoo_rpc.batch import BatchExecutor, CreateOperation

from .. import jobs
from ..bench import Bench
from ..measuring import Invalid, Measurement, Row, expect

#: Of Zenoo RPC, as its documentation has them.
ZENOO_CHUNK_SIZE = 100
ZENOO_CONCURRENCY = 5
QUEUE_JOB_CHUNK_SIZE = 100
#: Half of it for each of the two lanes: as the operations guide has it for small records.
OUR_CHUNK_SIZE = 500


def _contest(bench: Bench, contestant: Callable, **options) -> float:
    """Seconds in which a contestant creates partners; they are counted."""
    mark = jobs.new_mark()
    seconds = contestant(bench, jobs.partners(mark, bench.scale.singles), **options)
    jobs.expect_partners(bench.sql, mark, bench.scale.singles)
    return seconds


def _ours(bench: Bench, values: list[dict], cut: Callable) -> float:
    """From the submission to the fetched result, all pages of it."""
    operations = cut(values)
    bench.rest()
    started = time.monotonic()
    status = bench.client.batch("submit", operations=operations, max_chunk_size=OUR_CHUNK_SIZE)
    job, ids, offset = bench.follow(status)["job_id"], [], 0
    while offset is not False:
        page = bench.client.batch("result", job_id=job, offset=offset)
        ids += [id_ for result in page["results"] for id_ in result["result"]]
        offset = page["next_offset"]
    seconds = time.monotonic() - started
    expect(len(set(ids) - {False}), len(values), "ids")
    return seconds


def _zenoo(bench: Bench, values: list[dict], cut: Callable) -> float:
    """The login is not counted."""

    async def execute():
        async with ZenooClient(bench.address) as client:
            await client.login(bench.database, "admin", "admin")
            executor = BatchExecutor(client, max_chunk_size=ZENOO_CHUNK_SIZE, max_concurrency=ZENOO_CONCURRENCY)
            started = time.monotonic()
            result = await executor.execute_operations(operations)
            return time.monotonic() - started, result

    operations = [CreateOperation(model=jobs.PARTNER, data=part["data"]) for part in cut(values)]
    bench.rest()
    seconds, result = asyncio.run(execute())
    if failed := [each for each in result["results"] if not each["success"]]:
        raise Invalid(f"{len(failed):,} operations failed, the first one: {failed[0]['error']}")
    return seconds


def _queue_job(bench: Bench, values: list[dict], size: int) -> float:
    """From the one call that enqueues all jobs until the last one is done."""
    [(last,)] = bench.sql("SELECT coalesce(max(id), 0) FROM queue_job")
    bench.rest()
    started = time.monotonic()
    count = bench.client.call("batch_executor_bench.peer", "enqueue", values=values, size=size)

    def finished():
        states = bench.sql("SELECT state, count(*) FROM queue_job WHERE id > %s GROUP BY state", last)
        if failed := dict(states).get("failed"):
            raise Invalid(f"{failed:,} jobs failed")
        return dict(states).get("done") == count

    bench.wait(finished, "the end of the jobs")
    return time.monotonic() - started


def _loop(bench: Bench, values: list[dict]) -> float:
    started = time.monotonic()
    for record in values:
        bench.client.call(jobs.PARTNER, "create", vals_list=[record])
    return time.monotonic() - started


def _in_one(values: list[dict]) -> list[dict]:
    return [jobs.create(values)]


def _measurement(key: str, title: str, contestant: Callable, *, is_short: bool = True, **options) -> Measurement:
    run = partial(_contest, contestant=contestant, **options)
    return Measurement(key, title, "s", run, warms_up=True, is_short=is_short)


# fmt: off
MEASUREMENTS = [
    _measurement("ours-singles", "Batch Executor, {singles:,} one-record operations", _ours, cut=jobs.one_each),
    _measurement("ours-bulk", "Batch Executor, one operation of {singles:,}", _ours, cut=_in_one),
    _measurement("zenoo-singles", "Zenoo RPC, {singles:,} one-record operations", _zenoo, cut=jobs.one_each, is_short=False),
    _measurement("zenoo-bulk", "Zenoo RPC, one operation of {singles:,}", _zenoo, cut=_in_one),
    _measurement("queue-job-singles", "queue_job, {singles:,} jobs of one record", _queue_job, size=1, is_short=False),
    _measurement("queue-job-chunks", "queue_job, jobs of 100 records cut by hand", _queue_job, size=QUEUE_JOB_CHUNK_SIZE),
    _measurement("rpc-loop", "a loop of {singles:,} RPC calls", _loop, is_short=False),
]
ROWS = [
    Row("zenoo-singles", "{singles:,} one-record creates, against Zenoo RPC",
        "x", ("zenoo-singles",), ("ours-singles",), least=20),
    Row("queue-job-singles", "{singles:,} one-record creates, against queue_job with a job per record",
        "x", ("queue-job-singles",), ("ours-singles",), least=20),
    Row("queue-job-chunks", "one operation of {singles:,} records, against queue_job with jobs of 100 cut by hand",
        "x", ("queue-job-chunks",), ("ours-bulk",), least=1.1),
    Row("zenoo-bulk", "one operation of {singles:,} records, against Zenoo RPC", "x", ("zenoo-bulk",), ("ours-bulk",)),
    Row("rpc-loop", "{singles:,} one-record creates, against a loop of RPC calls", "x", ("rpc-loop",), ("ours-singles",)),
    Row("coalescing", "{singles:,} one-record operations, as fast as one operation of {singles:,} records",
        "x", ("ours-bulk",), ("ours-singles",), least=0.9),
]
# fmt: on
