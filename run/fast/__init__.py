"""Work that many records have in common, done once for all of them, with exactly the rows that Odoo would have written.

Only while a lane runs records, and only where the setting `fast_chatter` is on: see `switch`.
"""
