"""Odoo's registry and cache signals: processes announce through the database that models or cached data have changed.

Cached data includes access rights, so a lane must apply the signals before it runs a chunk.
"""

from odoo.tools import SQL


class Signals:
    """Detects registry and cache invalidations of other processes inside the claim's statement.

    That saves a round trip: Odoo's `check_signaling` is a query of its own.

    :param registry: the database's registry
    """

    def __init__(self, registry):
        self.registry = registry
        self.names = list(registry.cache_sequences)
        #: SQL expression for the numbers of the last signals, as an array.
        self.query = SQL("ARRAY[%s]", SQL(", ").join(map(_last_signal, ["registry", *self.names])))
        self.are_new = False
        self.announced = []  # names of the signals that the open transaction has sent

    @property
    def known(self):
        """The numbers of the last signals that this process has applied, as a tuple."""
        sequences = self.registry.cache_sequences
        return (self.registry.registry_sequence, *(sequences[name] for name in self.names))

    def check(self, last):
        """Compare signal numbers with those this process has applied; sets `are_new`.

        :param last: numbers that a statement has selected with `query`
        :returns: whether they differ
        """
        self.are_new = tuple(last) != self.known
        return self.are_new

    def apply(self, cr):
        """Apply the signals: clear outdated caches, or load the registry again.

        :returns: False if there is a new registry; the lane must then end, and start again with it
        """
        self.are_new = False
        return self.registry.check_signaling(cr) is self.registry

    def announce(self, cr):
        """Send the signals for this transaction's changes in the transaction itself, so that both become visible together.

        Odoo sends them after the commit, in another transaction. In between, a lane could claim a chunk that waited for these
        changes, and run it without applying them. The signal tables are locked until the commit: if a higher number became visible
        before a lower one, the lower one would be missed.

        :param cr: the cursor of the work
        """
        registry = self.registry
        self.announced = ["registry"] if registry.registry_invalidated else sorted(registry.cache_invalidated)
        for name in self.announced:
            table = SQL.identifier(f"orm_signaling_{name}")
            cr.execute(SQL("LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE", table))
            cr.execute(SQL("INSERT INTO %s DEFAULT VALUES", table))

    def after_commit(self):
        """After the commit: mark the signals that were sent as applied here, and send those of changes made by postcommit hooks.

        A signal that another process sent just before is still new afterwards.
        """
        registry = self.registry
        later = {name for name in registry.cache_invalidated if name not in self.announced}
        for name in self.announced:
            if name == "registry":
                registry.registry_sequence += 1
                registry.registry_invalidated = False
                later.clear()  # a process that loads the registry again starts with empty caches
            else:
                registry.clear_cache(name)  # another thread may have cached data from before the commit
                registry.cache_sequences[name] += 1
        registry.cache_invalidated.clear()
        registry.cache_invalidated.update(later)
        registry.signal_changes()


def _last_signal(name):
    return SQL("(SELECT max(id) FROM %s)", SQL.identifier(f"orm_signaling_{name}"))
