"""The adaptive chunk size against fixed ones, over different kinds of work."""

from functools import partial

from odoo import api

from .. import jobs
from ..measuring import Measurement, Row

SIZES = (25, 50, 100, 200, 500, 1000)
LONGEST_CHUNK_S = 5
#: The adaptive size is measured once it has seen this many times the records.
LEARNS_FROM = 2
COPY = """
    INSERT INTO res_partner
    SELECT copy.*
      FROM res_partner AS model,
           (SELECT nextval('res_partner_id_seq') AS id FROM generate_series(1, %s)) AS new,
           jsonb_populate_record(model, to_jsonb(new) || jsonb_build_object('commercial_partner_id', new.id)) AS copy
     WHERE model.id = %s
 RETURNING id
"""


def _partners(registry, count: int) -> dict:
    return jobs.create(jobs.partners(jobs.new_mark(), count))


def _products(registry, count: int) -> dict:
    mark = jobs.new_mark()
    values = [{"name": f"Product {n}", "default_code": f"{mark}-{n}", "list_price": n} for n in range(count)]
    return jobs.create(values, "product.template")


def _slow(registry, count: int) -> dict:
    return jobs.create([{"name": f"Slow {number}"} for number in range(count)], "batch_executor_bench.slow")


def _updates(registry, count: int) -> dict:
    data = [{"id": id_, "phone": f"+1 556 {id_:07d}"} for id_ in _copied_partners(registry, count)]
    return {"operation_type": "update", "model": jobs.PARTNER, "data": data}


def _deletes(registry, count: int) -> dict:
    return {"operation_type": "delete", "model": jobs.PARTNER, "record_ids": _copied_partners(registry, count)}


def _copied_partners(registry, count: int) -> list[int]:
    """As many partners, without what it takes Odoo to make them."""
    with registry.cursor() as cr:
        partner = api.Environment(cr, jobs.ADMIN, {})[jobs.PARTNER].create(jobs.partners(jobs.new_mark(), 1)).id
    return [id_ for (id_,) in jobs.query(registry, COPY, count, partner)]


#: Kinds of work: what it is called, what makes the operation, and by which number of the scale. A second or more is to be measured.
WORKS = {
    "partners": ("creates of partners", _partners, "sized"),
    "products": ("creates of products", _products, "slow_sized"),
    "updates": ("updates of partners", _updates, "slow_sized"),
    "deletes": ("deletes of partners", _deletes, "fast_sized"),
    "slow": ("creates that slow down with the chunk", _slow, "slow_sized"),
}


def _rate(registry, scale, work: str, size: int) -> float:
    """Records per second in chunks of a fixed size."""
    count = getattr(scale, WORKS[work][2])
    return count / jobs.run(registry, _submit(registry, work, count, size))


def _rate_adaptive(registry, scale, work: str) -> dict[str, float]:
    """Records per second where the size is chosen: `cold` without any experience, then with that of the first job.

    `longest` is the longest chunk of both, in seconds.
    """
    count = getattr(scale, WORKS[work][2])
    jobs.query(registry, "DELETE FROM batch_sizing")
    first = _submit(registry, work, count * LEARNS_FROM, 0)
    cold = count * LEARNS_FROM / jobs.run(registry, first)
    second = _submit(registry, work, count, 0)
    warm = count / jobs.run(registry, second)
    of_both = "SELECT max(duration)::float FROM batch_chunk WHERE job_id IN (%s, %s)"
    [(longest,)] = jobs.query(registry, of_both, first, second)
    return {"": warm, "cold": cold, "longest": longest}


def _submit(registry, work: str, count: int, size: int) -> int:
    return jobs.submit(registry, WORKS[work][1](registry, count), max_chunk_size=size)


def _row(work: str, key: str, title: str, sample: str, **goal) -> Row:
    """What a sample comes to, against the best of the fixed sizes."""
    return Row(key, f"{WORKS[work][0]}: {title}", "x", (sample,), tuple(f"{work}-{size}" for size in SIZES), **goal)


# fmt: off
MEASUREMENTS = [
    *(Measurement(f"{work}-{size}", f"{title}, chunks of {size:,}", "records/s",
                  partial(_rate, work=work, size=size), "inside")
      for work, (title, *_how) in WORKS.items() for size in SIZES),
    *(Measurement(f"{work}-adaptive", f"{title}, adaptive", "records/s",
                  partial(_rate_adaptive, work=work), "inside", {"longest": "s"})
      for work, (title, *_how) in WORKS.items()),
]
ROWS = [
    *(_row(work, f"{work}-adaptive", "adaptive chunk size, against the best fixed one", f"{work}-adaptive", least=0.95)
      for work in WORKS),
    *(_row(work, f"{work}-cold", "the same, with nothing learned yet", f"{work}-adaptive/cold") for work in WORKS),
    Row("longest-chunk", "longest chunk of an adaptive size",
        "s", tuple(f"{work}-adaptive/longest" for work in WORKS), most=LONGEST_CHUNK_S),
]
# fmt: on
