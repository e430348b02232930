"""Whether a long queue makes anything slower."""

from __future__ import annotations

from ..bench import Bench
from ..measuring import Measurement, at_most, ratio


def _status(bench: Bench) -> dict[str, float]:
    return bench.crowd.agent.call("crowd.status", few=bench.crowd.few, many=bench.crowd.many, calls=bench.scale.calls)


def _claim_alone(bench: Bench) -> float:
    bench.inside.call("crowd.add_claimable")
    try:
        return bench.inside.call("crowd.claim", calls=bench.scale.calls)
    finally:
        bench.inside.call("crowd.clear")


def _claim_in_crowd(bench: Bench) -> float:
    return bench.crowd.agent.call("crowd.claim", calls=bench.scale.calls)


MEASUREMENTS = [
    Measurement("status", "status, of a job with 10 chunks and of one with {chunks:,}", "ms", _status),
    Measurement("claim-alone", "claim, nothing else in the queue", "ms", _claim_alone),
    Measurement("claim-in-crowd", "claim, {waiting:,} chunks of other jobs in the queue", "ms", _claim_in_crowd),
]
ROWS = [
    ratio(
        "status",
        "status of a job with {chunks:,} chunks, against one with 10",
        "status/many",
        "status/few",
        at_most(1.2),
    ),
    ratio(
        "claim",
        "a claim among {waiting:,} waiting chunks of other jobs, against none",
        "claim-in-crowd",
        "claim-alone",
        at_most(1.2),
    ),
]
