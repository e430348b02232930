"""The operation `update`: write values on existing records."""

from ...engine.operation import SET
from ...engine.payload import copied
from ...engine.rounds import runs
from ...engine.writes import REPEATABLE, has_own_effect
from .base import RecordsHandler


class UpdateHandler(RecordsHandler):
    """Writes the same values on all records (`params["values"]`), or separate values on each."""

    rights = ("write",)

    @staticmethod
    def check(checker, operation, model):
        """Check the fields and the domain, and decide whether shared values must be written in one call."""
        if "values" in operation.params:
            values = operation.params["values"]
            checker.check_fields(operation, model, [(False, values)])
            shared = any(_is_shared_effect(model._fields.get(name), value) for name, value in values.items())
            if shared and (operation.selection or len(operation.items) > 1):
                operation.params[SET] = True
            else:
                operation.give_values_to_each()
        else:
            checker.check_fields(
                operation, model, ((index, values) for index, (_id, values) in enumerate(operation.items))
            )
        checker.check_domain(operation, model)

    @property
    def is_shared(self):
        """Whether all records get the same values."""
        return "values" in self.params

    def record_id(self, position):
        """The id of the record."""
        item = self.items[position]
        return item if self.is_shared else item[0]

    def prepare(self, positions):
        """Fail the records that don't exist, and those with values for fields that don't."""
        return {**self._with_missing_fields(positions), **super().prepare(positions)}

    def values(self, position):
        """The values of the record."""
        return self.params["values"] if self.is_shared else self.items[position][1]

    def apply(self, positions):
        """Write the values; returns position -> True.

        If a record occurs twice, there is a flush between its writes, so that what runs at the end of a transaction (mostly tracking)
        runs for each write.
        """
        for number, part in enumerate([positions] if self.is_shared else runs(positions, self.record_id)):
            if number:
                self.env.cr.flush()
            self._write_what_differs(
                {position: (self.record_id(position), self.values(position)) for position in part}, self._write
            )
        return dict.fromkeys(positions, True)

    def _watch(self, positions):
        """Tell the tracker of records that are about to be written."""
        if not self.tracker.is_on:
            return self.tracker.watch({})
        names = self.params["values"] if self.is_shared else {name for position in positions for name in self.values(position)}
        return self.tracker.watch({position: self.record_id(position) for position in positions}, names)

    def _write(self, positions):
        with self._watch(positions):
            if self.is_shared:
                self._records(positions).write(copied(self.params["values"]))
            else:
                self._write_all([self.items[position] for position in positions])


def _is_shared_effect(field, value):
    """Whether writing this value on all records in one call has a shared effect, such as one new record linked to all of them."""
    return field is not None and field.type in REPEATABLE and has_own_effect(field.type, value)
