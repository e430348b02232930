"""The benchmark: what is measured stands in `rows/`, what runs inside an Odoo process in `inside/`."""
