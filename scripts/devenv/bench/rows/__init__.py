"""All measurements and rows, in the order of the table. To add one: a module here, with `MEASUREMENTS` and `ROWS`."""

from . import business, changes, files, lanes, loads, peers, purge, queue, sizes, unchanged

_MODULES = (peers, lanes, loads, unchanged, files, sizes, queue, purge, business, changes)
MEASUREMENTS = {measurement.key: measurement for module in _MODULES for measurement in module.MEASUREMENTS}
ROWS = {row.key: row for module in _MODULES for row in module.ROWS}
