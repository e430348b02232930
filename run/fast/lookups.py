"""What an import has found of the records that its cells refer to, for as long as nothing is written."""

from collections import defaultdict
from inspect import isfunction

import psycopg2

from odoo.exceptions import UserError

from odoo.addons.base.models.ir_fields import IrFieldsConverter

from .methods import all_known
from .names import find_by_names

#: Key of the context in which rows are converted: their `Lookups`.
LOOKUPS = "batch_lookups"
#: What finds records by name. Where other code defines one of these, each cell is looked up by itself.
SEARCHING = ("name_search", "_search_display_name", "search_fetch", "search", "_search")
#: Modules of Odoo whose own definitions of these only read.
READING = tuple(f"odoo.addons.{name}." for name in ("web", "product", "account", "project", "sale_expense", "stock", "fleet", "crm", "hr"))
#: What converts cells, and how the names of such methods begin that modules add.
CONVERTING = {name for name, value in vars(IrFieldsConverter).items() if isfunction(value)}
CONVERTING_TYPES = "_str_to_"
#: Keys of a sub-record that refer to a record: name, external id, database id.
NAME, XMLID, ID = None, "id", ".id"
REFERENCES = (NAME, XMLID, ID)
#: Fewer names are searched one by one.
LEAST_NAMES = 4
#: The greatest id of a record.
GREATEST_ID = 2**31 - 1


def may_look_ahead(model):
    """Whether the rows of an import are read and converted by known code.

    :param model: the model that is imported, in the environment of the conversion
    """
    converter = model.env["ir.fields.converter"]
    added = {name for class_ in type(converter).__mro__ for name in vars(class_) if name.startswith(CONVERTING_TYPES)}
    return (
        "import_flush" in model.env.context
        and all_known(model, "_extract_records")
        and all_known(converter, *CONVERTING, *added)
    )


def convert_ahead(model, records, convert):
    """Convert the rows of an import, with `Lookups`.

    :param model: the model that is imported, in the environment of the conversion
    :param records: the import's generator of rows
    :param convert: function that converts: takes the model with the environment to use, and the rows
    """
    lookups = Lookups(model)
    flush = lookups.flushing(model.env.context["import_flush"])
    model = model.with_context(import_flush=flush, **{LOOKUPS: lookups})
    extracted, given_ids = list(records), [None]
    lookups.prefetch(model, [row for row, _place in extracted])
    yield from lookups.watch(convert(model, lookups.without_visible_ids(extracted, given_ids)), given_ids)


class Lookups:
    """Finds the records that the cells of an import refer to: external ids and database ids of all rows at once, each name once.

    Odoo looks each cell up by itself. Between two writes that gives the same answer each time. Whatever may have written makes
    this forget all it knows: a flush of the import, any statement that is run while the import deals with a converted row, a
    record made from its name, and values that are not in the database yet.

    Only what is certain is answered from here: one record, without a warning. For all else Odoo is asked.

    :param model: the model that is imported, in the environment of the conversion
    """

    def __init__(self, model):
        self.cr = model.env.cr
        self.transaction = model.env.transaction
        self.reads_only = {}  # model name -> whether finding its records by name is known to only read
        self.forget()

    def forget(self):
        """Start from nothing."""
        self.names = {}  # (environment, model name, name) -> id; None if it is not exactly one record
        self.xmlids = {}  # (model name, external id) -> model and id that it stands for
        self.ids = defaultdict(set)  # model name -> ids that exist
        self.visible = set()  # ids of records of the imported model that a search finds

    # What is going on

    def flushing(self, flush):
        """A function that does what `flush` of the import does, and notices whether it wrote."""

        def noticed(**what):
            before = self.cr.sql_log_count
            flush(**what)
            self._compare(before)

        return noticed

    def watch(self, converted, given_ids):
        """Yield converted rows; notice what happens in between.

        :param converted: the import's generator
        :param list given_ids: see `without_visible_ids`
        """
        for record_id, xmlid, values, info in converted:
            before = self.cr.sql_log_count
            yield given_ids[-1] or record_id, xmlid, values, info
            self._compare(before)

    def _compare(self, statements):
        if self.cr.sql_log_count != statements:
            self.forget()

    def _is_clean(self):
        """Whether all values are in the database; if not, what is known may be outdated."""
        if any(self.transaction.field_dirty.values()) or any(self.transaction.tocompute.values()):
            self.forget()
            return False
        return True

    # All rows at once

    def prefetch(self, model, rows):
        """Look up all external ids, database ids and names of some rows.

        :param model: the model that is imported, in the environment of the conversion
        :param list rows: dicts of cells, as Odoo's import extracts them
        """
        wanted = Wanted(model)
        for row in rows:
            wanted.add_row(model, row)
        external_ids = model.env["ir.model.data"]
        if all_known(external_ids, "_lookup_xmlids"):
            for name, xmlids in wanted.xmlids.items():
                if len(xmlids) > 1 and _has_table(model.env[name]):
                    for found in external_ids._lookup_xmlids(xmlids, model.env[name]):
                        _id, module, label, target, target_id, _noupdate, existing = found
                        if existing:
                            self.xmlids[name, f"{module}.{label}"] = target, target_id
        for name, ids in wanted.ids.items():
            if len(ids) > 1 and _has_table(model.env[name]) and all_known(model.env[name], "exists"):
                self.ids[name].update(model.env[name].browse(ids).exists()._ids)
        for (env, name), names in wanted.names.items():
            # a file that names records of a model that it writes has each row written before the next name is searched
            if len(names) >= LEAST_NAMES and name not in wanted.written and self._only_reads(env[name]):
                self._prefetch_names(env[name], names)
        own_ids = {record_id for row in rows if (record_id := _as_id(row.get(ID)))}
        if len(own_ids) > 1 and self._only_reads(model):
            self.visible.update(model.search([("id", "in", list(own_ids))])._ids)

    def _prefetch_names(self, model, names):
        try:
            with self.cr.savepoint(flush=False):
                found = find_by_names(model, names)
        except (UserError, psycopg2.Error):
            return  # what is wrong is said of the first cell
        self.names.update({(model.env, model._name, name): record_id for name, record_id in found.items()})

    def without_visible_ids(self, extracted, given_ids):
        """Yield extracted rows; take the database id out of those whose record a search has found, so that nobody searches it again.

        :param extracted: pairs of a row and its place
        :param list given_ids: to which the id taken out of each row is added, or None
        """
        for row, place in extracted:
            record_id = _as_id(row.get(ID))
            is_known = record_id in self.visible and self._is_clean()
            given_ids[:] = [record_id if is_known else None]
            yield {name: cell for name, cell in row.items() if name != ID} if is_known else row, place

    # One cell

    def named(self, model, name):
        """Id of the only record with a name; None if there is none or several, or if Odoo has to say.

        :param model: the model, in the environment of the conversion
        :raises Exception: what `name_search` raises
        """
        if not (self._only_reads(model) and self._is_clean()):
            return None
        key = model.env, model._name, name
        if key not in self.names:
            found = model.name_search(name=name, operator="=")
            self.names[key] = found[0][0] if len(found) == 1 else None
        return self.names[key]

    def existing(self, model, cell):
        """The database id in a cell, if it is known that the record exists."""
        record_id = _as_id(cell)
        return record_id if record_id in self.ids[model._name] and self._is_clean() else None

    def target(self, model, xmlid):
        """Model and id that an external id stands for, as a query that joins the records of `model` returns them; None if not known."""
        found = self.xmlids.get((model._name, xmlid))
        return found if found and self._is_clean() else None

    def _only_reads(self, model):
        if model._name not in self.reads_only:
            fields = model._rec_names_search or filter(None, [model._rec_name])
            self.reads_only[model._name] = all_known(model, *SEARCHING, also=READING) and all(
                _is_searched_by_sql(model, path) for path in fields
            )
        return self.reads_only[model._name]


class Wanted:
    """The external ids, database ids and names that rows refer to, by model.

    :param model: the model that is imported, in the environment of the conversion
    """

    def __init__(self, model):
        self.module = model.env.context.get("_import_current_module", "")
        self.written = {model._name}  # models of rows and lines
        self.xmlids = defaultdict(set)
        self.ids = defaultdict(set)
        self.names = defaultdict(set)  # by environment and model

    def add_row(self, model, row):
        """Add what the cells of a row refer to.

        :param model: the row's model, in the environment of its conversion
        """
        for name, cell in row.items():
            field = model._fields.get(name)
            if field is None or not field.relational or not isinstance(cell, list):
                continue
            for part in cell:
                for key in (XMLID, ID):
                    if key in part:
                        self._add(field.comodel_name, key, part[key], is_list=field.type != "many2one")
                if isinstance(part.get(NAME), str):
                    names = part[NAME].split(",") if field.type != "many2one" else [part[NAME]]
                    self.names[model.env, field.comodel_name].update(name for name in names if name and _can_be_sent(name))
                if field.type == "one2many":
                    self.written.add(field.comodel_name)
                    self.add_row(_of_lines(model, field), part)

    def _add(self, model_name, key, cell, is_list):
        if key == ID:
            self.ids[model_name].update(filter(None, map(_as_id, cell.split(",") if is_list and isinstance(cell, str) else [cell])))
        elif isinstance(cell, str) and _can_be_sent(cell):
            for xmlid in cell.split(",") if is_list else [cell]:
                self.xmlids[model_name].add(xmlid if "." in xmlid else f"{self.module}.{xmlid}")


def _of_lines(model, field):
    """The model of a field's lines, in the environment in which Odoo converts them."""
    enabled, prefix = model.env.context.get("name_create_enabled_fields") or {}, f"{field.name}/"
    return model.env[field.comodel_name].with_context(
        name_create_enabled_fields={name[len(prefix) :]: value for name, value in enabled.items() if name.startswith(prefix)},
        parent_fields_hierarchy=[*model.env.context.get("parent_fields_hierarchy", []), field.name],
    )


def _as_id(cell):
    """The id that a cell consists of, or None."""
    if type(cell) is str and cell.isascii() and cell.isdecimal():
        cell = int(cell)
    return cell if type(cell) is int and 0 < cell <= GREATEST_ID else None


def _can_be_sent(text):
    """Whether PostgreSQL takes a text; if not, the error belongs to the cell."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _has_table(model):
    return model._auto and not model._abstract


def _is_searched_by_sql(model, path):
    """Whether a search of a field calls no method that a module defines for it."""
    for name in path.split("."):
        field = model._fields[name]
        if not (field.store or field.related):
            return False
        model = model.env.get(field.comodel_name)
    return True
