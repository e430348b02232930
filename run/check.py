"""What only the database can say about a submission before it is stored: models, fields, methods, rights."""

from odoo.exceptions import AccessError
from odoo.fields import Domain

from . import grouping
from .caller import context_problems
from .handlers import HANDLERS


class Checker:
    """Checks operations against the registry and the caller's rights; each question is asked once per model.

    What differs from one type of operation to the other is in `run/handlers`, which use the public methods.
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
        """Note all that is wrong with `operations`, and complete what needs the registry to be understood."""
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
        """Note a problem: with which key of the operation, and with which of its records."""
        self.problems.add(message, operation=operation.position - self.offset, record=record, key=key)

    def once(self, question, answer):
        """The answer to a question that several operations ask: `answer` is called for the first of them only."""
        if question not in self.known:
            self.known[question] = answer()
        return self.known[question]

    def at_the_end(self, function, operation):
        """Have `function(env, operations)` called for all operations that ask for it, once, if nothing was found to be wrong."""
        self.last.setdefault(function, []).append(operation)

    def _model(self, operation):
        if operation.model not in self.models:
            self.models[operation.model] = self.env.get(operation.model)
        model = self.models[operation.model]
        if model is None:
            self.add(operation, self.env._("there is no model %r", operation.model), "model")
        elif model._abstract and not operation.params.get("model_level"):
            self.add(operation, self.env._("model %r is abstract, it has no records", operation.model), "model")
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
            missing = self.rights[key] = [right for right in HANDLERS[operation.type].rights if not model.has_access(right)]
        for right in missing:
            self.add(
                operation,
                self.env._("you have no %(right)s access to %(model)r", right=right, model=operation.model),
                "model",
            )
        return not missing

    def _check_context(self, operation):
        for _key, problem in context_problems(self.env, operation.context):
            self.add(operation, problem, "context")

    # -- fields, domains, groups -------------------------------------------------------------------

    def check_fields(self, operation, model, records):
        """Note the unknown fields in `(index, values)` of records."""
        known = self._field_names(model)
        for index, values in records:
            if values.keys() <= known:
                continue
            unknown = ", ".join(repr(name) for name in sorted(map(str, values.keys() - known)))
            self.add(
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

    def check_domain(self, operation, model):
        """Note what is wrong with the domain of an operation, if it has one."""
        if not operation.selection or "domain" not in operation.selection:
            return
        try:
            Domain(operation.selection["domain"]).validate(model)
        except AccessError as error:
            self.add(operation, str(error), "domain")
        except Exception as error:  # noqa: BLE001  # what the domain parser raises on nonsense is not fixed
            self.add(operation, self.env._("not a valid domain: %s", error), "domain")

    def _check_group_by(self, operation, model):
        name = operation.group_by
        field = model._fields.get(name)
        if field is None:
            self.add(
                operation,
                self.env._("model %(model)r has no field %(field)r", model=model._name, field=name),
                "group_by",
            )
        elif field.type in ("one2many", "many2many") or not field.store:
            self.add(operation, self.env._("records can't be grouped by field %r", name), "group_by")
        elif not model._has_field_access(field, "read"):
            self.add(
                operation, self.env._("you may not read field %r, so nothing can be grouped by it", name), "group_by"
            )
        elif not (operation.params.get("model_level") or grouping.carries_values(operation)):
            if not model.has_access("read"):
                self.add(
                    operation,
                    self.env._("you have no %(right)s access to %(model)r", right="read", model=operation.model),
                    "group_by",
                )
            elif not self.problems:  # else nothing is stored, and what the operation says may be of no use
                grouping.read_values(self.env, operation)
