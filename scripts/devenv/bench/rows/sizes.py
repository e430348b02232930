"""The adaptive chunk size against fixed ones, over different kinds of work."""

from functools import partial

from .. import jobs
from ..bench import Bench
from ..measuring import Measurement, Row

SIZES = (25, 50, 100, 200, 500, 1000)
#: The adaptive size is measured once it has seen this many times the records.
LEARNS_FROM = 2
PARTNERS = """
    INSERT INTO res_partner (id, commercial_partner_id, name, type, active)
    SELECT id, id, 'Contact ' || id, 'contact', true
      FROM (SELECT nextval('res_partner_id_seq') AS id FROM generate_series(1, %s)) AS new
 RETURNING id
"""


def _partners(registry, count: int) -> dict:
    return jobs.create(jobs.partners(jobs.new_mark(), count))


def _products(registry, count: int) -> dict:
    mark = jobs.new_mark()
    values = [{"name": f"Product {n}", "default_code": f"{mark}-{n}", "list_price": n} for n in range(count)]
    return jobs.create(values, "product.template")


def _slow(registry, count: int) -> dict:
    return jobs.create([{"name": f"Industry {number}"} for number in range(count)], "res.partner.industry")


def _updates(registry, count: int) -> dict:
    # made without what it takes Odoo to make them
    data = [{"id": id_, "phone": f"+1 556 {id_:07d}"} for (id_,) in jobs.query(registry, PARTNERS, count)]
    return {"operation_type": "update", "model": jobs.PARTNER, "data": data}


def _deletes(registry, count: int) -> dict:
    ids = [id_ for (id_,) in jobs.query(registry, PARTNERS, count)]
    return {"operation_type": "delete", "model": jobs.PARTNER, "record_ids": ids}


#: Kinds of work: what it is called, what makes the operation, and by which number of the scale. A second or more is to be measured.
WORKS = {
    "partners": ("creates of partners", _partners, "sized"),
    "products": ("creates of products", _products, "slow_sized"),
    "updates": ("updates of partners", _updates, "slow_sized"),
    "deletes": ("deletes of partners", _deletes, "fast_sized"),
    "slow": ("creates that slow down with the chunk", _slow, "slow_sized"),
}


def _rate(bench: Bench, work: str, size: int, times: int = 1) -> float:
    """Records per second in chunks of a size, or of one that is chosen (0)."""
    _title, make, amount = WORKS[work]
    count = getattr(bench.scale, amount) * times
    job = jobs.submit(bench.inside, make(bench.inside, count), max_chunk_size=size)
    return count / jobs.run(bench.inside, job)


def _rate_adaptive(bench: Bench, work: str) -> dict[str, float]:
    """Records per second where the size is chosen: `cold` without any experience, then with that of the first job.

    `longest` is the longest chunk of both, in seconds.
    """
    jobs.query(bench.inside, "DELETE FROM batch_sizing")
    cold = _rate(bench, work, 0, LEARNS_FROM)
    warm = _rate(bench, work, 0)
    of_both = "SELECT max(duration)::float FROM batch_chunk WHERE job_id IN (SELECT id FROM batch_job ORDER BY id DESC LIMIT 2)"
    return {"": warm, "cold": cold, "longest": jobs.query(bench.inside, of_both)[0][0]}


MEASUREMENTS = [
    *(Measurement(f"{work}-{size}", f"{title}, chunks of {size:,}", "records/s", partial(_rate, work=work, size=size))
      for work, (title, *_how) in WORKS.items() for size in SIZES),
    *(Measurement(f"{work}-adaptive", f"{title}, adaptive", "records/s", partial(_rate_adaptive, work=work), {"longest": "s"})
      for work, (title, *_how) in WORKS.items()),
]  # fmt: skip
FIXED = {work: " ".join(f"{work}-{size}" for size in SIZES) for work in WORKS}
ROWS = [
    *(Row(f"{work}-adaptive", f"{title}: adaptive chunk size, against the best fixed one", f"{work}-adaptive", FIXED[work], "≥ 0.95")
      for work, (title, *_how) in WORKS.items()),
    *(Row(f"{work}-cold", f"{title}: the same, with nothing learned yet", f"{work}-adaptive/cold", FIXED[work])
      for work, (title, *_how) in WORKS.items()),
    Row("longest-chunk", "longest chunk of an adaptive size", " ".join(f"{work}-adaptive/longest" for work in WORKS),
        goal="≤ 5", unit="s"),
]  # fmt: skip
