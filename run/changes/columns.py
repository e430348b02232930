"""Columns of a model: how they are selected to be compared, and how `read()` would show what was selected."""

import json

from odoo.exceptions import MissingError
from odoo.tools import SQL


class Column:
    """A column that is compared as it is.

    :param field: its field
    :param model: the model, in the environment of the job's user
    """

    def __init__(self, field, model):
        self.field = field
        self.name = field.name
        self.model = model

    def sql(self, alias):
        """What to select of it.

        :param str alias: of the table
        """
        return SQL.identifier(alias, self.name)

    def shown(self, values, records):
        """Values as `read()` shows them.

        :param list values: as selected
        :param list records: the record of each
        """
        to_record, to_read = self.field.convert_to_record, self.field.convert_to_read
        return [to_read(to_record(value, record), record) for value, record in zip(values, records, strict=True)]

    def kept(self, before, after):
        """What else is needed to bring the column back, as a pair `(whether there is anything, JSON value)`.

        :param before: as selected
        :param after: as selected
        """
        return False, None


class TextColumn(Column):
    """A column of JSON: selected as text, as Python takes 1, 1.0 and true for equal."""

    def sql(self, alias):
        """As `Column.sql`."""
        return SQL("%s::text", super().sql(alias))

    def shown(self, values, records):
        """As `Column.shown`."""
        return super().shown([value and self.loaded(value) for value in values], records)

    def loaded(self, value):
        """A selected value in the form that Odoo's cache has of it."""
        return json.loads(value)


class PropertiesColumn(TextColumn):
    """Properties: shown with their definitions."""

    def shown(self, values, records):
        """As `Column.shown`."""
        found = [value and json.loads(value) for value in values]
        return self.field.convert_to_read_multi(found, self.model.browse(record.id for record in records))


class Many2oneColumn(Column):
    """A many2one: shown with the name of its record."""

    def shown(self, values, records):
        """As `Column.shown`."""
        names = _names(self.model.env[self.field.comodel_name], {value for value in values if value})
        return [(value, names[value]) if value in names else False for value in values]


class TranslatedColumn(TextColumn):
    """A text in all languages: shown in the language of the context."""

    def __init__(self, field, model):
        super().__init__(field, model)
        self.langs = field.get_translation_fallback_langs(model.env)

    def loaded(self, value):
        """As `TextColumn.loaded`."""
        texts = json.loads(value)
        return next((texts[lang] for lang in self.langs if texts.get(lang) is not None), None)

    def kept(self, before, after):
        """As `Column.kept`: all languages, where a write in that of the context would leave others than before."""
        texts = json.loads(before or "{}")
        if {*texts, *json.loads(after or "{}")} <= {self.langs[0]}:
            return False, None
        return True, texts or None


class CompanyColumn(TextColumn):
    """A value for each company: shown for that of the context."""

    def __init__(self, field, model):
        super().__init__(field, model)
        self.company = str(model.env.company.id)
        self.fallback = None

    def shown(self, values, records):
        """As `Column.shown`."""
        field, model = self.field, self.model
        self.fallback = field.convert_to_write(field.get_company_dependent_fallback(model), model)
        found = [self.loaded(value or "{}") for value in values]
        if field.type == "many2one":
            return Many2oneColumn.shown(self, found, records)
        cached = [field.convert_to_cache(value, record, validate=False) for value, record in zip(found, records, strict=True)]
        return Column.shown(self, cached, records)

    def loaded(self, value):
        """As `TextColumn.loaded`."""
        return json.loads(value).get(self.company, self.fallback)

    def kept(self, before, after):
        """As `Column.kept`: the values of all companies."""
        return True, json.loads(before) if before else None


def column_of(field, model):
    """The `Column` of a stored field.

    :param field: a field with a column
    :param model: see `Column`
    """
    if field.company_dependent:
        return CompanyColumn(field, model)
    if field.translate:
        return TranslatedColumn(field, model)
    return KINDS.get(field.type, Column)(field, model)


def _names(records, ids):
    """Names of records by id, without those that are gone.

    As superuser, as in `read()`: who may read a many2one may read the name it shows.
    """
    records = records.sudo().browse(ids)
    try:
        return {record.id: record.display_name for record in records}
    except MissingError:
        return {record.id: record.display_name for record in records.exists()}


KINDS = {"many2one": Many2oneColumn, "json": TextColumn, "properties": PropertiesColumn, "properties_definition": TextColumn}
