# Made from _async/__init__.py by scripts/make_sync.py: change that one.
"""The client and its jobs."""
