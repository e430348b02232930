"""Tracked changes: what they cost an update, and what it takes to undo it."""

from .. import jobs
from ..bench import Bench
from ..measuring import Measurement, Row
from .sizes import PARTNERS

#: Other values for each: equal ones would be given back in one write.
OLD_VALUES = "UPDATE res_partner SET city = 'Town ' || id, comment = '<p>Old ' || id || '</p>' WHERE id = ANY(%s)"


def _update(registry, count: int) -> dict:
    """An update of fields that have no tracking in the chatter: there is nothing else to wait for."""
    ids = [id_ for (id_,) in jobs.query(registry, PARTNERS, count)]
    jobs.query(registry, OLD_VALUES, ids)
    data = [{"id": id_, "city": f"City {id_}", "comment": f"<p>Comment {id_}</p>"} for id_ in ids]
    return {"operation_type": "update", "model": jobs.PARTNER, "data": data}


def _measure(bench: Bench) -> dict[str, float]:
    """Seconds of an update, of one that tracks its changes, and of the undo of that: one after the other, on new partners each time."""
    registry, count = bench.inside, bench.scale.tracked
    plain = jobs.run(registry, jobs.submit(registry, _update(registry, count)))
    job = jobs.submit(registry, _update(registry, count), track_changes=True)
    tracked = jobs.run(registry, job)
    undo = jobs.run(registry, jobs.call(registry, job, "undo"))
    return {"plain": plain, "tracked": tracked, "undo": undo, "share": 100 * (tracked - plain) / plain, "ratio": undo / tracked}


MEASUREMENTS = [
    Measurement(
        "changes", "tracked updates of partners, and their undo", "s", _measure, {"share": "%", "ratio": "x"}, once=True, warms_up=True
    )
]
ROWS = [
    Row("track-changes", "update of {tracked:,} partners: what `track_changes` adds to its time", "changes/share", goal="≤ 15", unit="%"),
    Row("undo", "undo of an update of {tracked:,} partners, against that update", "changes/ratio", goal="≤ 1.3"),
]
