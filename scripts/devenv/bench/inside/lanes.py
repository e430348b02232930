"""One lane, and the least anybody could do instead."""

from __future__ import annotations

import time
from collections.abc import Iterator
from unittest.mock import patch

from odoo import api

from odoo.addons.batch_executor.run.handlers import CreateHandler

from .. import records
from . import jobs


def side_by_side(registry, count: int, size: int) -> dict[str, float]:
    """Partners per second of a lane and of a bare loop, which take turns chunk by chunk: whatever else the machine does falls on both."""
    mark, bare_mark = records.new_mark(), records.new_mark()
    values = records.partners(bare_mark, count)
    job = jobs.submit(registry, [records.create(records.partners(mark, count))], max_chunk_size=size)
    contestants = {"lane": _lane_chunks(registry), "bare": _bare_chunks(registry, values, size)}
    seconds = dict.fromkeys(contestants, 0.0)
    going_on, turn = True, 0
    while going_on:
        turn += 1
        going_on = False
        for name in sorted(contestants, reverse=turn % 2):
            started = time.monotonic()
            going_on |= next(contestants[name], False)
            seconds[name] += time.monotonic() - started
    jobs.check(registry, job)
    jobs.expect(jobs.count_partners(registry, mark), count, "partners of the lane")
    jobs.expect(jobs.count_partners(registry, bare_mark), count, "partners of the bare loop")
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
        partner = api.Environment(cr, jobs.ADMIN, {})[records.PARTNER]
        for start in range(0, len(values), size):
            with cr.savepoint():
                partner.create(values[start : start + size])
            cr.commit()
            yield True


def overhead(registry, count: int, size: int) -> float:
    """Per cent of a lane's time that are not the creation itself, written to the database included."""
    apply, spent = CreateHandler.apply, 0.0

    def timed(handler, positions):
        nonlocal spent
        started = time.monotonic()
        ids = apply(handler, positions)
        handler.env.cr.flush()
        spent += time.monotonic() - started
        return ids

    with patch.object(CreateHandler, "apply", timed):
        seconds = _run_creates(registry, count, size)
    return 100 * (seconds - spent) / seconds


def _run_creates(registry, count: int, size: int) -> float:
    mark = records.new_mark()
    job = jobs.submit(registry, [records.create(records.partners(mark, count))], max_chunk_size=size)
    seconds = jobs.run(registry, job)
    jobs.expect(jobs.count_partners(registry, mark), count, "partners of the lane")
    return seconds
