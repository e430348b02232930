"""Environments that outlive the record they were made for."""

from collections import deque
from weakref import WeakSet

from odoo.tools import OrderedSet

#: Environments of a transaction that are kept, the last ones: more would be looked through each time one is asked for.
KEPT = 16


class KeptEnvironments(WeakSet):
    """The environments of a transaction, of which the last ones are kept alive.

    Odoo finds an environment again as long as somebody has it. Where models go through records one by one and change the
    context for each (`record.with_context(...).image = ...`), nobody has: it is made anew for every record, with all that
    depends on it. For partners that is a thirtieth of the time their creation takes.
    """

    def __init__(self, environments):
        super().__init__()
        self.data = OrderedSet()  # looked through in order, as in Odoo's own
        self.kept = deque(maxlen=KEPT)
        self.update(environments)

    def add(self, environment):
        super().add(environment)
        self.kept.append(environment)


def keep_environments(transaction):
    """Keep the last environments alive, for the rest of a transaction."""
    transaction.envs = KeptEnvironments(transaction.envs)
