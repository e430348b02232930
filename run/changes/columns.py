"""Columns of a model: how they are selected to be compared, and how `read()` would show what was selected."""

import json

from odoo.exceptions import MissingError
from odoo.fields import Char, Field, Html
from odoo.tools import SQL

#: Conversions that only make False of null, or mark a text as HTML; of columns that are not translated.
AS_IT_IS = (
    Field.convert_to_record,
    Field.convert_to_read,
    Char.convert_to_record,  # that of a text as well
    Html.convert_to_record,
    Html.convert_to_read,
)


class Column:
    """A column that is compared as it is.

    :param field: its field
    :param model: the model, in the environment of the job's user
    """

    #: Whether its values before may not be enough to bring it back, see `kept`.
    keeps_more = False

    def __init__(self, field, model):
        self.field = field
        self.name = field.name
        self.model = model

    def sql(self, alias):
        """What to select of it.

        :param str alias: of the table
        """
        return SQL.identifier(alias, self.name)

    def shown(self, values, ids):
        """Values as `read()` shows them.

        :param list values: as selected
        :param list ids: of the record of each
        """
        to_record, to_read, browse = self.field.convert_to_record, self.field.convert_to_read, self.model.browse
        if to_record.__func__ in AS_IT_IS and to_read.__func__ in AS_IT_IS:
            return [False if value is None else value for value in values]
        found = zip(values, map(browse, ids), strict=True)
        return [to_read(to_record(value, record), record) for value, record in found]

    def kept(self, before, after):
        """What else is needed to bring the column back, as a pair `(whether there is anything, JSON value)`; see `keeps_more`.

        :param before: as selected
        :param after: as selected
        """
        raise NotImplementedError


class TextColumn(Column):
    """A column of JSON: selected as text, as Python takes 1, 1.0 and true for equal."""

    def sql(self, alias):
        """As `Column.sql`."""
        return SQL("%s::text", super().sql(alias))

    def shown(self, values, ids):
        """As `Column.shown`."""
        return super().shown([value and self.loaded(value) for value in values], ids)

    def loaded(self, value):
        """A selected value in the form that Odoo's cache has of it."""
        return json.loads(value)


class PropertiesColumn(TextColumn):
    """Properties: shown with their definitions."""

    def shown(self, values, ids):
        """As `Column.shown`."""
        found = [value and json.loads(value) for value in values]
        return self.field.convert_to_read_multi(found, self.model.browse(ids))


class Many2oneColumn(Column):
    """A many2one: shown with the name of its record."""

    def shown(self, values, ids):
        """As `Column.shown`."""
        names = _names(self.model.env[self.field.comodel_name], {value for value in values if value})
        return [(value, names[value]) if value in names else False for value in values]


class TranslatedColumn(TextColumn):
    """A text in all languages: shown in the language of the context."""

    keeps_more = True

    def __init__(self, field, model):
        super().__init__(field, model)
        self.langs = field.get_translation_fallback_langs(model.env)

    def loaded(self, value):
        """As `TextColumn.loaded`."""
        texts = json.loads(value)
        return next((texts[lang] for lang in self.langs if texts.get(lang) is not None), None)

    def kept(self, before, after):
        """As `Column.kept`: all languages, where a write in that of the context would leave others than before.

        Of a field that is translated term by term those afterwards as well, as such a write takes the terms of all languages with it.
        """
        texts = json.loads(before or "{}")
        if callable(self.field.translate):
            return True, [texts, json.loads(after or "{}")]
        if {*texts, *json.loads(after or "{}")} <= {self.langs[0]}:
            return False, None
        return True, texts or None


class CompanyColumn(TextColumn):
    """A value for each company: just that of the context, as others may be nothing for the user."""

    def __init__(self, field, model):
        super().__init__(field, model)
        self.company = str(model.env.company.id)

    def sql(self, alias):
        """As `Column.sql`."""
        return SQL("(%s -> %s)::text", SQL.identifier(alias, self.name), self.company)

    def shown(self, values, ids):
        """As `Column.shown`."""
        field, model = self.field, self.model
        fallback = field.convert_to_write(field.get_company_dependent_fallback(model), model)
        found = [fallback if value is None else json.loads(value) for value in values]
        if field.type == "many2one":
            return Many2oneColumn.shown(self, found, ids)
        cached = [field.convert_to_cache(value, model.browse(id_), validate=False) for value, id_ in zip(found, ids, strict=True)]
        return Column.shown(self, cached, ids)


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
