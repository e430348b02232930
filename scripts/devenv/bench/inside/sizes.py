"""One kind of work by a lane, in chunks of one size or another."""

from __future__ import annotations

from odoo import api
from odoo.tools import SQL

from .. import records
from . import jobs
from .rows import copy

PRODUCT = "product.template"
SLOW = "batch_executor_bench.slow"
#: The adaptive size is measured once it has seen this many times the records.
LEARNS_FROM = 2


def rate(registry, work: str, count: int, size: int) -> float:
    """Records per second in chunks of a fixed size."""
    return count / jobs.run(registry, _submit(registry, work, count, size))


def adaptive(registry, work: str, count: int) -> dict[str, float]:
    """Records per second where the size is chosen: `cold` without any experience, then with that of the first job.

    `longest` is the longest chunk of both, in seconds.
    """
    _forget(registry)
    first = _submit(registry, work, count * LEARNS_FROM, 0)
    cold = count * LEARNS_FROM / jobs.run(registry, first)
    second = _submit(registry, work, count, 0)
    warm = count / jobs.run(registry, second)
    longest = max(jobs.longest_chunk(registry, job) for job in (first, second))
    return {"": warm, "cold": cold, "longest": longest}


def _submit(registry, work: str, count: int, size: int) -> int:
    return jobs.submit(registry, [WORKS[work](registry, count)], max_chunk_size=size)


def _forget(registry) -> None:
    with registry.cursor() as cr:
        cr.execute("DELETE FROM batch_sizing")


def _partners(registry, count: int) -> dict:
    return records.create(records.partners(records.new_mark(), count))


def _products(registry, count: int) -> dict:
    mark = records.new_mark()
    values = [
        {"name": f"Product {number}", "default_code": f"{mark}-{number}", "list_price": number}
        for number in range(count)
    ]
    return records.create(values, PRODUCT)


def _slow(registry, count: int) -> dict:
    return records.create([{"name": f"Slow {number}"} for number in range(count)], SLOW)


def _updates(registry, count: int) -> dict:
    data = [{"id": id_, "phone": f"+1 556 {id_:07d}"} for id_ in _copied_partners(registry, count)]
    return {"operation_type": "update", "model": records.PARTNER, "data": data}


def _deletes(registry, count: int) -> dict:
    ids = _copied_partners(registry, count)
    return {"operation_type": "delete", "model": records.PARTNER, "record_ids": ids}


def _copied_partners(registry, count: int) -> list[int]:
    mark = records.new_mark()
    with registry.cursor() as cr:
        [values] = records.partners(mark, 1)
        model = api.Environment(cr, jobs.ADMIN, {})[records.PARTNER].create(values)
        model.flush_recordset()
        ids = copy(cr, "res_partner", model.id, count, ref=SQL("%s || '-' || number", mark))
        cr.execute("UPDATE res_partner SET commercial_partner_id = id WHERE id = ANY(%s)", [ids])
        return ids


WORKS = {
    "partners": _partners,
    "products": _products,
    "updates": _updates,
    "deletes": _deletes,
    "slow": _slow,
}
