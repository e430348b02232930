"""What processes announce to each other through the database: that models or cached data, rights above all, have changed."""

from odoo.tools import SQL


class Signals:
    """Detects registry and cache invalidations of other processes inside the claim's statement.

    That saves a round trip: Odoo's `check_signaling` is a query of its own.
    """

    def __init__(self, registry):
        self.registry = registry
        self.names = list(registry.cache_sequences)
        #: To be selected: the numbers of the last changes.
        self.query = SQL("ARRAY[%s]", SQL(", ").join(map(_last_signal, ["registry", *self.names])))
        self.are_new = False
        self.announced = []  # names of what the running transaction has announced

    @property
    def known(self):
        """The numbers of the last changes that this process has applied."""
        sequences = self.registry.cache_sequences
        return (self.registry.registry_sequence, *(sequences[name] for name in self.names))

    def check(self, last):
        """Whether the selected numbers differ from those known here; `are_new` says so from now on."""
        self.are_new = tuple(last) != self.known
        return self.are_new

    def apply(self, cr):
        """Drop cached data that is out of date; returns whether the models are still the same: else a lane must start anew."""
        self.are_new = False
        return self.registry.check_signaling(cr) is self.registry

    def announce(self, cr):
        """Announce changes in the very transaction that makes them: whoever sees the one sees the other.

        Odoo announces them after the commit, in a transaction of its own. In between, a lane could run what had waited for just
        these changes, and not apply them. The tables are locked until the commit: a number that is seen before a lower one would
        hide it.
        """
        registry = self.registry
        self.announced = ["registry"] if registry.registry_invalidated else sorted(registry.cache_invalidated)
        for name in self.announced:
            table = SQL.identifier(f"orm_signaling_{name}")
            cr.execute(SQL("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", table))
            cr.execute(SQL("INSERT INTO %s DEFAULT VALUES", table))

    def after_commit(self):
        """Count what was announced as known here. What another process has announced just before it still is new.

        What hooks for after the commit have changed is announced now.
        """
        registry = self.registry
        later = {name for name in registry.cache_invalidated if name not in self.announced}
        for name in self.announced:
            if name == "registry":
                registry.registry_sequence += 1
                registry.registry_invalidated = False
                later.clear()  # who loads the models again has no caches either
            else:
                registry.clear_cache(name)  # another thread may have filled it from what was before the commit
                registry.cache_sequences[name] += 1
        registry.cache_invalidated.clear()
        registry.cache_invalidated.update(later)
        registry.signal_changes()


def _last_signal(name):
    return SQL("(SELECT max(id) FROM %s)", SQL.identifier(f"orm_signaling_{name}"))
