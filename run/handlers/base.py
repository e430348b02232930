"""What all handlers have in common."""

from operator import itemgetter

from odoo.exceptions import MissingError

from ...engine.rounds import rounds
from ...engine.values import can_be_id
from ...engine.writes import group_by_values
from ..errors import failure
from ..warning import refuse


class Handler:
    """Does to the records of one chunk what its operation says.

    `prepare` says which positions can't be run at all, `apply` runs some of the others and returns what each produced; afterwards
    `warnings` holds what Odoo said without raising. Both may raise whatever the models raise: isolating is up to `run/chunk.py`.

    :param model: the model, in an environment of the job's user
    :param payload: of the chunk; positions are places in it
    :param bool strict: whether a warning is a failure, unless the operation says otherwise
    """

    #: Rights on the model that its caller needs; the records' own rules speak when it runs.
    rights = ()
    #: Whether what it raises may be said of a conflict with another transaction.
    hides_conflicts = False
    #: Whether `prepare` has anything to ask of the records there are.
    reads_first = True
    #: Whether records of two operations must never be handled together.
    keeps_operations_apart = False
    #: Whether the records of a set have one outcome.
    fails_as_a_whole = False

    def __init__(self, model, payload, strict=False):
        self.model = model
        self.env = model.env
        self.payload = payload
        self.params = payload.params
        self.is_strict = self.params.get("strict", strict)
        self.warnings = {}  # position -> [Warned], of the last `apply`
        self.guard = None  # of the attempt under way
        self.answers = {}  # of the last `apply`: position -> what a method returned

    @property
    def items(self):
        return self.payload.items

    @staticmethod
    def check(checker, operation, model):
        """What only the database can say about a submitted operation: notes problems, completes the operation.

        :param checker: the `Checker`
        """
        raise NotImplementedError

    def prepare(self, positions):
        """Failures of positions that need not be tried. Only called where the type `reads_first`."""
        raise NotImplementedError

    def apply(self, positions):
        """Run these positions as one; returns position -> id (or True)."""
        raise NotImplementedError

    def record_id(self, position):
        """Id of the existing record a position is about, or None."""
        return

    def values(self, position):
        """The values that are written at a position, where there are any."""
        return

    def add_warnings(self, warnings, positions):
        """Keep what Odoo said of some of these positions without raising, or let them fail for it."""
        if warnings and self.is_strict:
            refuse(warnings, positions)
        self.warnings.update(warnings)

    def _write_all(self, pairs):
        """Write `[id, values]` pairs: equal values at once, and what the ORM reads for a write for all of them at once.

        Different values of the same fields are flushed by the ORM as one statement. Where a record is written twice, what is
        said of a change at the end of a transaction (tracking, above all) is said of each.
        """
        everything = dict.fromkeys(record_id for record_id, _values in pairs)
        for number, part in enumerate(rounds(pairs, itemgetter(0))):
            if number:
                self.env.cr.flush()
            for values, ids in group_by_values(part, self._type_of):
                records = self.model.browse(ids).with_prefetch(everything)
                if values:
                    records.write(values)
                else:
                    records.check_access("write")

    def _type_of(self, field_name):
        field = self.model._fields.get(field_name)
        return field and field.type

    def _missing(self, ids_by_position):
        """Failures for records that are not there: writing on them would silently do nothing."""
        wanted = {record_id for record_id in ids_by_position.values() if can_be_id(record_id)}
        found = set(self.model.browse(wanted).exists()._ids)
        return {
            position: failure(
                MissingError.__name__,
                self.env._("Record %(model)s,%(id)s does not exist.", model=self.model._name, id=record_id),
            )
            for position, record_id in ids_by_position.items()
            if record_id not in found
        }


class RecordsHandler(Handler):
    """Works on existing records."""

    def record_id(self, position):
        return self.items[position]

    def prepare(self, positions):
        return self._missing({position: self.record_id(position) for position in positions})

    def _records(self, positions):
        return self.model.browse(dict.fromkeys(self.record_id(position) for position in positions))
