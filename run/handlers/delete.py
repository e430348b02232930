"""The operation `delete`: delete records."""

from ...engine.effects import DELETED
from ...engine.values import can_be_id
from .base import RecordsHandler


class DeleteHandler(RecordsHandler):
    """Deletes records that still exist.

    A record that existed at submission and is gone now, for example deleted with its parent, counts as succeeded.
    """

    rights = ("unlink",)

    @staticmethod
    def check(checker, operation, model):
        """Check the domain, and find ids that don't exist at submission."""
        checker.check_domain(operation, model)
        checker.at_the_end(mark_absent, operation)

    def prepare(self, positions):
        """Fail ids that did not exist at submission, unless they exist now."""
        absent = set(self.params.get("absent") or ())
        return self._missing(
            {position: self.items[position] for position in positions if self.items[position] in absent}
        )

    def apply(self, positions):
        """Delete the records; returns position -> True."""
        records = self._records(positions).exists()
        ids = set(records._ids)
        with self.tracker.watch({place: self.items[place] for place in positions if self.items[place] in ids}, deletes=True):
            records.unlink()
        self.effects = dict.fromkeys(positions, DELETED)
        return dict.fromkeys(positions, True)


def mark_absent(env, operations):
    """Set `absent` of each operation: its ids that don't exist at submission, and therefore fail. One query per model.

    :param env: the caller's environment
    :param operations: parsed `Operation`s
    """
    by_model = {}
    for operation in operations:
        by_model.setdefault(operation.model, []).append(operation)
    for name, members in by_model.items():
        wanted = {id_ for operation in members for id_ in operation.items if id_.__class__ is int}
        absent = wanted.difference(env[name].browse(id_ for id_ in wanted if can_be_id(id_)).exists()._ids)
        for operation in members:
            operation.absent = absent.intersection(id_ for id_ in operation.items if id_.__class__ is int)
