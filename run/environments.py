"""A cache of the environments of a transaction."""

from collections import deque
from weakref import WeakSet

from odoo.tools import OrderedSet

#: Number of environments kept. Odoo searches all of them whenever it makes one, so a higher number costs time.
KEPT = 16


class KeptEnvironments(WeakSet):
    """The environments of a transaction; keeps a reference to the last `KEPT` ones.

    Odoo reuses an environment as long as something refers to it. Code that changes the context record by record
    (`record.with_context(...).image = ...`) drops the reference each time, and Odoo makes a new environment for every record.
    For partners that takes a thirtieth of the time of their creation.

    :param environments: the transaction's environments so far
    """

    def __init__(self, environments):
        super().__init__()
        self.data = OrderedSet()  # Odoo's own set is ordered too
        self.kept = deque(maxlen=KEPT)
        self.update(environments)

    def __iter__(self):
        """As in a `WeakSet`, without what holds removals back meanwhile: a copy needs none. Odoo looks for an environment some dozen times per record."""
        for reference in tuple(self.data):
            if (environment := reference()) is not None:
                yield environment

    def add(self, environment):
        """Add an environment, and keep it alive until `KEPT` others have been added."""
        self.kept.append(environment)
        return super().add(environment)


def keep_environments(transaction):
    """Keep the last environments of a transaction alive until it ends.

    :param transaction: Odoo's `Transaction`
    """
    transaction.envs = KeptEnvironments(transaction.envs)
