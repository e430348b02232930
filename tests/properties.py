"""Properties that are tried with generated examples (hypothesis). Where it is not installed, those tests are skipped."""

from .extras import is_installed, needs

if is_installed("hypothesis"):
    import hypothesis
    from hypothesis import strategies as st

    #: Examples may take their time: the machine may be busy with something else.
    PATIENT = {"deadline": None, "database": None, "suppress_health_check": list(hypothesis.HealthCheck)}

    def given(*strategies, **settings):
        """Try a test with examples of these strategies; the settings are hypothesis' own."""
        return lambda test: hypothesis.settings(**PATIENT, **settings)(hypothesis.given(*strategies)(test))

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
