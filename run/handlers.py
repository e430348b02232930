"""What each type of operation does to the records of a chunk.

A handler is made for one chunk: `prepare` says which positions can't be run at all, `apply` runs some of the others
and returns what each produced. Afterwards `warnings` holds what Odoo said without raising. It may raise whatever the
models raise: isolating is the runner's business.
"""

import math
from operator import itemgetter

from odoo.exceptions import MissingError
from odoo.models import BaseModel
from odoo.service.model import get_public_method

from ..engine.isolation import Culprit, Suspects
from ..engine.payload import copied, dumps
from ..engine.problems import carriable
from ..engine.references import MAX_DEPTH
from ..engine.rounds import rounds
from ..engine.spec import CALL, CREATE, DELETE, LOAD, UPDATE, UPSERT
from ..engine.values import can_be_id
from ..engine.writes import group_by_values
from ..exceptions import LoadError
from .errors import failure
from .upsert_keys import BadKey, UpsertKeys
from .warning import import_warning, refuse, warning_of


class Handler:
    """What all types have in common."""

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

    def prepare(self, positions):
        """Failures of positions that need not be tried."""
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

    def note(self, warnings, positions):
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


class CreateHandler(Handler):
    reads_first = False

    def values(self, position):
        return self.items[position]

    def apply(self, positions):
        # copies: a model's create may change what it is given, and it may be needed again
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
        return dict(zip(positions, records._ids, strict=True))


class RecordsHandler(Handler):
    """Works on existing records."""

    def record_id(self, position):
        return self.items[position]

    def prepare(self, positions):
        return self._missing({position: self.record_id(position) for position in positions})

    def _records(self, positions):
        return self.model.browse(dict.fromkeys(self.record_id(position) for position in positions))


class UpdateHandler(RecordsHandler):
    @property
    def is_shared(self):
        return "values" in self.params

    def record_id(self, position):
        item = self.items[position]
        return item if self.is_shared else item[0]

    def values(self, position):
        return self.params["values"] if self.is_shared else self.items[position][1]

    def apply(self, positions):
        if self.is_shared:
            self._records(positions).write(copied(self.params["values"]))
        else:
            self._write_all([self.items[position] for position in positions])
        return dict.fromkeys(positions, True)


class DeleteHandler(RecordsHandler):
    """Deletes what is still there: what was there and is gone by now, with its parent say, has been deleted as was asked for."""

    def prepare(self, positions):
        absent = set(self.params.get("absent") or ())
        return self._missing(
            {position: self.items[position] for position in positions if self.items[position] in absent}
        )

    def apply(self, positions):
        self._records(positions).exists().unlink()
        return dict.fromkeys(positions, True)


class CallHandler(RecordsHandler):
    """Calls the method once per operation, on just its records, in the order of the operations."""

    keeps_operations_apart = True
    fails_as_a_whole = True

    def prepare(self, positions):
        return {} if self.params.get("model_level") else super().prepare(positions)

    def record_id(self, position):
        return None if self.params.get("model_level") else self.items[position]

    def apply(self, positions):
        method = get_public_method(self.model, self.params["method"])
        together = dict.fromkeys(self.items[position] for position in positions)
        called = set()
        for members in self._by_operation(positions):
            ids = [self.items[position] for position in members]
            try:
                if not called.isdisjoint(ids):
                    self.env.cr.flush()  # what is said of a change at the end of a transaction is said of each call
                self._call(method, members, together)
                called.update(ids)
                self.guard.is_behind = True
            except Exception as error:
                if len(members) == len(positions):
                    raise
                raise Culprit(members, error) from error
        return dict.fromkeys(positions, True)

    def _call(self, method, positions, together):
        """Call it for one operation.

        :param together: ids of all records of the attempt: what is read of one is read of all at once
        """
        if self.params.get("model_level"):
            records = self.model
        else:
            # as they were named, one named twice included
            records = self.model.browse(self.items[position] for position in positions).with_prefetch(together)
        value = method(records, *copied(self.params["args"]), **copied(self.params["kwargs"]))
        if self.params.get("model_level") or self.payload.is_whole:
            self.answers[positions[0]] = self._as_json(value)
        if not self.params.get("model_level") and (warned := warning_of(value, self.env)):
            self.note({position: [warned] for position in positions}, positions)

    def _as_json(self, value):
        """What a method returned as plain JSON.

        :raises ValueError: it has no form that could be stored (too deep, in a circle, a number of thousands of digits)
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


class UpsertHandler(Handler):
    """Update the record a row's key fields match, create it where none does."""

    def __init__(self, model, payload, strict=False):
        super().__init__(model, payload, strict)
        self.keys = UpsertKeys(model, self.params["key"])
        self.known = {}  # position -> key

    def key(self, position):
        """What identifies the record of a position, comparable with what was found.

        :raises BadKey: its values can't identify a record
        """
        if position not in self.known:
            self.known[position] = self.keys.of(self.items[position])
        return self.known[position]

    def values(self, position):
        return self.items[position]

    def prepare(self, positions):
        failures = {}
        duplicates = self.params.get("duplicates") or {}
        seen = {}
        for position in positions:
            index = self.payload.indexes[position]
            try:
                key = self.key(position)
            except BadKey as error:
                failures[position] = failure("ValidationError", str(error))
                continue
            first, mark = duplicates.get(str(index), (None, None))
            if mark not in (None, self.keys.number(key)):
                first = None  # it was mended since
            if first is None:
                first = seen.setdefault((self.payload.operations[position], key), index)
            if first != index:
                failures[position] = failure(
                    "ValidationError", self.env._("The same key as record %s of this operation.", first)
                )
        return failures

    def apply(self, positions):
        matches = self.matches(positions)
        self._refuse_ambiguous(positions, matches)
        found = {key: ids[0] for key, ids in matches.items()}
        made = {}
        for number, part in enumerate(rounds(positions, self.key)):
            if number:
                self.env.cr.flush()  # what is said of a change at the end of a transaction is said of each
            made.update(self._upsert(part, found))
            found.update((self.key(position), made[position]) for position in part)
        return made

    def _upsert(self, positions, found):
        """Write or create records that are all different ones; returns their ids by position.

        :param found: ids of those that are there, by key
        """
        names = self.keys.names
        old = {position: found[self.key(position)] for position in positions if self.key(position) in found}
        new = [position for position in positions if position not in old]
        if new and "id" in names:
            self._refuse(
                new,
                positions,
                lambda position: MissingError(
                    self.env._(
                        "There is no record with %s, and a new one can't be given an id.", self._spelled(position)
                    )
                ),
            )
        self._write_all(
            [
                [id_, {name: value for name, value in self.items[position].items() if name not in names}]
                for position, id_ in old.items()
            ]
        )
        if not new:
            return old
        values = [copied(self.keys.values_to_create(self.items[position], self.key(position))) for position in new]
        return old | dict(zip(new, self.model.create(values)._ids, strict=True))

    def _refuse_ambiguous(self, positions, matches):
        self._refuse(
            [position for position in positions if len(matches.get(self.key(position), ())) > 1],
            positions,
            lambda position: ValueError(
                self.env._(
                    "%(count)s records match %(key)s; it must be one or none.",
                    count=len(matches[self.key(position)]),
                    key=self._spelled(position),
                )
            ),
        )

    def _refuse(self, guilty, positions, error_of):
        """Let the positions fail that can't be run, by themselves."""
        if guilty:
            raise Suspects(set(guilty)) if len(positions) > 1 else error_of(guilty[0])

    def _spelled(self, position):
        return ", ".join(f"{name}={self.items[position][name]!r}" for name in self.params["key"])

    def matches(self, positions):
        """Ids of all records that match a key, by key: one search for the chunk."""
        model = self.model
        if "active_test" not in self.env.context:
            # an archived record is the same record: creating it again would double it
            model = model.with_context(active_test=False)
        domain = self.keys.domain((self.key(position), self.items[position]) for position in positions)
        found = {}
        for record in model.search_fetch(domain, self.keys.names, order="id"):
            found.setdefault(self.keys.of_record(record), []).append(record.id)
        return found


class LoadHandler(Handler):
    """Odoo's own import; an item is a record's row with its sub-rows."""

    hides_conflicts = True  # it makes messages of whatever the database says
    reads_first = False

    def apply(self, positions):
        rows, owner = [], []
        for position in positions:
            rows.extend(list(row) for row in self.items[position])
            owner.extend([position] * len(self.items[position]))
        result = self.model.load(list(self.params["fields"]), rows)
        errors = [message for message in result["messages"] if message.get("type") == "error"]
        if result["ids"] is False or errors:
            self._raise(errors or result["messages"], owner, positions)
        if len(result["ids"]) != len(positions):
            raise ValueError(
                self.env._(
                    "The import made %(got)s records of %(asked)s.", got=len(result["ids"]), asked=len(positions)
                )
            )
        self.note(self._remarks(result["messages"], owner), positions)
        return dict(zip(positions, result["ids"], strict=True))

    def _remarks(self, messages, owner):
        """Each remark with the record that its rows belong to."""
        found = {}
        for message in messages:
            if message.get("type") == "warning":
                first = (message.get("rows") or {}).get("from", 0)
                found.setdefault(owner[first], []).append(import_warning(message))
        return found

    def _raise(self, messages, owner, positions):
        texts = [str(message.get("message", "")) for message in messages]
        refused = LoadError(texts or [self.env._("The import failed.")])
        if len(positions) > 1:
            suspects = set()
            for message in messages:
                rows = message.get("rows")
                if rows:
                    suspects.update(owner[rows["from"] : rows["to"] + 1])
            raise Suspects(suspects) from refused
        raise refused


HANDLERS = {
    CREATE: CreateHandler,
    UPDATE: UpdateHandler,
    UPSERT: UpsertHandler,
    DELETE: DeleteHandler,
    LOAD: LoadHandler,
    CALL: CallHandler,
}


def jsonable(value, depth=0):
    """A method's return value as plain JSON, false for null; what has no JSON form becomes its text.

    :raises ValueError: nested too deeply for those who are to read it
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
