"""The business work that Odoo does most: by a lane, by a quiet one, and by a bare loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from odoo import api

from .. import jobs
from ..bench import Bench
from ..measuring import Measurement, Row
from .lanes import in_turns, steps_of_a_lane

CHUNK_SIZE = 100
#: What makes records that are only needed: as fast as Odoo can, and without a word.
SILENT = {"tracking_disable": True, "mail_create_nosubscribe": True, "mail_create_nolog": True}


@dataclass(frozen=True)
class Work:
    """A kind of work.

    :param make: takes an environment and a number of records, and returns the operation; it may make records first
    :param goal: least times the speed of the bare loop
    """

    title: str
    make: Callable
    goal: str = ""


def _create(model: str, values: Callable) -> Callable:
    """What makes an operation that creates records; `values` takes the environment, a mark and a number."""

    def make(env, count: int) -> dict:
        mark = jobs.new_mark()
        return jobs.create([values(env, mark, number) for number in range(count)], model)

    return make


def _call(made: Callable, method: str) -> Callable:
    """What makes an operation that calls a method of records, which are made before."""

    def make(env, count: int) -> dict:
        operation = made(env, count)
        records = env[operation["model"]].with_context(**SILENT).create(operation["data"])
        return {"operation_type": "call", "model": records._name, "method": method, "record_ids": records.ids}

    return make


def _product(env):
    name = "Sold by the benchmark"
    return env["product.product"].search([("name", "=", name)]) or env["product.product"].create({"name": name, "list_price": 10.0})


def _order(env, mark, number):
    line = {"product_id": _product(env).id, "product_uom_qty": 1 + number % 5}
    return {
        "partner_id": env.user.partner_id.id,
        "client_order_ref": f"{mark}-{number}",
        "order_line": [(0, 0, {**line, "name": f"Line {place}"}) for place in range(3)],
    }


def _invoice(env, mark, number):
    line = {"product_id": _product(env).id, "quantity": 1 + number % 5, "price_unit": 10.0 + number % 7}
    return {
        "move_type": "out_invoice",
        "partner_id": env.user.partner_id.id,
        "invoice_date": "2026-01-31",
        "ref": f"{mark}-{number}",
        "invoice_line_ids": [(0, 0, {**line, "name": f"Line {place}"}) for place in range(2)],
    }


def _move(env, mark, number):
    product = _product(env)
    places = {"location_id": env.ref("stock.stock_location_stock").id, "location_dest_id": env.ref("stock.stock_location_customers").id}
    move = {"product_id": product.id, "product_uom": product.uom_id.id, "product_uom_qty": 1 + number % 5, **places}
    return {"picking_type_id": env.ref("stock.picking_type_out").id, "origin": f"{mark}-{number}", **places, "move_ids": [(0, 0, move)]}


def _variants(env, mark, number):
    attribute = env["product.attribute"].search([("name", "=", "Benchmark")]) or env["product.attribute"].create(
        {"name": "Benchmark", "value_ids": [(0, 0, {"name": f"Value {place}"}) for place in range(4)]}
    )
    line = {"attribute_id": attribute.id, "value_ids": [(6, 0, attribute.value_ids.ids)]}
    return {"name": f"Product {number}", "default_code": f"{mark}-{number}", "attribute_line_ids": [(0, 0, line)]}


def _updates(env, count: int) -> dict:
    """Tracked fields, with other values for each."""
    mark = jobs.new_mark()
    partners = env[jobs.PARTNER].with_context(**SILENT).create(jobs.partners(mark, count))
    data = [
        {"id": partner.id, "email": f"new.{number}@{mark}.example.com", "city": f"City {number}", "comment": f"<p>Comment {number}</p>"}
        for number, partner in enumerate(partners)
    ]
    return {"operation_type": "update", "model": jobs.PARTNER, "data": data}


def _named(model: str) -> Callable:
    return _create(model, lambda env, mark, number: {"name": f"{mark} {number}"})


WORKS = {
    "tracked": Work("updates of partners with tracked fields", _updates, "≥ 1.6"),
    "templates": Work("products", _named("product.template"), "≥ 1.15"),
    "variants": Work("products with four variants", _create("product.template", _variants)),
    "orders": Work("sale orders with three lines", _create("sale.order", _order), "≥ 1.15"),
    "confirmed": Work("sale orders confirmed", _call(_create("sale.order", _order), "action_confirm")),
    "employees": Work("employees", _named("hr.employee"), "≥ 1.15"),
    "leads": Work("leads", _named("crm.lead")),
    "tasks": Work("tasks", _named("project.task")),
    "invoices": Work("invoices with two lines", _create("account.move", _invoice)),
    "posted": Work("invoices posted", _call(_create("account.move", _invoice), "action_post")),
    "transfers": Work("stock transfers of one move", _create("stock.picking", _move)),
    "reserved": Work("stock transfers confirmed", _call(_create("stock.picking", _move), "action_confirm")),
}


def _measure(bench: Bench, work: str) -> dict[str, float]:
    """Records per second of a lane and of a bare loop, which take turns chunk by chunk, and then of a quiet lane."""
    registry, count, operations = bench.business(), bench.scale.business, {}
    for name in ("lane", "bare", "quiet"):
        with registry.cursor() as cr:
            operations[name] = WORKS[work].make(api.Environment(cr, jobs.ADMIN, {}), count)
    job = jobs.submit(registry, operations["lane"], max_chunk_size=CHUNK_SIZE)
    contestants = {"lane": steps_of_a_lane(registry), "bare": _bare_loop(registry, operations["bare"])}
    seconds = in_turns(contestants, -(-count // CHUNK_SIZE))
    jobs.check(registry, job)
    seconds["quiet"] = jobs.run(registry, jobs.submit(registry, operations["quiet"], max_chunk_size=CHUNK_SIZE, quiet=True))
    return {name: count / spent for name, spent in seconds.items()}


def _bare_loop(registry, operation: dict) -> Iterator[None]:
    """A loop without a queue: savepoint, the work on a chunk, commit."""
    rows = operation.get("data") or operation["record_ids"]
    with registry.cursor() as cr:
        model = api.Environment(cr, jobs.ADMIN, {})[operation["model"]]
        for start in range(0, len(rows), CHUNK_SIZE):
            with cr.savepoint():
                _apply(model, operation, rows[start : start + CHUNK_SIZE])
            cr.commit()
            yield


def _apply(model, operation: dict, rows: list) -> None:
    kind = operation["operation_type"]
    if kind == "create":
        model.create(rows)
    elif kind == "call":
        getattr(model.browse(rows), operation["method"])()
    else:
        for row in rows:
            model.browse(row["id"]).write({name: value for name, value in row.items() if name != "id"})


MEASUREMENTS = [
    Measurement(f"business-{key}", f"{work.title}, chunks of {CHUNK_SIZE}", "records/s", partial(_measure, work=key), warms_up=True)
    for key, work in WORKS.items()
]
ROWS = [
    Row(key, f"{work.title}: a lane, against a bare loop", f"business-{key}/lane", f"business-{key}/bare", work.goal)
    for key, work in WORKS.items()
]
