"""The nightly feed: the same file again, with `skip_unchanged` and without."""

from collections.abc import Callable
from functools import partial

from .. import jobs
from ..bench import Bench
from ..measuring import Measurement, Row

CHUNK_SIZE = 500
#: Of how many hundred records one has changed, and how many times as fast the job has to be.
SHARES = {0: "≥ 15", 5: "≥ 6"}


def _values(mark: str, number: int, city: str) -> dict:
    return {
        "name": f"Contact {number}", "email": f"c{number}@{mark}.example.com", "street": f"Street {number}",
        "zip": f"{number:05d}", "phone": f"+1 555 {number:07d}", "city": city,
    }  # fmt: skip


def _upsert(rows: list[tuple]) -> dict:
    data = [{"ref": f"{mark}-{number}", **_values(mark, number, city)} for mark, number, city in rows]
    return {"operation_type": "upsert", "model": jobs.PARTNER, "key": ["ref"], "data": data}


def _load(rows: list[tuple]) -> dict:
    data = [{"id": f"{mark}_{number}", **_values(mark, number, city), "country_id/id": "base.be"} for mark, number, city in rows]
    return {"operation_type": "load", "model": jobs.PARTNER, "fields": list(data[0]), "data": [list(row.values()) for row in data]}


def _measure(bench: Bench, operation: Callable, share: int) -> dict[str, float]:
    """Records per second of a job that writes all, and of one that writes what has changed."""
    registry, count, mark = bench.inside, bench.scale.fed, jobs.new_mark()

    def feed(city):
        return operation([(mark, number, city if number % 100 < share else "Springfield") for number in range(count)])

    def seconds(city, **options):
        job = jobs.submit(registry, feed(city), max_chunk_size=CHUNK_SIZE, **options)
        return jobs.run(registry, job)

    seconds("Springfield", quiet=True)
    seconds("Springfield", skip_unchanged=True)  # warms up
    return {"written": count / seconds("Ghent"), "skipped": count / seconds("Bruges", skip_unchanged=True)}


_OPERATIONS = {"upsert": ("upsert", _upsert), "load": ("import", _load)}
MEASUREMENTS = [
    Measurement(f"again-{kind}-{share}", f"second {title} of {{fed:,}} partners, {share} % changed", "records/s",
                partial(_measure, operation=operation, share=share), once=True)
    for kind, (title, operation) in _OPERATIONS.items()
    for share in SHARES
]  # fmt: skip
ROWS = [
    Row(f"again-{kind}-{share}", f"second {title} of {{fed:,}} partners of which {share} % have changed: `skip_unchanged`, against the same without; chunks of {CHUNK_SIZE}",
        f"again-{kind}-{share}/skipped", f"again-{kind}-{share}/written", goal)
    for kind, (title, _operation) in _OPERATIONS.items()
    for share, goal in SHARES.items()
]  # fmt: skip
