"""The operation `create`: create records."""

from ...engine.payload import copied
from ..newest import newest_id
from .base import Handler


class CreateHandler(Handler):
    """Creates the records of a chunk with one call of `create`."""

    rights = ("create",)
    reads_first = False

    @staticmethod
    def check(checker, operation, model):
        """Check that all fields exist."""
        checker.check_fields(operation, model, enumerate(operation.items))

    def values(self, position):
        """The values of the record."""
        return self.items[position]

    def apply(self, positions):
        """Create the records; returns position -> id.

        :raises ValueError: an override of `create` returned another number of records
        """
        # copies, as a model's `create` may change its argument, and another attempt may need the values again
        with self.tracker.watch({}, {name for position in positions for name in self.items[position]}) as made:
            newest = newest_id(self.model)
            records = self.model.create([copied(self.items[position]) for position in positions])
            if len(records) != len(positions):
                raise ValueError(
                    self.env._(
                        "create() of %(model)s returned %(got)s records for %(asked)s",
                        model=self.model._name,
                        got=len(records),
                        asked=len(positions),
                    )
                )
            found = dict(zip(positions, records._ids, strict=True))
            made.update(self._tell_made(found, newest))
        return found
