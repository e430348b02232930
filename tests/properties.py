"""Properties of the engine, tried with generated examples."""

import hypothesis
from hypothesis import HealthCheck, settings

#: Examples may take their time: the machine may be busy with something else.
PATIENT = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


def given(*strategies):
    """As hypothesis' own, without limits on time."""
    return lambda test: PATIENT(hypothesis.given(*strategies)(test))
