from odoo import api, models

from ..run.fast.lookups import ID, LOOKUPS, NAME, Lookups


class IrFieldsConverter(models.AbstractModel):
    """Imports of the engine: asks what is known of a cell before it is looked up (see `Lookups`)."""

    _inherit = "ir.fields.converter"

    @api.model
    def db_id_for(self, model, field, subfield, value, savepoint):
        lookups = self._batch_lookups()
        if lookups is None:
            return super().db_id_for(model, field, subfield, value, savepoint)
        if found := self._batch_found(lookups, model, field, subfield, value, savepoint):
            return found, []
        try:
            return super().db_id_for(model, field, subfield, value, savepoint)
        finally:
            if self.env.context.get("name_create_enabled_fields"):
                lookups.forget()  # a record may have been made from its name

    def _xmlid_to_record_id(self, xmlid, model):
        lookups, cache = self._batch_lookups(), self.env.context.get("import_cache")
        if lookups is None or cache is None or cache.get(xmlid):
            pass
        elif target := lookups.target(model, xmlid):
            cache[xmlid] = target
        return super()._xmlid_to_record_id(xmlid, model)

    def _batch_lookups(self):
        lookups = self.env.context.get(LOOKUPS)
        return lookups if isinstance(lookups, Lookups) else None  # anybody can set a context

    def _batch_found(self, lookups, model, field, subfield, value, savepoint):
        """The id of the record that a cell refers to, if it is known without a doubt."""
        if subfield is NAME and type(value) is str and value:
            self.env.context["import_flush"](model=field.comodel_name)  # as Odoo does before it searches
            return lookups.named(self.env[field.comodel_name], value)
        if subfield == ID and (found := lookups.existing(self.env[field.comodel_name], value)):
            is_false = isinstance(value, str) and not self._str_to_boolean(model, field, value, savepoint=savepoint)[0]
            return None if is_false else found
        return None
