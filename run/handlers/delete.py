"""Delete records."""

from ...engine.values import can_be_id
from .base import RecordsHandler


class DeleteHandler(RecordsHandler):
    """Deletes what is still there: what was there and is gone by now, with its parent say, has been deleted as was asked for."""

    rights = ("unlink",)

    @staticmethod
    def check(checker, operation, model):
        checker.check_domain(operation, model)
        checker.at_the_end(mark_absent, operation)

    def prepare(self, positions):
        absent = set(self.params.get("absent") or ())
        return self._missing(
            {position: self.items[position] for position in positions if self.items[position] in absent}
        )

    def apply(self, positions):
        self._records(positions).exists().unlink()
        return dict.fromkeys(positions, True)


def mark_absent(env, operations):
    """Tell what is not there at all from what will be gone by the time it is to be deleted; a query per model."""
    by_model = {}
    for operation in operations:
        by_model.setdefault(operation.model, []).append(operation)
    for name, members in by_model.items():
        wanted = {id_ for operation in members for id_ in operation.items if id_.__class__ is int}
        absent = wanted.difference(env[name].browse(id_ for id_ in wanted if can_be_id(id_)).exists()._ids)
        for operation in members:
            operation.absent = absent.intersection(id_ for id_ in operation.items if id_.__class__ is int)
