"""Measured seconds per record, by model, operation type and chunk size (table `batch_sizing`)."""

from collections import Counter, defaultdict

from odoo.tools import SQL

from ..engine import sizing, states
from .sql import fetch


def learned_of(cr, model, operation_type):
    """Measurements of a model and operation type: size -> (seconds per record, samples)."""
    return _learned(cr, [model])[model, operation_type]


def expected_s(cr, plans):
    """Expected seconds of planned chunks, added up; 0 for a model and operation type that were never measured.

    :param list plans: `ChunkPlan`s
    """
    counts = Counter(
        (plan.model, plan.operation_type, len(plan.payload)) for plan in plans if plan.kind == states.RECORDS
    )
    learned = _learned(cr, {model for model, _type, _count in counts})
    return sum(
        chunks * sizing.expected_s(learned[model, operation_type], count)
        for (model, operation_type, count), chunks in counts.items()
    )


def learn(cr, model, operation_type, count, duration_s):
    """Add the measured time of a chunk of `count` records without failures.

    :param float duration_s: seconds
    """
    size = sizing.bucket(count)
    if size is None:
        return
    cr.execute(
        SQL(
            """
            INSERT INTO batch_sizing AS old (model, operation_type, size, seconds_per_record, samples)
            VALUES (%(model)s, %(type)s, %(size)s, %(seconds)s, 1)
            ON CONFLICT (model, operation_type, size) DO UPDATE
               SET seconds_per_record = old.seconds_per_record
                                      + %(newest)s * (excluded.seconds_per_record - old.seconds_per_record),
                   samples = old.samples + 1
            """,
            model=model,
            type=operation_type,
            size=size,
            seconds=duration_s / count,
            newest=sizing.NEWEST,
        )
    )


def _learned(cr, models):
    """Measurements of these models: `(model, operation type)` -> size -> (seconds per record, samples)."""
    learned = defaultdict(dict)
    query = SQL(
        "SELECT model, operation_type, size, seconds_per_record, samples FROM batch_sizing WHERE model = ANY(%s)",
        list(models),
    )
    for model, operation_type, size, seconds, samples in fetch(cr, query):
        learned[model, operation_type][size] = (seconds, samples)
    return learned
