"""Whether an attachment that stores a binary field has the content that was sent."""

import base64
import hashlib

from odoo import fields
from odoo.tools import SQL


def test(model, field, ids):
    """The function that takes a record's id and the content in base64; None where nothing certain can be said.

    :param model: the model of the field
    :param field: a binary field that is stored in attachments
    :param ids: of all records
    """
    if type(field) not in (fields.Binary, fields.Image) or field.related or field.compute:
        return None
    model.env["ir.attachment"].flush_model(["res_model", "res_field", "res_id", "checksum", "type"])
    rows = model.env.execute_query(SQL(
        """
        SELECT res_id, array_agg(CASE WHEN type = 'binary' THEN checksum END)
          FROM ir_attachment
         WHERE res_model = %s
           AND res_field = %s
           AND res_id = ANY(%s)
         GROUP BY res_id
        """,
        model._name, field.name, list(ids),
    ))  # fmt: skip
    checksums = dict(rows)

    def same(record_id, value):
        stored = checksums.get(record_id)
        if not value:
            return not stored
        if not stored or len(stored) > 1:
            return False
        if type(field) is fields.Image:
            value = field._image_process(value, model.env)
        return hashlib.sha1(base64.b64decode(value)).hexdigest() == stored[0]

    return same
