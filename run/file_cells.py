"""Numbers and dates in the cells of a CSV that are written in another way than Odoo's own: read by Odoo's import."""

from odoo.models import fix_import_export_id_paths

from .import_rows import leaf_field

#: Parameters that say how they are written.
OF_NUMBERS = {"float_thousand_separator", "float_decimal_separator"}
OF_DATES = {"date_format", "datetime_format"}


class CellParser:
    """Rewrites cells as Odoo's import screen does; a cell that it can't read stays, and is refused by what converts it.

    :param env: the caller's environment
    :param FileParameters parameters: of the file
    :param columns: names of its columns
    """

    def __init__(self, env, parameters, columns):
        self.options = parameters.reading
        self.columns = []  # names of those to rewrite, with their places and the types of their fields
        model = env.get(parameters.model)
        if model is None:
            return
        # `batch_reading`: value by value, see `models/base_import.py`
        self.importer = env["base_import.import"].with_context(batch_reading=True).new({"res_model": model._name})
        for place, name in enumerate(columns):
            field = leaf_field(model, fix_import_export_id_paths(name))
            kind = field.type if field is not None else None
            if (kind in ("float", "monetary") and OF_NUMBERS & self.options.keys()) or (
                kind in ("date", "datetime") and OF_DATES & self.options.keys()
            ):
                self.columns.append((name, place, kind))

    def parse(self, rows):
        """Rewrite the cells of some rows."""
        for name, place, kind in self.columns:
            if kind in ("float", "monetary"):
                self.importer._parse_float_from_data(rows, place, name, self.options)
            else:
                self.importer._parse_date_from_data(rows, place, name, kind, self.options)
