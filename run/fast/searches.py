"""Searches that find nothing, again and again: not made again as long as nothing has changed.

Sale orders ask for analytic distributions line by line, mostly in vain; so do others. Within one attempt at some records, the answer is the same
as long as no statement but the ORM's own reading ones has been executed, and nothing that the search looks at waits for being written.
"""

from collections.abc import Collection

from .methods import all_known
from .switch import is_on

ATTRIBUTE = "batch_executor_searches"
#: What a query of the ORM begins with, which changes nothing.
READS = 'SELECT "'
#: Methods that a search is made of.
SEARCHING = ("_search", "_fetch_query", "_determine_fields_to_fetch", "_check_access", "check_access")
#: Operators of domains that compare with given values, and do no more.
OPERATORS = {"=", "!=", "in", "not in", "<", ">", "<=", ">="}
#: Types of values that are the same whenever they look the same.
PLAIN = (str, int, float, bool, type(None))
#: Types of fields that are compared with values as they are; a date may be given as "today".
COMPARED = {"boolean", "char", "float", "integer", "many2many", "many2one", "many2one_reference", "monetary", "selection", "text"}
#: Most answers kept.
MOST = 1000


def begin(cr):
    """Keep answers from now on; those of before are forgotten."""
    vars(cr)[ATTRIBUTE] = {}


def end(cr):
    """Forget the answers, and keep none."""
    vars(cr).pop(ATTRIBUTE, None)


def note_statement(cr, text):
    """Forget the answers if a statement may change what they were found in.

    :param cr: the cursor
    :param str text: of the statement
    """
    if not text.startswith(READS) and (answers := vars(cr).get(ATTRIBUTE)):
        answers.clear()


def find(model, domain, arguments, search, below):
    """As `search_fetch`; a search that has found nothing is not made again.

    :param model: the model
    :param domain: of the search
    :param tuple arguments: field names, offset, limit, order
    :param search: the method that is overridden
    :param below: the class that overrides it
    """
    answers = vars(model.env.cr).get(ATTRIBUTE) if is_on(model.env) else None
    question = None if answers is None else _question(model, domain, arguments)
    if question is None:
        return search(domain, *arguments)
    fields = answers.get(question)
    if fields is not None and not _are_pending(model.env, fields):
        return model.browse()
    found = search(domain, *arguments)
    if not found and len(answers) < MOST and _may_be_kept(model, domain, below):
        _names, offset, limit, order = arguments
        query = model._search(domain, offset=offset, limit=limit, order=order or model._order)
        answers[question] = frozenset(query.select().to_flush)
    return found


def _question(model, domain, arguments):
    """All that an answer depends on, but for rows; None if it can't be compared."""
    if type(domain) is not list or not _is_plain(domain):
        return None
    env = model.env
    if any(not _is_plain(value) for value in env.context.values()):
        return None
    rules = None if env.su else repr(env["ir.rule"]._compute_domain(model._name, "read"))
    return model._name, repr(domain), repr(arguments), env.uid, env.su, repr(sorted(env.context.items())), rules


def _is_plain(value):
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    return type(value) in PLAIN


def _are_pending(env, fields):
    """Whether a field has values that are not in the database yet."""
    transaction = env.transaction
    return not (fields.isdisjoint(transaction.field_dirty) and fields.isdisjoint(transaction.tocompute))


def _may_be_kept(model, domain, below):
    """Whether a search reads columns and no more: no code runs for it that is not known."""
    conditions = [term for term in domain if type(term) in (list, tuple)]
    if not model.env.su:
        rules = model.env["ir.rule"]._compute_domain(model._name, "read")
        conditions += [(each.field_expr, each.operator, each.value) for each in rules.iter_conditions()]
    return (
        model._auto
        and all(len(condition) == 3 and _reads_a_column(model, *condition) for condition in conditions)
        and all_known(model, *SEARCHING)
        and all_known(model, "search_fetch", below=below)
    )


def _reads_a_column(model, name, operator, value):
    field = model._fields.get(name)
    values = [value] if type(value) in PLAIN else value
    return (
        field is not None
        and bool(field.store)
        and not (field.company_dependent or field.search)
        and (field.type in COMPARED or name == "id")
        and operator in OPERATORS
        and isinstance(values, Collection)
        and all(type(each) in ((int, bool, type(None)) if field.relational else PLAIN) for each in values)
    )
