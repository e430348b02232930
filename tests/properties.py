"""Properties that are tried with generated examples (hypothesis). Where it is not installed, those tests are skipped.

`BATCH_EXAMPLES=10` tries ten times as many.
"""

import os

from .extras import is_installed, needs

if is_installed("hypothesis"):
    import hypothesis
    from hypothesis import strategies as st

    #: How many times as many examples are tried.
    TIMES = float(os.environ.get("BATCH_EXAMPLES", 1))
    #: Examples may take their time: the machine may be busy with something else.
    PATIENT = {"deadline": None, "database": None, "suppress_health_check": list(hypothesis.HealthCheck)}

    def given(*strategies, max_examples=100, **settings):
        """Try a test with examples of these strategies; the settings are hypothesis' own."""
        tried = hypothesis.settings(**PATIENT, max_examples=max(1, int(max_examples * TIMES)), **settings)
        return lambda test: tried(hypothesis.given(*strategies)(test))

else:

    class NoStrategy:
        """Takes the place of all strategies: it can be made, called and combined, and comes to nothing."""

        def __getattr__(self, name):
            return self

        def __call__(self, *arguments, **keywords):
            return self

        def __or__(self, other):
            return self

    st = NoStrategy()

    def given(*strategies, **settings):
        """Skip a test that would need examples."""
        return needs("hypothesis")
