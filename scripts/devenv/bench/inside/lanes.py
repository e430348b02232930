"""One lane, and the least anybody could do instead."""

from __future__ import annotations

import time
from unittest.mock import patch

from odoo import api

from odoo.addons.batch_executor.executor.handlers import CreateHandler

from .. import records
from . import jobs

#: How often the two take turns, so that whatever else the machine does falls on both.
TURNS = 4


def side_by_side(registry, count: int, size: int) -> dict[str, float]:
    """Partners per second of a lane and of a bare loop, each with so many in all."""
    count = max(count // TURNS // size, 1) * size
    lane_s = bare_s = 0.0
    for turn in range(TURNS):
        if turn % 2:
            lane_s += _run_creates(registry, count, size)
            bare_s += _run_bare(registry, count, size)
        else:
            bare_s += _run_bare(registry, count, size)
            lane_s += _run_creates(registry, count, size)
    return {"lane": TURNS * count / lane_s, "bare": TURNS * count / bare_s}


def _run_bare(registry, count: int, size: int) -> float:
    """Seconds of a loop without a queue: savepoint, create, commit."""
    mark = records.new_mark()
    values = records.partners(mark, count)
    started = time.monotonic()
    with registry.cursor() as cr:
        partner = api.Environment(cr, jobs.ADMIN, {})[records.PARTNER]
        for start in range(0, count, size):
            with cr.savepoint():
                partner.create(values[start : start + size])
            cr.commit()
    seconds = time.monotonic() - started
    jobs.expect(jobs.count_partners(registry, mark), count, "partners of the bare loop")
    return seconds


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
