"""One lane, and the least anybody could do instead."""

from __future__ import annotations

import time
from unittest.mock import patch

from odoo import api

from odoo.addons.batch_executor.executor.handlers import CreateHandler

from .. import records
from . import jobs


def lane_rate(registry, count: int, size: int) -> float:
    """Partners per second of a lane."""
    return count / _run_creates(registry, count, size)


def bare_rate(registry, count: int, size: int) -> float:
    """Partners per second of a loop without a queue: savepoint, create, commit."""
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
    return count / seconds


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
