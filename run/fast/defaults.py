"""Default values: Odoo asks for them record by record, and mostly gets the same.

Those that read nothing but the environment are kept within a transaction; all others are asked for each time, as are those of inherited fields.
"""

from odoo.fields import Command

from .methods import all_known
from .switch import is_on

ATTRIBUTE = "batch_executor_defaults"
#: What a function may name to be the same whenever it is called in an environment.
READS = {"_context", "browse", "company", "context", "env", "get", "id", "uid", "user"}
#: Types of values that nobody can change.
PLAIN = (str, int, float, bool, type(None))
#: Types of fields whose default values are converted by themselves, without a look at other records.
SIMPLE = {"boolean", "char", "float", "integer", "many2one", "monetary", "selection", "text"}
#: Fewer fields are asked for as Odoo does; most questions that are kept.
LEAST, MOST = 6, 100


class Answer:
    """What `default_get` has answered.

    :param model: the model
    :param list names: of the fields that were asked for
    :param dict values: the answer
    """

    def __init__(self, model, names, values):
        self.stored = _stored_defaults(model)
        self.company = model.env.company
        self.order = list(values)
        self.rest = [name for name in names if not _is_constant(model, name, self.stored)]
        others = set(self.rest)
        self.kept = {name: values[name] for name in names if name in values and name not in others}
        self.links = {name: tuple(value[0][2]) for name, value in self.kept.items() if _are_links(value)}
        self.is_safe = all(type(value) in PLAIN for name, value in self.kept.items() if name not in self.links)

    def holds(self, model):
        """Whether the values that are kept are still the same."""
        return self.is_safe and _stored_defaults(model) is self.stored and model.env.company == self.company

    def completed(self, ask):
        """The values that are kept, with those that are asked for now; None if others have come than the first time.

        :param ask: as for `ask_once`
        """
        rest = ask(self.rest) if self.rest else {}
        if len(rest) + len(self.kept) != len(self.order) or not self.kept.keys().isdisjoint(rest):
            return None
        values = {**self.kept, **{name: [Command.set(list(ids))] for name, ids in self.links.items()}, **rest}
        return {name: values[name] for name in self.order} if all(name in values for name in self.order) else None


def ask_once(model, names, ask, below):
    """As `default_get`; what only depends on the environment is asked once in a lane's transaction.

    :param model: the model
    :param list names: of fields
    :param ask: the method that is overridden
    :param below: the class that overrides it
    :returns: a dict with values, in the order in which Odoo gives them
    """
    if len(names) < LEAST or model._ids or not is_on(model.env):
        return ask(names)
    answers = vars(model.env.cr).setdefault(ATTRIBUTE, {})
    question = model.env, model._name, tuple(names)
    known = answers.get(question)
    if known and known.holds(model) and (values := known.completed(ask)) is not None:
        return values
    values = ask(names)
    if len(answers) < MOST and all_known(model, "default_get", below=below, known=("odoo.orm.", "odoo.addons.batch_executor.")):
        answers[question] = Answer(model, names, values)
    return values


def _stored_defaults(model):
    """Default values that users have set. Odoo caches them: it is the same object until one of them changes."""
    return model.env["ir.default"]._get_model_defaults(model._name)


def _is_constant(model, name, stored):
    """Whether the default value of a field is the same whenever it is asked for in this environment."""
    field = model._fields.get(name)
    if field is None:
        return True
    if f"default_{name}" in model.env.context or name in stored:
        return field.type in SIMPLE
    if field.default:
        return (field.type in SIMPLE or field.type == "many2many") and _only_reads(field.default)
    return not field.inherited


def _are_links(value):
    """Whether a value links to records, which it names by their ids."""
    return type(value) is list and len(value) == 1 and value == [Command.set(value[0][2])] and all(type(id_) is int for id_ in value[0][2])


def _only_reads(function):
    """Whether a function does no more than to return a value, or to read what belongs to the environment."""
    code = getattr(function, "__code__", None)
    if code is None or not READS.issuperset(code.co_names):
        return False
    values = [*code.co_consts, *(cell.cell_contents for cell in function.__closure__ or ()), *(function.__defaults__ or ())]
    return not function.__kwdefaults__ and all(type(value) in PLAIN for value in values)
