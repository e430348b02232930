"""Everything at once, for as long as you like: clients submit jobs, something breaks every few seconds, and what took effect is counted.

`stories.py` says what clients do, `breaker.py` what breaks, `ledger.py` counts what took effect, `watch.py` looks whether anything grows or
stands still. `stage.py` puts them together, `tests/test_soak.py` runs it.
"""
