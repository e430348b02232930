"""A thousand records, and ten thousand, by us and by others."""

import asyncio
import multiprocessing
import sys
import time
from collections.abc import Callable
from functools import partial

from zenoo_rpc import ZenooClient
from zenoo_rpc.batch import BatchExecutor, CreateOperation

from odoo import api
from odoo.modules.registry import Registry

from .. import jobs, load_odoo
from ..bench import Bench
from ..measuring import Invalid, Measurement, Row, expect

#: Records that the bare loops create at once: where larger ones bring little more.
BARE_SIZE = 500
ALL = sys.maxsize


def _contest(bench: Bench, contestant: Callable, amount: str, **options) -> float:
    """Seconds in which a contestant creates partners; they are counted.

    :param amount: how many, by the name in the scale
    """
    mark, count = jobs.new_mark(), getattr(bench.scale, amount)
    seconds = contestant(bench, jobs.partners(mark, count), **options)
    jobs.expect_partners(bench.served, mark, count)
    return seconds


def _ours(bench: Bench, values: list[dict], size: int) -> float:
    """From the submission to the fetched result, all pages of it."""
    operations = jobs.cut(values, size)
    jobs.rest()
    started = time.monotonic()
    status = bench.submit(operations)
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


def _bare_loops(bench: Bench, values: list[dict]) -> float:
    """Two processes with a half each, at once: savepoint, create, commit."""
    halves = values[::2], values[1::2]
    with multiprocessing.get_context("spawn").Pool(len(halves), load_odoo) as fresh:
        warm_ups = [jobs.partners(jobs.new_mark(), BARE_SIZE // 10) for _half in halves]
        fresh.starmap(bare_loop, [(bench.served.dbname, part, BARE_SIZE) for part in warm_ups], chunksize=1)
        jobs.rest()
        started = time.monotonic()
        fresh.starmap(bare_loop, [(bench.served.dbname, half, BARE_SIZE) for half in halves], chunksize=1)
        return time.monotonic() - started


def bare_loop(database: str, values: list[dict], size: int) -> None:
    """Create partners, so many at once."""
    with Registry(database).cursor() as cr:
        partner = api.Environment(cr, jobs.ADMIN, {})[jobs.PARTNER]
        for start in range(0, len(values), size):
            with cr.savepoint():
                partner.create(values[start : start + size])
            cr.commit()


def _measurement(
    key: str, title: str, contestant: Callable, *, is_short: bool = True, amount: str = "singles", **options
) -> Measurement:
    run = partial(_contest, contestant=contestant, amount=amount, **options)
    return Measurement(key, title, "s", run, warms_up=True, is_short=is_short)


MEASUREMENTS = [
    _measurement("ours-singles", "Batch Executor, {singles:,} one-record operations", _ours, size=1),
    _measurement("ours-bulk", "Batch Executor, one operation of {singles:,}", _ours, size=ALL),
    _measurement("zenoo-singles", "Zenoo RPC, {singles:,} one-record operations", _zenoo, size=1, is_short=False),
    _measurement("zenoo-bulk", "Zenoo RPC, one operation of {singles:,}", _zenoo, size=ALL),
    _measurement("queue-job-singles", "queue_job, {singles:,} jobs of one record", _queue_job, size=1, is_short=False),
    _measurement("queue-job-chunks", "queue_job, jobs of 100 records cut by hand", _queue_job, size=100),
    _measurement("ours-large", "Batch Executor, one operation of {large:,}", _ours, size=ALL, is_short=False, amount="large"),
    _measurement("zenoo-large", "Zenoo RPC, one operation of {large:,}", _zenoo, size=ALL, is_short=False, amount="large"),
    _measurement("bare-large", "two bare loops at once, {large:,} records", _bare_loops, is_short=False, amount="large"),
    _measurement("rpc-loop", "a loop of {singles:,} RPC calls", _loop, is_short=False),
]
SINGLES = "{singles:,} one-record creates, against"
LARGE = "one operation of {large:,} records, against"
BULK = "one operation of {singles:,} records, against"
ROWS = [
    Row("zenoo-singles", f"{SINGLES} Zenoo RPC", "zenoo-singles", "ours-singles", "≥ 20"),
    Row("queue-job-singles", f"{SINGLES} queue_job with a job per record", "queue-job-singles", "ours-singles", "≥ 20"),
    Row("queue-job-chunks", f"{BULK} queue_job with jobs of 100 cut by hand", "queue-job-chunks", "ours-bulk", "≥ 1.2"),
    Row("zenoo-bulk", f"{BULK} Zenoo RPC", "zenoo-bulk", "ours-bulk"),
    Row("zenoo-large", f"{LARGE} Zenoo RPC", "zenoo-large", "ours-large", "≥ 1.5"),
    Row("bare-large", f"{LARGE} two bare loops at once, chunks of {BARE_SIZE}", "bare-large", "ours-large", "≥ 1.2"),
    Row("rpc-loop", f"{SINGLES} a loop of RPC calls", "rpc-loop", "ours-singles"),
    Row("coalescing", "{singles:,} one-record operations, as fast as one operation of {singles:,} records",
        "ours-bulk", "ours-singles", "≥ 0.9"),
]  # fmt: skip
