"""Pictures in several sizes, of many records that have none: Odoo computes each size of each record."""

from odoo.fields import Image

from .switch import is_on

#: What is in the cache of a record without a picture.
NOTHING = None


def have_none(records, field):
    """Whether a field is a size of a picture, and none of the records has that picture, or ever had one.

    :param records: the records for which the field is to be computed, in a superuser environment
    :param field: any computed field
    """
    if type(field) is not Image or not is_on(records.env):
        return False
    source = field.related_field
    if not (
        field.store
        and field.compute == field._compute_related
        and field.related == source.name
        and records.env.su
        and len(records) > 1
        and all(records._ids)
        and not (source.compute and source.store)
    ):
        return False
    caches = source._get_cache(records.env), field._get_cache(records.env)
    return all(cache.get(id_, False) is NOTHING for cache in caches for id_ in records._ids)
