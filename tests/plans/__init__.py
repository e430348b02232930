"""The tests of `tests/test_plans.py` by subject: classes that it puts together, as the backlog that they share takes long to make."""
