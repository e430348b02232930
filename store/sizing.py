"""Measured seconds per record, by model, kind of operation (`engine.sizing.kind_of`) and chunk size (table `batch_sizing`)."""

from collections import Counter, defaultdict

from odoo.tools import SQL

from ..engine import sizing, states
from .sql import fetch


def learned_of(cr, model, kind):
    """Measurements of a model and kind of operation: size -> (seconds per record, samples)."""
    return _learned(cr, [model])[model, kind]


def expected_s(cr, plans):
    """Expected seconds of planned chunks, added up; 0 for a model and kind of operation that were never measured.

    :param list plans: `ChunkPlan`s
    """
    counts = Counter(
        (plan.model, sizing.kind_of(plan.operation_type, plan.payload.params), len(plan.payload))
        for plan in plans
        if plan.kind == states.RECORDS
    )
    learned = _learned(cr, {model for model, _kind, _count in counts})
    return sum(
        chunks * sizing.expected_s(learned[model, kind], count) for (model, kind, count), chunks in counts.items()
    )


def learn(cr, model, kind, count, duration_s):
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
                   samples = CASE
                                 WHEN excluded.seconds_per_record > %(surprise)s * old.seconds_per_record THEN 1
                                 ELSE old.samples + 1
                             END
            """,
            model=model,
            type=kind,
            size=size,
            seconds=duration_s / count,
            newest=sizing.NEWEST,
            surprise=sizing.SURPRISE,
        )
    )


def learn_interrupted(cr, model, kind, count, duration_s):
    """Note that a chunk of `count` records took at least so long, because its attempt was interrupted then.

    Nothing is noted of a size that was never measured: the parts of the chunk will measure theirs.

    :param float duration_s: seconds
    """
    cr.execute(
        SQL(
            """
            UPDATE batch_sizing
               SET seconds_per_record = seconds_per_record + %(newest)s * (%(seconds)s - seconds_per_record),
                   samples = 1
             WHERE model = %(model)s
               AND operation_type = %(type)s
               AND size = %(size)s
               AND seconds_per_record < %(seconds)s
            """,
            model=model,
            type=kind,
            size=sizing.bucket(count),
            seconds=min(duration_s, sizing.INTERRUPTED_S) / count,
            newest=sizing.NEWEST,
        )
    )


def _learned(cr, models):
    """Measurements of these models: `(model, kind of operation)` -> size -> (seconds per record, samples)."""
    learned = defaultdict(dict)
    query = SQL(
        "SELECT model, operation_type, size, seconds_per_record, samples FROM batch_sizing WHERE model = ANY(%s)",
        list(models),
    )
    for model, kind, size, seconds, samples in fetch(cr, query):
        learned[model, kind][size] = (seconds, samples)
    return learned
