"""Which records would lose something if others were deleted: those that refer to them, and were not made with them."""

from odoo.tools import SQL

from ...store.undo import created_by_job
from .present import is_derived

#: Rows of these models follow the records that they tell of: followers, notes, settings, names of records.
FOLLOWING = ("batch.", "bus.", "discuss.", "ir.", "mail.")
#: What PostgreSQL does with a reference to a row that is deleted, where it does not refuse.
LOSES = ("cascade", "set null")


class Referring:
    """Looks for references that others have added to records that a job has created.

    :param model: the model of those records
    :param int job_id: id of the job
    """

    def __init__(self, model, job_id):
        self.model = model
        self.job_id = job_id
        self.fields = [field for name in model.pool for field in _fields(model.env[name], model._name)] if model._auto else []

    def find(self, ids):
        """What keeps records from being deleted together.

        What was created with a record, in the same transaction, goes with it: unless somebody else has written it since, or the job
        has created it as a record of its own, which was to be deleted before.

        :param list ids: of the records
        :returns: dict id -> set of the names of models whose records refer to it
        """
        if not ids or not self.fields:
            return {}
        self.model.env.flush_all()
        parts = [self._references(number, field, ids) for number, field in enumerate(self.fields)]
        found, asked = {}, {}
        for number, id_, other, is_made_with, is_active in self.model.env.execute_query(SQL(" UNION ALL ").join(parts)):
            name = self.fields[number].model_name
            if is_active and not is_made_with:
                found.setdefault(id_, set()).add(name)
            elif is_active or not is_made_with:
                asked.setdefault(name, {}).setdefault(other, []).append((id_, bool(is_made_with)))
        for name, others in asked.items():
            own = created_by_job(self.model.env.cr, self.job_id, name, list(others))
            for other, references in others.items():
                for id_, is_made_with in references:
                    # one of its own that is archived by now: its model does so instead of deleting it
                    if is_made_with == (other in own):
                        found.setdefault(id_, set()).add(name)
        return found

    def _references(self, number, field, ids):
        """Rows of (number, id, id of the record that refers to it, whether it was made with it, whether it is active).

        Of those that are active, and were not made with it, one for each id is enough.
        """
        model, other = self.model, self.model.env[field.model_name]
        column = SQL.identifier("other", field.name)
        is_made_with, is_active = SQL("false"), SQL("true")
        if model._log_access and other._log_access:
            is_made_with = SQL(
                """
                (
                    other.create_date = own.create_date
                    AND other.create_uid IS NOT DISTINCT FROM own.create_uid
                    AND other.write_uid IS NOT DISTINCT FROM other.create_uid
                )
                """
            )
        if "active" in other._fields and other._fields["active"].store:
            is_active = SQL("other.active IS NOT false")
        return SQL(
            """
            (
                SELECT DISTINCT ON (%(column)s, CASE WHEN %(is_made_with)s OR NOT %(is_active)s THEN other.id END)
                       %(number)s, %(column)s, other.id, %(is_made_with)s, %(is_active)s
                  FROM %(table)s AS other
                  JOIN %(own)s AS own ON own.id = %(column)s
                 WHERE %(column)s = ANY(%(ids)s)
                       %(apart)s
            )
            """,
            number=number,
            column=column,
            is_made_with=is_made_with,
            is_active=is_active,
            table=SQL.identifier(other._table),
            own=SQL.identifier(model._table),
            ids=ids,
            apart=SQL("AND other.id != ALL(%s)", ids) if other._name == model._name else SQL(),
        )


def _fields(model, name):
    """Fields of a model that refer to another one, and whose records would lose something with it."""
    if model._abstract or model._transient or not model._auto or model._name.startswith(FOLLOWING):
        return []
    return [
        field
        for field in model._fields.values()
        if field.type == "many2one"
        and field.comodel_name == name
        and field.store
        and not field.company_dependent
        and field.ondelete in LOSES
        and not is_derived(field)
    ]
