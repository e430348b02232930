"""The operation `upsert`: update the record that the key fields identify, or create it."""

from odoo.exceptions import MissingError

from ...engine.isolation import InParts, Suspects
from ...engine.payload import copied
from ...engine.references import find_refs
from ...engine.rounds import runs
from ..errors import failure
from ..newest import newest_id
from ..upsert_keys import BadKey, UpsertKeys, can_identify
from .base import Handler


class UpsertHandler(Handler):
    """Updates the record that matches a row's key fields, or creates one if none matches."""

    rights = ("read", "create", "write")

    @staticmethod
    def check(checker, operation, model):
        """Check the fields and the key fields, and compute the keys."""
        checker.check_fields(operation, model, enumerate(operation.items))
        env = checker.env
        for name in operation.params["key"]:
            field = model._fields.get(name)
            if field is None:
                checker.add(
                    operation, env._("model '%(model)s' has no field '%(field)s'", model=model._name, field=name), "key"
                )
            elif not can_identify(field):
                checker.add(operation, env._("field '%s' can't identify a record", name), "key")
            elif not model._has_field_access(field, "read"):
                checker.add(operation, env._("you may not read field '%s'", name), "key")
        if not checker.problems:
            names = tuple(operation.params["key"])
            find_keys(operation, checker.once((operation.model, names), lambda: UpsertKeys(model, names)))

    def __init__(self, model, payload, **options):
        super().__init__(model, payload, **options)
        self.keys = UpsertKeys(model, self.params["key"])
        self.known = {}  # position -> key

    def key(self, position):
        """The key of the row at a position, see `UpsertKeys`; cached.

        :raises BadKey: its values can't identify a record
        """
        if position not in self.known:
            self.known[position] = self.keys.of(self.items[position])
        return self.known[position]

    def values(self, position):
        """The values of the record."""
        return self.items[position]

    def prepare(self, positions):
        """Fail records with an invalid key, with values for fields that don't exist, and those with the same key as an earlier record of
        their operation.
        """
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
                first = None  # its values were corrected, so it is no duplicate of that record any more
            if first is None:
                first = seen.setdefault((self.payload.operations[position], key), index)
            if first != index:
                failures[position] = failure(
                    "ValidationError", self.env._("The same key as record %s of this operation.", first)
                )
        return {**self._with_missing_fields(positions), **failures}

    def apply(self, positions):
        """Write or create the records; returns position -> id.

        :raises Suspects: some of several records can't be upserted; it names their positions
        :raises ValueError, MissingError: a single record can't be upserted
        """
        matches = self.matches(positions)
        self._refuse_ambiguous(positions, matches)
        found = {key: ids[0] for key, ids in matches.items()}
        made = {}
        for number, part in enumerate(runs(positions, self.key)):
            if number:
                self.env.cr.flush()  # so that what runs at the end of a transaction (tracking) runs for each write
            made.update(self._upsert(part, found))
            found.update((self.key(position), made[position]) for position in part)
        return made

    def _upsert(self, positions, found):
        """Write or create records whose keys all differ; returns their ids by position.

        :param dict found: key -> id of an existing record
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
        targets = {
            position: (id_, {name: value for name, value in self.items[position].items() if name not in names})
            for position, id_ in old.items()
        }

        def write(some):
            with self.tracker.watch({position: old[position] for position in some}, self._names(some)):
                self._write_all([list(targets[position]) for position in some])

        self._write_what_differs(targets, write)
        if not new:
            return old
        with self.tracker.watch({}, self._names(new)) as made:
            values = [copied(self.keys.values_to_create(self.items[position], self.key(position))) for position in new]
            newest = newest_id(self.model)
            found = dict(zip(new, self.model.create(values)._ids, strict=True))
            made.update(self._tell_made(found, newest))
        self._refuse_twins(new, positions)
        return old | found

    def _refuse_twins(self, new, positions):
        """Run rows one by one if one of them has made, with its record, another one that has the key of a row after it.

        :raises InParts: there is such a record
        """
        if len(positions) > 1 and any(len(ids) > 1 for ids in self.matches(new).values()):
            raise InParts(positions)

    def _names(self, positions):
        return {name for position in positions for name in self.items[position]}

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
        """Fail positions that can't be run; in an attempt at several, report them as suspects so that they run one by one.

        :param guilty: the positions that can't be run
        :param positions: all positions of the attempt
        :param error_of: function that returns the exception for a position
        """
        if guilty:
            raise Suspects(set(guilty)) if len(positions) > 1 else error_of(guilty[0])

    def _spelled(self, position):
        return ", ".join(f"{name}={self.items[position][name]!r}" for name in self.params["key"])

    def matches(self, positions):
        """Ids of the records that match the keys, by key, found with one search.

        :returns: dict key -> list of ids
        :raises BadKey: see `key`
        """
        model = self.model
        if "active_test" not in self.env.context:
            # archived records match too: creating a second one would be a duplicate
            model = model.with_context(active_test=False)
        domain = self.keys.domain((self.key(position), self.items[position]) for position in positions)
        found = {}
        for record in model.search_fetch(domain, self.keys.names, order="id"):
            found.setdefault(self.keys.of_record(record), []).append(record.id)
        return found


def find_keys(operation, keys):
    """Set `keys` of an upsert, and its parameter `duplicates`: the records with the same key as an earlier record.

    A duplicate may be in another chunk than the first record. So each has the index of the first record, and the hash of the key:
    if its values are corrected later, the hash shows whether it is still a duplicate.

    :param operation: the parsed `Operation`
    :param UpsertKeys keys: of its model and its key fields
    """
    seen, duplicates = {}, {}
    operation.keys = []
    for index, values in enumerate(operation.items):
        try:
            key = keys.of(values)
        except BadKey:
            key = None  # the record fails when it runs
        else:
            first = seen.setdefault(key, index)
            if first != index:
                mark = None if next(find_refs(values), None) is not None else keys.number(key)
                duplicates[str(index)] = [first, mark]
        operation.keys.append(key)
    if duplicates:
        operation.params["duplicates"] = duplicates
