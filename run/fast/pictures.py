"""Pictures in several sizes: Odoo computes each size of each record by itself, also where there is no picture."""

from contextlib import contextmanager

import psycopg2

from odoo.fields import Image

from .methods import KNOWN, all_known
from .switch import is_on

ATTRIBUTE = "batch_executor_pictures"
#: What is in the cache of a record without a picture.
NOTHING = None
#: Where known code creates attachments; what these modules do more does not concern those of fields.
CREATING = (*KNOWN, "odoo.addons.product.", "odoo.addons.website.")


def have_none(records, field):
    """Whether a field is a size of a picture, and none of the records has that picture, or ever had one.

    :param records: the records for which the field is to be computed
    :param field: any computed field
    """
    if not _is_size(records, field):
        return False
    source = field.related_field
    caches = source._get_cache(records.env), field._get_cache(records.env)
    return not (source.compute and source.store) and all(cache.get(id_, False) is NOTHING for cache in caches for id_ in records._ids)


@contextmanager
def stored_together(records, field):
    """While the body computes a field, keep the attachments that hold a size of pictures, and create them together.

    :param records, field: as for `have_none`
    """
    attachments = records.env["ir.attachment"]
    if not (_is_size(records, field) and kept_of(records.env) is None and all_known(attachments, "create", known=CREATING)):
        yield
        return
    kept = Kept(field)
    setattr(records.env.cr, ATTRIBUTE, kept)
    try:
        yield
    except psycopg2.Error:
        kept.values.clear()  # the transaction has failed
        raise
    finally:
        delattr(records.env.cr, ATTRIBUTE)
        kept.flush()


def kept_of(env):
    """The `Kept` of the field that is being computed in the transaction of `env`, or None."""
    return getattr(env.cr, ATTRIBUTE, None)


class Kept:
    """Attachments that Odoo wants to create while it computes a field.

    :param field: the field
    """

    def __init__(self, field):
        self.field = field
        self.attachments = None  # the model, in the environment in which they are created
        self.values = []
        self.is_writing = False

    def keep(self, attachments, vals_list):
        """Keep attachments that are to be created; returns whether they are kept.

        :param attachments: the model
        :param list vals_list: their values
        """
        if self.is_writing:
            return False
        place = self.field.model_name, self.field.name
        is_alike = all((vals.get("res_model"), vals.get("res_field")) == place for vals in vals_list)
        if not is_alike or (self.values and self.attachments.env != attachments.env):
            self.flush()  # another one comes in between
            return False
        self.attachments = attachments
        self.values += vals_list
        return True

    def flush(self):
        """Create what is kept."""
        values, self.values = self.values, []
        if not values:
            return
        self.is_writing = True
        try:
            self.attachments.create(values)
        finally:
            self.is_writing = False


def _is_size(records, field):
    """Whether a field is a size of another picture of the same record, which Odoo computes for records that exist."""
    return (
        type(field) is Image
        and is_on(records.env)
        and field.store
        and field.compute == field._compute_related
        and field.related == field.related_field.name
        and records.env.su
        and len(records) > 1
        and all(records._ids)
    )
