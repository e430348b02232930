"""Find the records that already hold the values that are about to be written on them."""

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.models import LOG_ACCESS_COLUMNS
from odoo.tools import SQL, float_repr

from ..fast.methods import all_known
from . import attached, lines
from .forms import comparison

#: What the conversion of a value may raise; the write then raises it again.
UNCONVERTIBLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, UserError)
#: Fields that Odoo never takes from the values of a write.
NEVER_WRITTEN = {"id", "parent_path", *LOG_ACCESS_COLUMNS}


def unchanged(model, pairs):
    """Which records hold all the values to be written on them, so that writing these would change nothing.

    Only what is certain counts. A record or field that the user may not read is never compared; one that may not be written is left
    to the write, which fails.

    :param model: the model, in the environment in which it would be written
    :param pairs: list of `(record id, values)`
    :returns: set of places in `pairs`
    """
    pairs = list(pairs)
    names = dict.fromkeys(name for _id, values in pairs for name in values if name not in NEVER_WRITTEN)
    if not pairs or not model._auto or model._abstract:
        return set()
    model.env.flush_all()
    readable = _allowed(model, {record_id for record_id, _values in pairs})
    stored = Stored(model, names, readable)
    found = set()
    for place, (record_id, values) in enumerate(pairs):
        if record_id in readable and stored.holds(record_id, values):
            found.add(place)
    return found


def _allowed(model, ids):
    """Those of some records that the user may read and write."""
    if model.env.su:
        return set(ids)
    if all_known(model, "_check_access", "_filtered_access", "_search", known=("odoo.orm.",)):
        if not (model.has_access("read") and model.has_access("write")):
            return set()
        # the same rules as below, but by a search: Odoo reads all fields of records to check them one by one
        rules = [model.env["ir.rule"]._compute_domain(model._name, operation) for operation in ("read", "write")]
        every = model.sudo().with_context(active_test=False)
        return set(every._search(Domain.AND([Domain("id", "in", ids), *rules])))
    return set(model.browse(ids)._filtered_access("write")._filtered_access("read")._ids)


class Stored:
    """What is stored of some records, in the fields that are to be compared.

    :param model: the model
    :param names: names of fields
    :param ids: of the records
    """

    def __init__(self, model, names, ids):
        self.model = model
        self.ids = ids
        self.rows = {}  # id -> values of the columns
        self.columns = ["id"]
        self.tests = {}  # name of a field -> function that takes the record's id and the value that was sent
        for name in names:
            self.tests[name] = self._test(name)
        self._read()

    def holds(self, record_id, values):
        """Whether a record holds all of these values."""
        if record_id not in self.rows:
            return False
        try:
            return all(self.tests[name](record_id, value) for name, value in values.items() if name not in NEVER_WRITTEN)
        except UNCONVERTIBLE:
            return False

    def _read(self):
        columns = SQL(", ").join(map(SQL.identifier, self.columns))
        table = SQL.identifier(self.model._table)
        rows = self.model.env.execute_query(SQL("SELECT %s FROM %s WHERE id = ANY(%s)", columns, table, list(self.ids)))
        self.rows = {row[0]: row for row in rows}

    def _place(self, name):
        """Have a column read; returns its place in the row."""
        if name not in self.columns:
            self.columns.append(name)
        return self.columns.index(name)

    def _test(self, name):
        model, field = self.model, self.model._fields.get(name)
        if field is None or not all(model._has_field_access(field, right) for right in ("read", "write")):
            return _unknown
        if field.inherited:
            return self._of_parent(field) or _unknown
        if field.type in ("one2many", "many2many"):
            return lines.test(model, field, self.ids, unchanged) or _unknown
        if field.type == "binary" and field.store and not field.column_type:
            return attached.test(model, field, self.ids) or _unknown
        if not field.store or field.company_dependent:
            return self._in_cache(field) or _unknown
        if not field.column_type:
            return _unknown
        place = self._place(name)
        if type(field) is fields.Monetary:
            return self._monetary(field, place)
        same = comparison(model, field)
        return (lambda record_id, value: same(self.rows[record_id][place], value)) if same else _unknown

    def _monetary(self, field, place):
        """A monetary column: rounded as the record's currency says. Where the currency is written as well, it is the same or all is."""
        records = self.model.browse(self.ids).sudo().with_context(prefetch_fields=False)
        currency_of = {record.id: record[field.get_currency_field(self.model)] for record in records}

        def same(record_id, value):
            raw, value = self.rows[record_id][place], float(value or 0.0)
            if currency := currency_of[record_id]:
                value = float(float_repr(currency.round(value), currency.decimal_places))
            return raw is not None and raw == value

        return same

    def _in_cache(self, field):
        """A field that is not the same for all, or is no column: compared as Odoo compares it before a write."""
        if (field.relational and field.type != "many2one") or field.type in ("binary", "properties", "reference", "json"):
            return None
        records = {record.id: record for record in self.model.browse(self.ids)}

        def same(record_id, value):
            if field.type == "many2one" and type(value) is not int and value is not False and value is not None:
                return False
            record = records[record_id]
            shown = record[field.name]  # in the cache afterwards
            cache = field._get_cache(record.env)
            stored = cache.get(record_id) if record_id in cache else field.convert_to_cache(shown, record, validate=False)
            return stored == field.convert_to_cache(value, record)

        return same

    def _of_parent(self, field):
        """A field of the record that this one inherits from, which must be writable as well."""
        link, _dot, name = field.related.partition(".")
        parent = self.model._fields.get(link)
        if parent is None or not parent.store or "." in name:
            return None
        place, comodel = self._place(link), self.model.env[parent.comodel_name]
        stored = None

        def same(record_id, value):
            nonlocal stored
            if stored is None:
                ids = {row[place] for row in self.rows.values() if row[place]}
                stored = Stored(comodel, [name], _allowed(comodel, ids))
            parent_id = self.rows[record_id][place]
            return parent_id in stored.ids and stored.holds(parent_id, {name: value})

        return same


def _unknown(_record_id, _value):
    return False
