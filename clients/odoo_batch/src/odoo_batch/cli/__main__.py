"""`python -m odoo_batch.cli`: the same as `odoo-batch`."""

from . import main

main()
