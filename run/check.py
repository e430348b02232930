"""Checks of a submission against the registry and the database: models, fields, methods, access rights."""

from odoo.exceptions import AccessError
from odoo.fields import Domain

from . import grouping
from .caller import context_problems
from .handlers import HANDLERS


class Checker:
    """Checks operations against the registry and the caller's rights; caches the answers per model.

    The checks of each operation type are in `run/handlers`, which call the public methods of this class.

    :param env: the caller's environment
    :param Problems problems: problems found are added here
    :param int offset: position of the first operation of this request in its job
    """

    def __init__(self, env, problems, offset=0):
        self.env = env
        self.problems = problems
        self.offset = offset
        self.models = {}
        self.fields = {}
        self.rights = {}
        self.known = {}  # see `once`
        self.last = {}  # see `at_the_end`

    def check(self, operations):
        """Add a problem for each error in the operations, and complete the operations with what the registry says.

        :param operations: parsed `Operation`s
        """
        for operation in operations:
            if operation.context:
                self._check_context(operation)
            model = self._model(operation) if operation.model else None
            if model is None or not operation.type:
                continue
            may_run = self._has_rights(operation, model)
            HANDLERS[operation.type].check(self, operation, model)
            if operation.group_by and may_run:
                self._check_group_by(operation, model)
        if not self.problems:
            for function, members in self.last.items():
                function(self.env, members)

    def add(self, operation, message, key=False, record=False):
        """Add a problem of an operation.

        :param str message: translated text
        :param key: key of the operation that is wrong, or False
        :param record: index of the record that is wrong, or False
        """
        self.problems.add(message, operation=operation.position - self.offset, record=record, key=key)

    def once(self, question, answer):
        """The cached result for a question that several operations ask.

        :param question: hashable key of the cache
        :param answer: function without arguments, called the first time only
        """
        if question not in self.known:
            self.known[question] = answer()
        return self.known[question]

    def at_the_end(self, function, operation):
        """Call `function(env, operations)` once at the end, with all operations registered for it, if there are no problems."""
        self.last.setdefault(function, []).append(operation)

    def _model(self, operation):
        if operation.model not in self.models:
            self.models[operation.model] = self.env.get(operation.model)
        model = self.models[operation.model]
        if model is None:
            self.add(operation, self.env._("there is no model '%s'", operation.model), "model")
        elif model._abstract and not operation.params.get("model_level"):
            self.add(operation, self.env._("model '%s' is abstract, it has no records", operation.model), "model")
        else:
            return model
        return None

    def _has_rights(self, operation, model):
        """Whether the caller has the access rights of the operation type; a called model method checks rights itself."""
        if operation.params.get("model_level"):
            return True
        key = (operation.model, operation.type)
        missing = self.rights.get(key)
        if missing is None:
            missing = self.rights[key] = [right for right in HANDLERS[operation.type].rights if not model.has_access(right)]
        for right in missing:
            self.add(
                operation,
                self.env._("you have no %(right)s access to '%(model)s'", right=right, model=operation.model),
                "model",
            )
        return not missing

    def _check_context(self, operation):
        for _key, problem in context_problems(self.env, operation.context):
            self.add(operation, problem, "context")

    # -- fields, domains, groups -------------------------------------------------------------------

    def check_fields(self, operation, model, records):
        """Add a problem for each record with fields that the model does not have.

        :param operation: the parsed `Operation`
        :param records: pairs `(index, values)`
        """
        known = self._field_names(model)
        for index, values in records:
            if values.keys() <= known:
                continue
            unknown = ", ".join(repr(name) for name in sorted(map(str, values.keys() - known)))
            self.add(
                operation,
                self.env._("model '%(model)s' has no field %(field)s", model=model._name, field=unknown),
                "data",
                index,
            )

    def _field_names(self, model):
        names = self.fields.get(model._name)
        if names is None:
            names = self.fields[model._name] = frozenset(model._fields)
        return names

    def check_domain(self, operation, model):
        """Add a problem if the operation has a domain that is not valid for the model."""
        if not operation.selection or "domain" not in operation.selection:
            return
        try:
            Domain(operation.selection["domain"]).validate(model)
        except AccessError as error:
            self.add(operation, str(error), "domain")
        except Exception as error:  # noqa: BLE001  # the domain parser may raise any exception
            self.add(operation, self.env._("not a valid domain: %s", error), "domain")

    def _check_group_by(self, operation, model):
        name = operation.group_by
        field = model._fields.get(name)
        if field is None:
            self.add(
                operation,
                self.env._("model '%(model)s' has no field '%(field)s'", model=model._name, field=name),
                "group_by",
            )
        elif field.type in ("one2many", "many2many") or not field.store:
            self.add(operation, self.env._("records can't be grouped by field '%s'", name), "group_by")
        elif not model._has_field_access(field, "read"):
            self.add(
                operation, self.env._("you may not read field '%s', so nothing can be grouped by it", name), "group_by"
            )
        elif not (operation.params.get("model_level") or grouping.carries_values(operation)):
            if not model.has_access("read"):
                self.add(
                    operation,
                    self.env._("you have no %(right)s access to '%(model)s'", right="read", model=operation.model),
                    "group_by",
                )
            elif not self.problems:  # with problems nothing is stored, and the operation's data may be invalid
                grouping.read_values(self.env, operation)
