from odoo import fields
from odoo.fields import Domain
from odoo.tools import SQL


class Figure(fields.Float):
    """A computed float that jobs can also be sorted, searched and grouped by.

    It changes from moment to moment while a job runs, so a stored column would be wrong. `formula`, a function of
    `store.figures`, says the same in SQL.
    """

    formula = None
    #: Makes the field searchable; `determine_domain` does it.
    search = True

    def to_sql(self, model, alias):
        """As `Field.to_sql`: the value of the field in a query."""
        return self.formula(SQL.identifier(alias))

    def determine_domain(self, records, operator, value):
        """As `Field.determine_domain`: a condition on the field."""
        return Domain.custom(
            to_sql=lambda model, alias, query: self.condition_to_sql(self.name, operator, value, model, alias, query)
        )
