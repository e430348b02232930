"""What other processes tell this one through the database: that models or cached data, rights above all, have changed."""

from odoo.tools import SQL


class Signals:
    """Hears of changes with a query that is made anyway; Odoo's own way to ask is a query of its own."""

    def __init__(self, registry):
        self.registry = registry
        self.names = list(registry.cache_sequences)
        #: To be selected: the numbers of the last changes.
        self.query = SQL("ARRAY[%s]", SQL(", ").join(map(_last_signal, ["registry", *self.names])))
        self.are_new = False

    @property
    def heard(self):
        """The numbers of the last changes this process has heard of."""
        sequences = self.registry.cache_sequences
        return (self.registry.registry_sequence, *(sequences[name] for name in self.names))

    def note(self, last):
        """Whether the numbers that were selected tell of changes this process has not heard of."""
        self.are_new = tuple(last) != self.heard
        return self.are_new

    def heed(self, cr):
        """Forget what is out of date; returns whether the models are still the same: else a lane must start anew."""
        self.are_new = False
        return self.registry.check_signaling(cr) is self.registry


def _last_signal(name):
    return SQL("(SELECT max(id) FROM %s)", SQL.identifier(f"orm_signaling_{name}"))
