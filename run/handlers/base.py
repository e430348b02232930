"""Base classes of the handlers."""

from odoo.exceptions import MissingError

from ...engine.effects import CREATED, UNCHANGED, UPDATED
from ...engine.isolation import InParts
from ...engine.values import can_be_id
from ...engine.writes import group_by_values
from ..changes.tracker import NoTracker, Tracker
from ..errors import failure, missing_field
from ..unchanged.find import unchanged
from ..unchanged.in_order import ends_of_parts
from ..warning import refuse


class Handler:
    """Applies an operation to the records of one chunk.

    `prepare` returns the positions that can't be run. `apply` runs some of the others, returns their ids, and sets `warnings`
    and `effects`. Both may raise any exception of the models; `run/chunk.py` finds the records that caused it.

    :param model: the model, in an environment of the job's user
    :param Payload payload: of the chunk; a position is an index in it
    :param bool strict: whether a warning is a failure, unless the operation sets it itself
    :param bool skips_unchanged: whether records that hold the values already are not written
    :param bool tracks_changes: whether to remember what it changes of its records
    :param bool keeps_order: whether the job runs strictly in order
    """

    #: Access rights on the model that the caller needs. Record rules are checked when it runs.
    rights = ()
    #: Whether it may turn a conflict with another transaction into an error of its own.
    hides_conflicts = False
    #: Whether `prepare` needs to be called.
    reads_first = True
    #: Whether an attempt that fails is cut between operations first.
    keeps_operations_apart = False
    #: Whether the records of a set fail together.
    fails_as_a_whole = False

    def __init__(self, model, payload, *, strict=False, skips_unchanged=False, tracks_changes=False, keeps_order=False):
        self.model = model
        self.env = model.env
        self.payload = payload
        self.params = payload.params
        self.is_strict = self.params.get("strict", strict)
        self.skips_unchanged = skips_unchanged
        self.keeps_order = keeps_order
        self.tracker = self.new_tracker() if tracks_changes else NoTracker()
        self.begin(None)

    def begin(self, guard):
        """Forget the last attempt.

        :param guard: the `Guard` of the next one
        """
        self.guard = guard
        self.warnings = {}  # position -> list of `Warned`
        self.effects = {}  # position -> what was done to the record, see `engine.effects`
        self.answers = {}  # position -> return value of a method, as JSON values
        self.tracker.begin()

    def new_tracker(self):
        """What remembers changes; it is told of each record that `apply` is about to change, or has created."""
        return Tracker(self.model)

    @property
    def items(self):
        """The payload's items, by position."""
        return self.payload.items

    @staticmethod
    def check(checker, operation, model):
        """Check a submitted operation against the registry and the database; complete it where needed.

        :param checker: the `Checker`, to which problems are added
        :param operation: the parsed `Operation`
        :param model: its model, in the caller's environment
        """
        raise NotImplementedError

    def prepare(self, positions):
        """Find positions that can't be run. Only called if `reads_first` is set.

        :returns: dict position -> `Failure`
        """
        raise NotImplementedError

    def apply(self, positions):
        """Run these positions together.

        :returns: dict position -> id of the record created, or found and updated, or imported; True where there is none
        :raises Exception: any exception of the models; `Suspects` or `Culprit` if it is known which positions failed, `InParts` if
            they must run in parts
        """
        raise NotImplementedError

    def ends_of_calls(self, positions):
        """Those of some positions with which a call of `apply` must end before the last one, so that all take effect in their order."""
        return []

    def record_id(self, position):
        """Id of the existing record at a position, or None."""
        return

    def values(self, position):
        """The dict of values written at a position, or None."""
        return

    def add_warnings(self, warnings, positions):
        """Keep the warnings of some positions; with `strict`, fail these positions instead.

        :param dict warnings: position -> list of `Warned`
        :param positions: all positions of the attempt
        :raises Suspects, WarningRefused: see `warning.refuse`
        """
        if warnings and self.is_strict:
            refuse(warnings, positions)
        self.warnings.update(warnings)

    def _tell_made(self, found, newest):
        """Set the effects of records that a model says it has made: it may have found one that was there, or return one twice.

        :param dict found: position -> record id
        :param int newest: what `newest_id` was before
        :returns: those of `found` that are new
        """
        firsts = {}
        for position, id_ in found.items():
            firsts.setdefault(id_, position)
        made = {position: id_ for id_, position in firsts.items() if id_ > newest}
        self.effects.update((position, CREATED if position in made else UPDATED) for position in found)
        return made

    def _write_what_differs(self, targets, write):
        """Write on different records; with `skip_unchanged`, not on those that hold their values already. Sets `effects`.

        :param dict targets: position -> `(record id, values)`
        :param write: function that writes on the records at some positions
        :raises InParts: a write has changed a record that was left alone, and it is not known whether its turn was before or after it
        """
        self.effects.update(dict.fromkeys(targets, UNCHANGED))
        positions, written, looked_at = list(targets), set(), targets
        while left := self._differing(looked_at):
            if ends := ends_of_parts(positions, written, set(left)):
                raise InParts(ends)
            write(left)
            self.effects.update((position, UPDATED if targets[position][1] else UNCHANGED) for position in left)
            # a write may have changed what was to be left alone after it
            written.update(left)
            behind = positions[positions.index(left[0]) :]
            looked_at = {position: targets[position] for position in behind if position not in written}

    def _differing(self, targets):
        """Positions of the records that don't hold their values yet; without `skip_unchanged`, all of them."""
        if not self.skips_unchanged:
            return list(targets)
        same = unchanged(self.model, targets.values())
        return [position for place, position in enumerate(targets) if place not in same]

    def _write_all(self, pairs):
        """Write `[id, values]` pairs of different records, with one call of `write` for equal values, and one prefetch for all of them.

        The ORM flushes different values of the same fields in one statement.
        """
        everything = dict.fromkeys(record_id for record_id, _values in pairs)
        for values, ids in group_by_values(pairs, self._type_of):
            records = self.model.browse(ids).with_prefetch(everything)
            if values:
                records.write(values)
            else:
                records.check_access("write")

    def _type_of(self, field_name):
        field = self.model._fields.get(field_name)
        return field and field.type

    def _with_missing_fields(self, positions):
        """Failures of records with values for fields that are gone: some models' own `write` says nothing but `KeyError`."""
        return {
            position: failure(ValueError.__name__, text)
            for position in positions
            if (text := missing_field(self.model, self.values(position)))
        }

    def _missing(self, ids_by_position):
        """Failures of records that don't exist: writing to them would do nothing, without an error."""
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
        """As `Handler.record_id`; the items are ids."""
        return self.items[position]

    def prepare(self, positions):
        """Fail the records that don't exist."""
        return self._missing({position: self.record_id(position) for position in positions})

    def _records(self, positions):
        return self.model.browse(dict.fromkeys(self.record_id(position) for position in positions))
