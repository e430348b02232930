"""Searches that find nothing, again and again: not made again as long as nothing has changed.

Sale orders ask for analytic distributions line by line, mostly in vain; so do others. Within one attempt at some records, the answer is the same
as long as no statement but the ORM's own reading ones has been executed, and nothing that the search looks at waits for being written.
"""

from collections import Counter
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
#: Most questions that are noted.
MOST = 1000
#: Answers of a model that may be kept in vain; to keep one costs as much as to ask.
IN_VAIN = 5


class Answers:
    """Searches of one attempt that have found nothing."""

    def __init__(self):
        self.kept = {}  # question -> what the answer depends on besides
        self.seen = set()  # questions that were asked once: most are never asked again, and not worth keeping
        self.refused = set()  # questions whose answers can't be kept
        self.gain = Counter()  # model name -> answers that were of use, less those that were kept


def begin(cr):
    """Keep answers from now on; those of before are forgotten."""
    vars(cr)[ATTRIBUTE] = Answers()


def end(cr):
    """Forget the answers, and keep none."""
    vars(cr).pop(ATTRIBUTE, None)


def note_statement(cr, text):
    """Forget the answers if a statement may change what they were found in.

    :param cr: the cursor
    :param str text: of the statement
    """
    if not text.startswith(READS) and (answers := vars(cr).get(ATTRIBUTE)):
        answers.kept.clear()


def find(model, domain, arguments, search, below):
    """As `search_fetch`; a search that has found nothing twice is not made again.

    :param model: the model
    :param domain: of the search
    :param tuple arguments: field names, offset, limit, order
    :param search: the method that is overridden
    :param below: the class that overrides it
    """
    answers = vars(model.env.cr).get(ATTRIBUTE) if is_on(model.env) else None
    if answers is None or type(domain) is not list or answers.gain[model._name] < -IN_VAIN:
        return search(domain, *arguments)
    question = model.env, model._name, repr(domain), repr(arguments)
    depends = answers.kept.get(question)
    if depends and depends[1:] == _depends(model) and not _are_pending(model.env, depends[0]):
        answers.gain[model._name] += 1
        return model.browse()
    found = search(domain, *arguments)
    if not found:
        _keep(answers, question, model, domain, arguments, below)
    return found


def _keep(answers, question, model, domain, arguments, below):
    """Keep the answer to a question if it is asked again."""
    if question in answers.refused or len(answers.seen) > MOST:
        return
    if question not in answers.seen:
        answers.seen.add(question)
        return
    answers.gain[model._name] -= 1
    if _may_be_kept(model, domain, below):
        _names, offset, limit, order = arguments
        query = model._search(domain, offset=offset, limit=limit, order=order or model._order)
        answers.kept[question] = frozenset(query.select().to_flush), *_depends(model)
    else:
        answers.refused.add(question)


def _depends(model):
    """What an answer depends on besides rows: record rules, which Odoo caches, and the context."""
    env = model.env
    return None if env.su else env["ir.rule"]._compute_domain(model._name, "read"), repr(env.context)


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
        and _is_plain(domain)
        and all(map(_is_plain, model.env.context.values()))
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
