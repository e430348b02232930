"""Whether an import of the engine is running, which records it writes one after the other, and what it does to them."""

from collections import defaultdict
from contextlib import contextmanager

from ...engine.effects import UNCHANGED, UPDATED
from ..settings import get_setting
from ..unchanged.in_order import Disturbed, InOrder

#: Attribute of a cursor: the `Loading` of the import that is running on it.
LOADING = "batch_executor_loading"
#: How many records are read at once before the first of them is written.
AHEAD = 100


class Loading:
    """An import of the engine. It is not in the context, which user code sees and hands on.

    :param bool is_fast: whether it looks things up for many rows at once
    :param bool skips_unchanged: whether records that hold the values already are not written
    """

    def __init__(self, is_fast, skips_unchanged=False):
        self.is_fast = is_fast
        self.skips_unchanged = skips_unchanged
        self.in_order = {}  # model name -> `InOrder`: its records that are written one after the other
        self.written = {}  # model name -> ids of the records that are written one after the other -> place
        self.updated = defaultdict(set)  # model name -> ids of records that it has written
        self.left_alone = defaultdict(set)  # model name -> ids of records that held their values

    @contextmanager
    def writing(self, model_name, ids):
        """While it lasts, these records are read together, although they are written one after the other."""
        outer = self.written.get(model_name)
        self.written[model_name] = ids, {record_id: place for place, record_id in enumerate(ids)}
        try:
            yield
        finally:
            self.written[model_name] = outer

    @contextmanager
    def skipping(self, model, pairs):
        """While it lasts, it is known which of these records hold the values that are written on them.

        :param pairs: list of `(record id, values)`
        :raises Disturbed: see `InOrder.check`
        """
        outer = self.in_order.get(model._name)
        self.in_order[model._name] = InOrder(model, pairs) if self.skips_unchanged else None
        written = set(self.updated[model._name])
        try:
            yield
            self.check_order(model)
        except Disturbed:
            self.updated[model._name] = written
            raise
        finally:
            self.in_order[model._name] = outer

    def check_order(self, model):
        """Called when an import has written on its records, and before it creates others.

        :raises Disturbed: see `InOrder.check`
        """
        if in_order := self.in_order.get(model._name):
            in_order.check()

    def writes(self, record, values):
        """Whether a record has to be written."""
        in_order = self.in_order.get(record._name)
        if in_order and in_order.holds(record.id, values):
            self.left_alone[record._name].add(record.id)
            return False
        self.updated[record._name].update(record._ids)
        return True

    def with_the_next(self, record):
        """The record, read together with those that are written next.

        Not with all of them: code that writes a record may empty the cache, and each time all would be read again.
        """
        ids, places = self.written.get(record._name) or ((), {})
        place = places.get(record.id)
        return record if place is None else record.with_prefetch(ids[place : place + AHEAD])

    def effect(self, model_name, record_id):
        """What it has done to a record that was there before, and that it has returned; a module's own `load` may have done anything."""
        is_same = record_id in self.left_alone[model_name] and record_id not in self.updated[model_name]
        return UNCHANGED if is_same else UPDATED


@contextmanager
def loading(env, skips_unchanged=False):
    """While it lasts, imports look things up for many rows at once, unless the setting `fast_load` is off.

    :param bool skips_unchanged: whether records that hold the values already are not written
    :returns: the `Loading`
    """
    outer = getattr(env.cr, LOADING, None)
    inner = Loading(bool(get_setting(env, "fast_load")), skips_unchanged)
    setattr(env.cr, LOADING, inner)
    try:
        yield inner
    finally:
        setattr(env.cr, LOADING, outer)


def running(env):
    """The `Loading` of the import that runs in the transaction of `env`; None outside of the engine's imports."""
    return getattr(env.cr, LOADING, None)


def running_fast(env):
    """The same; None also where it looks up row by row."""
    current = running(env)
    return current if current and current.is_fast else None


def existing_of(model, data_list):
    """The records that an import writes, with their values, in its order.

    :param model: the model
    :param list data_list: as for `_load_records`
    :returns: list of `(record id, values)`
    """
    xmlids = [data["xml_id"] for data in data_list if data.get("xml_id")]
    by_xmlid = {f"{row[1]}.{row[2]}": row[-1] for row in model.env["ir.model.data"]._lookup_xmlids(xmlids, model)}
    ids = [by_xmlid.get(data["xml_id"]) if data.get("xml_id") else data["values"].get("id") for data in data_list]
    return [(record_id, data["values"]) for record_id, data in zip(ids, data_list, strict=True) if record_id]
