"""Find records by many names with one statement, where that finds what `name_search` would."""

from odoo.fields import Domain
from odoo.tools import SQL

from .methods import all_known

#: Two names that no record has. A search for either must be the same statement but for the name.
MARKS = ("\u2063batch\u2063", "\u2063Name of the other\u2063")
#: What compares a name with some columns, where only Odoo's ORM and this addon define it.
SEARCHING = ("name_search", "_search_display_name", "search_fetch")
OWN = ("odoo.orm.", "odoo.addons.batch_executor.")


def find_by_names(model, names):
    """Find the records with these names.

    :param model: the model, in the environment in which it would be searched
    :param names: texts that PostgreSQL takes
    :returns: name -> id of the only record, or None if there is not exactly one; an empty dict if `name_search` has to be asked
    """
    if not _compares_columns(model):
        return {}
    statement = _statement(model)
    if statement is None:
        return {}
    found = model.env.execute_query(SQL("""
        SELECT wanted.name, min(found.id), count(*)
          FROM unnest(%s::text[]) AS wanted (name) CROSS JOIN LATERAL (%s) AS found (id)
         GROUP BY wanted.name
    """, list(names), statement))  # fmt: skip
    only = {name: record_id for name, record_id, count in found if count == 1}
    return {name: only.get(name) for name in names}


def _compares_columns(model):
    """Whether a search by name is no more than a comparison with columns of text."""
    fields = [model._fields.get(name) for name in model._rec_names_search or filter(None, [model._rec_name])]
    return (
        bool(fields)
        and all_known(model, *SEARCHING, known=OWN)
        and all(field and field.store and field.type in ("char", "text") and not getattr(field, "size", None) for field in fields)
    )


def _statement(model):
    """The search for `wanted.name`, made from the searches for two names; None if they differ in anything else."""
    one, other = (model._search(Domain("display_name", "=", mark), limit=2) for mark in MARKS)
    if one.is_empty() or other.is_empty() or one.select().code != other.select().code:
        return None
    params = []
    for param, changed in zip(one.select().params, other.select().params, strict=True):
        if param == changed:
            params.append(param)
        elif (param, changed) == MARKS:
            params.append(SQL("wanted.name"))
        elif (param, changed) == tuple((mark,) for mark in MARKS):
            params.append(SQL("(wanted.name)"))
        else:
            return None
    return SQL(one.select().code, *params)
