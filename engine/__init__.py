"""Pure decisions of the batch engine: no ORM, no clock, no I/O.

Nothing in this package imports Odoo, so each decision can be read and tested alone.
"""
