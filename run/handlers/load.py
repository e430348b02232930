"""The operation `load`: import rows with Odoo's own import."""

from difflib import get_close_matches
from functools import cached_property
from itertools import pairwise

from odoo.models import fix_import_export_id_paths

from ...engine.effects import CREATED, UNCHANGED
from ...engine.isolation import InParts, Suspects
from ...engine.outcome import IMPORT_WARNING, Warned
from ...exceptions import LoadError
from .. import import_rows
from ..changes.imported import named_records
from ..errors import MESSAGE_LIMIT, storable
from ..fast.loading import loading
from ..newest import newest_id
from ..warning import import_warning
from .base import Handler

#: Columns that are not fields: external id and database id.
IMPORT_IDS = ("id", ".id")


class LoadHandler(Handler):
    """Calls `Model.load`. An item is the list of rows of one record: its own row and those of its lines."""

    rights = ("create", "write")
    hides_conflicts = True  # `Model.load` turns database errors into messages
    reads_first = False

    @staticmethod
    def check(checker, operation, model):
        """Check the columns, and group the rows into records."""
        paths = [fix_import_export_id_paths(name) for name in operation.params["fields"]]
        for name, path in zip(operation.params["fields"], paths, strict=True):
            if problem := path_problem(model, path):
                checker.add(operation, f"{name}: {problem}", "fields")
        import_rows.arrange(operation, model, paths, default_module({**checker.env.context, **operation.context}))

    def ends_of_calls(self, positions):
        """As `Handler.ends_of_calls`."""
        return [positions[place] for place in self._id_columns.ends_of_calls([self.items[position] for position in positions])]

    def apply(self, positions):
        """Import the rows; returns position -> id.

        :raises Suspects: an import of several records was refused; it names the positions of the refused rows
        :raises LoadError: an import of one record was refused
        """
        rows, owner = [], []
        for position in positions:
            rows.extend(list(row) for row in self.items[position])
            owner.extend([position] * len(self.items[position]))
        skipped = []  # records that the import is told to skip, by their place among these
        with self._watch(positions) as made:
            newest = newest_id(self.model)
            with loading(self.env, self.skips_unchanged) as import_:
                result = self.model.with_context(batch_note_skipped=skipped.append).load(list(self.params["fields"]), rows)
            errors = [message for message in result["messages"] if message.get("type") == "error"]
            if result["ids"] is False or errors:
                self._raise(errors or result["messages"], owner, positions)
            without = {positions[place] for place in skipped}
            imported = [position for position in positions if position not in without]
            if len(result["ids"]) != len(imported):
                raise ValueError(
                    self.env._("The import made %(got)s records of %(asked)s.", got=len(result["ids"]), asked=len(imported))
                )
            found = dict(zip(imported, result["ids"], strict=True))
            made.update((position, id_) for position, id_ in found.items() if id_ > newest)
        remarks = self._remarks(result["messages"], owner)
        for position in without:
            remarks.setdefault(position, []).append(self._skipped)
        self.add_warnings(remarks, positions)
        self.effects = {
            **{position: CREATED if id_ > newest else import_.effect(self.model._name, id_) for position, id_ in found.items()},
            **dict.fromkeys(without, UNCHANGED),
        }
        return {**found, **dict.fromkeys(without, True)}

    def _watch(self, positions):
        """Tell the tracker what the import is about to write: the records that its rows name, and the fields of its columns."""
        if not self.tracker.is_on:
            return self.tracker.watch({})
        columns = self.params["fields"]
        named = named_records(self.model, columns, [self.items[position][0] for position in positions])
        existing = {position: id_ for position, id_ in zip(positions, named, strict=True) if id_}
        return self.tracker.watch(existing, {fix_import_export_id_paths(column)[0] for column in columns})

    @cached_property
    def _id_columns(self):
        paths = [fix_import_export_id_paths(name) for name in self.params["fields"]]
        return import_rows.id_columns(self.model, paths, default_module(self.env.context))

    @property
    def _skipped(self):
        """The warning for a record that was not imported, as its importer has chosen."""
        columns = ", ".join(map(str, self.env.context.get("import_skip_records") or ()))
        message = self.env._("Not imported: the import skips records without a match for %s.", columns)
        return Warned(IMPORT_WARNING, storable(message, MESSAGE_LIMIT))

    def _in_order(self, suspects, positions):
        """`InParts` where a suspect must not run behind the others; else None.

        In a job in strict order none may, as it would find by name what a later one makes. Elsewhere one that has one about the same record
        after it.
        """
        if (self.keeps_order and suspects) or self._has_followers(suspects, positions):
            return InParts([end for before, position in pairwise([None, *positions]) if position in suspects for end in (before, position)])
        return None

    def _has_followers(self, suspects, positions):
        """Whether one after a suspect is about the same record, as its external id says."""
        column = next((place for place, name in enumerate(self.params["fields"]) if name == "id"), None)
        if column is None:
            return False
        last = {self.items[position][0][column]: position for position in positions if self.items[position][0][column]}
        return any(last.get(self.items[position][0][column], position) != position for position in suspects)

    def _remarks(self, messages, owner):
        """The import's warnings, by the position of their record."""
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
            raise (self._in_order(suspects, positions) or Suspects(suspects)) from refused
        raise refused


def default_module(context):
    """The module of external ids that are written without one, as in `Model.load`."""
    return context.get("module", "__import__")


def path_problem(model, path):
    """What is wrong with a column of an import; None if it is valid.

    :param model: the model to import into
    :param list path: the column, as a list of field names
    """
    for place, name in enumerate(path):
        if name in IMPORT_IDS:
            return None
        name = name.partition(".")[0]  # without the property of a properties field
        field = model._fields.get(name)
        if field is None:
            names = {"model": model._name, "field": repr(name)}
            if meant := _meant(model, name):
                return model.env._("model '%(model)s' has no field %(field)s; did you mean %(meant)s?", meant=repr(meant), **names)
            return model.env._("model '%(model)s' has no field %(field)s", **names)
        if place + 1 < len(path):
            if not field.comodel_name:
                return model.env._("field '%s' has no sub-fields", name)
            model = model.env[field.comodel_name]
    return None


def _meant(model, name):
    """The field whose label was given instead of its name, or which has nearly this name; None where there is none."""
    labels = {name: words["string"].casefold() for name, words in model.fields_get(attributes=["string"]).items()}
    labelled = (field for field, label in labels.items() if label == name.casefold())
    return next(labelled, None) or next(iter(get_close_matches(name[:64].lower(), labels, 1)), None)
