"""What only the database can say about a submission before it is stored: models, fields, methods, rights."""

from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.models import fix_import_export_id_paths
from odoo.service.model import get_public_method

from ..engine.references import find_refs
from ..engine.spec import CALL, CREATE, DELETE, LOAD, SET, TYPES, UPDATE, UPSERT
from ..engine.values import can_be_id
from ..engine.writes import REPEATABLE, has_own_effect
from . import grouping, import_rows
from .caller import context_problems
from .upsert_keys import BadKey, UpsertKeys, can_identify

#: Rights on the model an operation needs; the records' own rules speak when it runs.
RIGHTS = {
    CREATE: ("create",),
    UPDATE: ("write",),
    UPSERT: ("read", "create", "write"),
    DELETE: ("unlink",),
    LOAD: ("create", "write"),
    CALL: ("read",),
}
#: Columns of an import that are no fields: external id and database id.
IMPORT_IDS = ("id", ".id")


class Checker:
    """Checks operations against the registry and the caller's rights; each question is asked once per model."""

    def __init__(self, env, problems, offset=0):
        self.env = env
        self.problems = problems
        self.offset = offset
        self.models = {}
        self.fields = {}
        self.rights = {}
        self.keys = {}
        self.deletes = {}  # model -> operations that delete its records
        self.checks = {kind: getattr(self, f"_check_{kind}") for kind in TYPES}

    def check(self, operations):
        """Note all that is wrong with `operations`, and complete what needs the registry to be understood."""
        for operation in operations:
            if operation.context:
                self._check_context(operation)
            model = self._model(operation) if operation.model else None
            if model is None or not operation.type:
                continue
            may_run = self._has_rights(operation, model)
            self.checks[operation.type](operation, model)
            if operation.group_by and may_run:
                self._check_group_by(operation, model)
        if not self.problems:
            self._note_absent()

    def _add(self, operation, message, key=False, record=False):
        self.problems.add(message, operation=operation.position - self.offset, record=record, key=key)

    def _model(self, operation):
        if operation.model not in self.models:
            self.models[operation.model] = self.env.get(operation.model)
        model = self.models[operation.model]
        if model is None:
            self._add(operation, self.env._("there is no model %r", operation.model), "model")
        elif model._abstract and not operation.params.get("model_level"):
            self._add(operation, self.env._("model %r is abstract, it has no records", operation.model), "model")
        else:
            return model
        return None

    def _has_rights(self, operation, model):
        """Whether the caller may do such an operation at all; a model-level call asks for itself."""
        if operation.params.get("model_level"):
            return True
        key = (operation.model, operation.type)
        missing = self.rights.get(key)
        if missing is None:
            missing = self.rights[key] = [right for right in RIGHTS[operation.type] if not model.has_access(right)]
        for right in missing:
            self._add(
                operation,
                self.env._("you have no %(right)s access to %(model)r", right=right, model=operation.model),
                "model",
            )
        return not missing

    def _check_context(self, operation):
        for _key, problem in context_problems(self.env, operation.context):
            self._add(operation, problem, "context")

    # -- by type -----------------------------------------------------------------------------------

    def _check_create(self, operation, model):
        self._check_fields(operation, model, enumerate(operation.items))

    def _check_upsert(self, operation, model):
        self._check_fields(operation, model, enumerate(operation.items))
        for name in operation.params["key"]:
            field = model._fields.get(name)
            if field is None:
                self._add(
                    operation,
                    self.env._("model %(model)r has no field %(field)r", model=model._name, field=name),
                    "key",
                )
            elif not can_identify(field):
                self._add(operation, self.env._("field %r can't identify a record", name), "key")
            elif not model._has_field_access(field, "read"):
                self._add(operation, self.env._("you may not read field %r", name), "key")
        if not self.problems:
            self._read_keys(operation, model)

    def _read_keys(self, operation, model):
        """Note the keys of an upsert's records, and which of them are there twice.

        As its duplicates are in chunks of their own, each has its first one's index, and what it is a duplicate by:
        values may be mended later.
        """
        names = tuple(operation.params["key"])
        if (keys := self.keys.get((operation.model, names))) is None:
            keys = self.keys[operation.model, names] = UpsertKeys(model, names)
        seen, duplicates = {}, {}
        operation.keys = []
        for index, values in enumerate(operation.items):
            try:
                key = keys.of(values)
            except BadKey:
                key = None  # its own failure, when it runs
            else:
                first = seen.setdefault(key, index)
                if first != index:
                    mark = None if next(find_refs(values), None) is not None else keys.number(key)
                    duplicates[str(index)] = [first, mark]
            operation.keys.append(key)
        if duplicates:
            operation.params["duplicates"] = duplicates

    def _check_update(self, operation, model):
        if "values" in operation.params:
            values = operation.params["values"]
            self._check_fields(operation, model, [(False, values)])
            shared = any(_is_shared_effect(model._fields.get(name), value) for name, value in values.items())
            if shared and (operation.selection or len(operation.items) > 1):
                operation.params[SET] = True
            else:
                operation.give_values_to_each()
        else:
            self._check_fields(
                operation, model, ((index, values) for index, (_id, values) in enumerate(operation.items))
            )
        self._check_domain(operation, model)

    def _check_delete(self, operation, model):
        self._check_domain(operation, model)
        self.deletes.setdefault(operation.model, []).append(operation)

    def _note_absent(self):
        """Tell what is not there at all from what will be gone by the time it is to be deleted; a query per model."""
        for name, operations in self.deletes.items():
            wanted = {id_ for operation in operations for id_ in operation.items if id_.__class__ is int}
            absent = wanted.difference(self.env[name].browse(id_ for id_ in wanted if can_be_id(id_)).exists()._ids)
            for operation in operations:
                operation.absent = absent.intersection(id_ for id_ in operation.items if id_.__class__ is int)

    def _check_load(self, operation, model):
        paths = [fix_import_export_id_paths(name) for name in operation.params["fields"]]
        for name, path in zip(operation.params["fields"], paths, strict=True):
            if problem := self._path_problem(model, path):
                self._add(operation, f"{name}: {problem}", "fields")
        # the module of external ids without one, as `Model.load` has it
        module = {**self.env.context, **operation.context}.get("module", "__import__")
        import_rows.arrange(operation, model, paths, module)

    def _check_call(self, operation, model):
        name = operation.params["method"]
        if isinstance(name, str) and name:
            try:
                get_public_method(model, name)
            except (AccessError, AttributeError) as error:
                self._add(operation, str(error), "method")
        self._check_domain(operation, model)

    # -- fields, domains, groups -------------------------------------------------------------------

    def _check_fields(self, operation, model, records):
        known = self._field_names(model)
        for index, values in records:
            if values.keys() <= known:
                continue
            unknown = ", ".join(repr(name) for name in sorted(map(str, values.keys() - known)))
            self._add(
                operation,
                self.env._("model %(model)r has no field %(field)s", model=model._name, field=unknown),
                "data",
                index,
            )

    def _field_names(self, model):
        names = self.fields.get(model._name)
        if names is None:
            names = self.fields[model._name] = frozenset(model._fields)
        return names

    def _path_problem(self, model, path):
        for place, name in enumerate(path):
            if name in IMPORT_IDS:
                return None
            name = name.partition(".")[0]  # a property of a properties field
            field = model._fields.get(name)
            if field is None:
                return self.env._("model %(model)r has no field %(field)s", model=model._name, field=repr(name))
            if place + 1 < len(path):
                if not field.comodel_name:
                    return self.env._("field %r has no sub-fields", name)
                model = self.env[field.comodel_name]
        return None

    def _check_domain(self, operation, model):
        if not operation.selection or "domain" not in operation.selection:
            return
        try:
            Domain(operation.selection["domain"]).validate(model)
        except AccessError as error:
            self._add(operation, str(error), "domain")
        except Exception as error:  # noqa: BLE001  # what the domain parser raises on nonsense is not fixed
            self._add(operation, self.env._("not a valid domain: %s", error), "domain")

    def _check_group_by(self, operation, model):
        name = operation.group_by
        field = model._fields.get(name)
        if field is None:
            self._add(
                operation,
                self.env._("model %(model)r has no field %(field)r", model=model._name, field=name),
                "group_by",
            )
        elif field.type in ("one2many", "many2many") or not field.store:
            self._add(operation, self.env._("records can't be grouped by field %r", name), "group_by")
        elif not model._has_field_access(field, "read"):
            self._add(
                operation, self.env._("you may not read field %r, so nothing can be grouped by it", name), "group_by"
            )
        elif not (operation.params.get("model_level") or grouping.carries_values(operation)):
            if not model.has_access("read"):
                self._add(
                    operation,
                    self.env._("you have no %(right)s access to %(model)r", right="read", model=operation.model),
                    "group_by",
                )
            elif not self.problems:  # else nothing is stored, and what the operation says may be of no use
                grouping.read_values(self.env, operation)


def _is_shared_effect(field, value):
    """Whether plain Odoo, writing it on all records at once, gives them something in common."""
    return field is not None and field.type in REPEATABLE and has_own_effect(field.type, value)
