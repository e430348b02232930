from odoo import api, models

from ..engine.payload import copied
from ..run.fast.defaults import ask_once
from ..run.fast.loading import existing_of, running, running_fast
from ..run.fast.lookups import convert_ahead, may_look_ahead
from ..run.fast.pictures import have_none, stored_together
from ..run.fast.searches import find


class Base(models.AbstractModel):
    _inherit = "base"

    @api.model
    @api.private
    @api.readonly
    def search_fetch(self, domain, field_names=None, offset=0, limit=None, order=None):
        """As in Odoo. While a lane runs records, a search that has found nothing is not made again while nothing changes."""
        return find(self, domain, (field_names, offset, limit, order), super().search_fetch, Base)

    @api.model
    def default_get(self, fields):
        """As in Odoo. While a lane runs records, default values that don't depend on the record are asked once."""
        return ask_once(self, fields, super().default_get, Base)

    def _compute_field_value(self, field):
        """As in Odoo. While a lane runs records, sizes of pictures are stored together; of those that are not there, computed together."""
        if not have_none(self, field):
            with stored_together(self, field):
                return super()._compute_field_value(field)
        self[field.name] = False
        return self._validate_fields(each.name for each in self.pool.field_computed[field])

    def _convert_records(self, records, **options):
        """Tell who asks for it, by `batch_note_skipped` in the context, which records `load` is about to skip.

        Imports of the engine look up at once what all rows refer to.
        """
        ahead = convert_ahead if running_fast(self.env) and may_look_ahead(self) else _convert
        converted = ahead(
            self,
            records,
            lambda model, rows: super(Base, model)._convert_records(rows, **options),  # noqa: UP008
        )
        note, fields = self.env.context.get("batch_note_skipped"), self.env.context.get("import_skip_records")
        return converted if note is None or not fields else _noting(converted, fields, note)

    def _load_records(self, data_list, update=False):
        loading = running(self.env)
        if loading is None or not (loading.skips_unchanged or (loading.is_fast and len(data_list) > 1)):
            return super()._load_records(data_list, update)
        if loading.skips_unchanged and len(data_list) > 1:
            # writing takes properties out of the values, and after `Disturbed` Odoo's `load` writes the same values again
            data_list = [{**data, "values": copied(data["values"])} for data in data_list]
        pairs = existing_of(self, data_list)
        with loading.writing(self._name, tuple(record_id for record_id, _values in pairs)), loading.skipping(self, pairs):
            return super()._load_records(data_list, update)

    def _load_records_write(self, values):
        loading = running(self.env)
        if loading is None:
            return super()._load_records_write(values)
        if not loading.writes(self, values):
            return None
        record = loading.with_the_next(self) if loading.is_fast else self
        return super(Base, record)._load_records_write(values)

    def _load_records_create(self, vals_list):
        loading = running(self.env)
        if loading:
            loading.check_order(self)
        return super()._load_records_create(vals_list)


def _convert(model, records, convert):
    return convert(model, records)


def _noting(converted, fields, note):
    """Yield converted records; note the places of those without a value for one of the fields."""
    for entry in converted:
        _id, _xid, record, info = entry
        if any(record.get(field) is None for field in fields):
            note(info["record"])
        yield entry
