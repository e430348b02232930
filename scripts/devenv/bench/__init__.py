"""The benchmark. What is measured stands in `rows/`, with what runs for it in a process of its own (`inside.py`)."""
