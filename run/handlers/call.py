"""The operation `call`: call a public method."""

import math

from odoo.exceptions import AccessError
from odoo.models import BaseModel
from odoo.service.model import get_public_method

from ...engine.isolation import Culprit
from ...engine.operation import TRACK_FIELDS
from ...engine.payload import copied, dumps
from ...engine.problems import carriable
from ...engine.references import MAX_DEPTH
from ..changes.tracker import NoTracker, Tracker
from ..warning import warning_of
from .base import RecordsHandler


class CallHandler(RecordsHandler):
    """Calls the method once per operation, on that operation's records, in the order of the operations."""

    rights = ("read",)
    keeps_operations_apart = True
    fails_as_a_whole = True

    @staticmethod
    def check(checker, operation, model):
        """Check that the method exists and is public, and check the domain."""
        name = operation.params["method"]
        if isinstance(name, str) and name:
            try:
                get_public_method(model, name)
            except (AccessError, AttributeError) as error:
                checker.add(operation, str(error), "method")
        CallHandler.check_tracked(checker, operation, model)
        checker.check_domain(operation, model)

    @staticmethod
    def check_tracked(checker, operation, model):
        """Check the names of the fields to remember."""
        for name in operation.params.get(TRACK_FIELDS, ()):
            field = model._fields.get(name)
            if field is None:
                text = checker.env._("model '%(model)s' has no field '%(field)s'", model=model._name, field=name)
                checker.add(operation, text, TRACK_FIELDS)
            elif not model._has_field_access(field, "read"):
                checker.add(operation, checker.env._("you may not read field '%s'", name), TRACK_FIELDS)

    def new_tracker(self):
        """As `Handler.new_tracker`: only of the fields that the operation names, as nobody knows what its method does."""
        names = self.params.get(TRACK_FIELDS)
        return Tracker(self.model, frozenset(names)) if names else NoTracker()

    def prepare(self, positions):
        """Fail the records that don't exist; a model-level call has none."""
        return {} if self.params.get("model_level") else super().prepare(positions)

    def record_id(self, position):
        """As `Handler.record_id`; None for a model-level call."""
        return None if self.params.get("model_level") else self.items[position]

    def apply(self, positions):
        """Call the method for each operation; sets `answers`.

        :raises Culprit: the call of one operation failed, and there are others
        """
        method = self._method()
        together = dict.fromkeys(self.items[position] for position in positions)
        called = set()
        for members in self._by_operation(positions):
            ids = [self.items[position] for position in members]
            try:
                if not called.isdisjoint(ids):
                    self.env.cr.flush()  # so that what runs at the end of a transaction (tracking) runs for each call
                self._call(method, members, together)
                called.update(ids)
                self.guard.is_behind = True
            except Exception as error:
                if len(members) == len(positions):
                    raise
                raise Culprit(members, error) from error
        return dict.fromkeys(positions, True)

    def _method(self):
        """What to call with the records of an operation as its only argument."""
        method = get_public_method(self.model, self.params["method"])
        return lambda records: method(records, *copied(self.params["args"]), **copied(self.params["kwargs"]))

    def _call(self, method, positions, together):
        """Call the method for one operation.

        :param method: see `_method`
        :param positions: of that operation
        :param together: ids of all records of the attempt, to prefetch together
        """
        if self.params.get("model_level"):
            records = self.model
        else:
            # in the order given, and with duplicates
            records = self.model.browse(self.items[position] for position in positions).with_prefetch(together)
        with self.tracker.watch({} if self.params.get("model_level") else {p: self.items[p] for p in positions}):
            value = method(records)
        if self.params.get("model_level") or self.payload.is_whole:
            self.answers[positions[0]] = self._as_json(value)
        if not self.params.get("model_level") and (warned := warning_of(value, self.env)):
            self.add_warnings({position: [warned] for position in positions}, positions)

    def _as_json(self, value):
        """The return value of a method, as JSON values.

        :raises ValueError: it can't be stored (too deep, circular, or a number of thousands of digits)
        """
        try:
            value = jsonable(value)
            dumps(value)
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(self.env._("What the method returned has no JSON form.")) from error
        return value

    def _by_operation(self, positions):
        operations = {}
        for position in positions:
            operations.setdefault(self.payload.operations[position], []).append(position)
        return operations.values()


def jsonable(value, depth=0):
    """A method's return value as JSON values. None becomes False, a recordset its ids, other objects their text.

    :param value: any value
    :param int depth: levels of nesting around it
    :raises ValueError: nested deeper than `MAX_DEPTH`
    """
    if depth > MAX_DEPTH:
        raise ValueError
    if isinstance(value, BaseModel):
        return list(value.ids)
    if value is None:
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {carriable(str(key)): jsonable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item, depth + 1) for item in value]
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    return carriable(str(value))
