"""What people call a record: by its name, or by what its values say."""

import logging

from odoo.exceptions import AccessError, UserError

from ..engine.values import can_be_id

_logger = logging.getLogger(__name__)

#: Characters kept of a name.
NAME_LENGTH = 100
#: Fields by which people know a record, besides those of its model.
NAMES = ("name", "display_name", "complete_name", "title")
REFERENCES = ("ref", "default_code", "code", "barcode", "number", "login", "email", "vat", "id", ".id")


def record_name(env, model, record_id):
    """The name of a record, or None where there is none that the caller may read."""
    return record_names(env, model, {record_id}).get(record_id)


def record_names(env, model, ids):
    """Names of the records, among these, that the caller may read: id -> name, which may be empty."""
    records = env.get(model)
    if records is None or records._abstract or not records.has_access("read"):
        return {}
    try:
        with env.cr.savepoint(flush=False):  # names may be computed by anybody's code
            found = records.with_context(active_test=False).search([("id", "in", [id_ for id_ in ids if can_be_id(id_)])])
            return {record.id: (record.display_name or "")[:NAME_LENGTH] for record in found}
    except (AccessError, UserError, ValueError, TypeError, KeyError, AttributeError):
        _logger.info("names of %s can't be read", model, exc_info=True)
        return {}


def names_by_model(env, wanted):
    """The names of records of several models, with a search for each model.

    :param wanted: pairs of model and id
    :returns: dict (model, id) -> name, of those that the caller may read
    """
    by_model = {}
    for model, record_id in wanted:
        by_model.setdefault(model, set()).add(record_id)
    return {(model, id_): name for model, ids in by_model.items() for id_, name in record_names(env, model, ids).items()}


def name_in_values(env, model, values):
    """The name that values give to a record of a model, or else what it is known by; it may be empty."""
    rec_name = env[model]._rec_name if model in env else None
    return first_text(values, [rec_name, *NAMES]) or first_text(values, REFERENCES)


def first_text(values, names):
    """The first of these values that is a text or a number, as text; empty where there is none."""
    for name in names:
        value = values.get(name)
        if value and isinstance(value, (str, int)) and not isinstance(value, bool):
            return str(value)[:NAME_LENGTH]
    return ""
