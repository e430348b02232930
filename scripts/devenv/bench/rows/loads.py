"""Imports: by a lane, and by a bare loop of Odoo's `load`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from odoo import api

from .. import jobs
from ..bench import Bench
from ..measuring import Invalid, Measurement, Row
from .lanes import in_turns, steps_of_a_lane

CHUNK_SIZE = 500
COUNTRIES = {"base.be": "Belgium", "base.de": "Germany", "base.fr": "France", "base.nl": "Netherlands", "base.us": "United States"}
TAGS = ("Benchmark Gold", "Benchmark Silver")


@dataclass(frozen=True)
class File:
    """A kind of file.

    :param row: takes a mark and a number, and returns the cells of a row by column
    :param is_known: whether its records are there already
    """

    title: str
    row: Callable
    goal: str = ""
    is_known: bool = False


def _new(mark: str, number: int) -> dict:
    place = list(COUNTRIES)[number % len(COUNTRIES)]
    return {"id": f"{mark}_{number}", "name": f"Contact {number}", "email": f"c{number}@{mark}.example.com", "city": "Springfield", "country_id/id": place}


def _named(mark: str, number: int) -> dict:
    row = _new(mark, number)
    country, tags = COUNTRIES[row.pop("country_id/id")], ",".join(TAGS[: 1 + number % 2])
    return {**row, "country_id": country, "category_id": tags, "user_id": "Administrator"}


def _changed(mark: str, number: int) -> dict:
    return {"id": f"{mark}_{number}", "email": f"new{number}@{mark}.example.com", "city": f"City {number}"}


FILES = {
    "created": File("new partners with external ids, countries by external id", _new, "≥ 1.3"),
    "named": File("new partners with external ids; countries, tags and salesperson by name", _named, "≥ 1.5"),
    "changed": File("known partners, by external id, with other values for each", _changed, "≥ 1.3", is_known=True),
}


def _measure(bench: Bench, kind: str) -> dict[str, float]:
    """Rows per second of a lane and of a bare loop, which take turns chunk by chunk."""
    registry, file, count = bench.inside, FILES[kind], bench.scale.imports
    _make_tags(registry)
    files = {}
    for name in ("lane", "bare"):
        mark = jobs.new_mark()
        if file.is_known:
            jobs.run(registry, jobs.submit(registry, operation_of([_new(mark, number) for number in range(count)]), quiet=True))
        files[name] = operation_of([file.row(mark, number) for number in range(count)])
    job = jobs.submit(registry, files["lane"], max_chunk_size=CHUNK_SIZE)
    seconds = in_turns({"lane": steps_of_a_lane(registry), "bare": _bare_loop(registry, files["bare"])}, -(-count // CHUNK_SIZE))
    jobs.check(registry, job)
    return {name: count / spent for name, spent in seconds.items()}


def operation_of(rows: list[dict]) -> dict:
    data = [list(row.values()) for row in rows]
    return {"operation_type": "load", "model": jobs.PARTNER, "fields": list(rows[0]), "data": data}


def _make_tags(registry) -> None:
    with registry.cursor() as cr:
        tags = api.Environment(cr, jobs.ADMIN, {})["res.partner.category"]
        if not tags.search_count([("name", "in", TAGS)]):
            tags.create([{"name": name} for name in TAGS])


def _bare_loop(registry, operation: dict) -> Iterator[None]:
    """A loop without a queue: load, commit."""
    with registry.cursor() as cr:
        partners = api.Environment(cr, jobs.ADMIN, {})[jobs.PARTNER]
        for start in range(0, len(operation["data"]), CHUNK_SIZE):
            answer = partners.load(operation["fields"], operation["data"][start : start + CHUNK_SIZE])
            if not answer["ids"]:
                raise Invalid(f"load: {answer['messages'][:1]}")
            cr.commit()
            yield


MEASUREMENTS = [
    Measurement(f"import-{key}", f"import of {{imports:,}} {file.title}", "rows/s", partial(_measure, kind=key), warms_up=True)
    for key, file in FILES.items()
]
ROWS = [
    Row(f"import-{key}", f"import of {file.title}: a lane, against a bare loop of `load`; chunks of {CHUNK_SIZE}",
        f"import-{key}/lane", f"import-{key}/bare", file.goal)
    for key, file in FILES.items()
]  # fmt: skip
