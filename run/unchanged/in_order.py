"""Leave unchanged records alone among those that are written one after the other, where each write may change what others hold."""

from .find import unchanged


class Disturbed(Exception):
    """A write has changed a record behind it that had held its values: Odoo's import then goes on record by record."""


class InOrder:
    """Records in the order in which they are written. All are compared at once, and what lies behind a write once more at the end.

    :param model: their model
    :param pairs: list of `(record id, values)`; it is asked of the very same dicts of values
    """

    def __init__(self, model, pairs):
        self.model = model
        self.pairs = pairs
        self.places = {id(values): place for place, (_id, values) in enumerate(pairs)}
        self.same = unchanged(model, pairs)
        self.first_written = None

    def holds(self, record_id, values):
        """Whether a record holds the values that are its turn to be written."""
        place = self.places.get(id(values))
        if place is None or self.pairs[place][0] != record_id:
            return False
        if place in self.same:
            return True
        if self.first_written is None:
            self.first_written = place
        return False

    def check(self):
        """Called when all are written that differ.

        :raises Disturbed: one that was left alone no longer holds its values
        """
        if self.first_written is None:
            return
        behind = [self.pairs[place] for place in sorted(self.same) if place > self.first_written]
        self.first_written = None
        if len(unchanged(self.model, behind)) < len(behind):
            raise Disturbed


def ends_of_parts(positions, written, changed):
    """Where to cut records that are written together, so that each one is left alone or written when it is its turn.

    Which write has changed a record is not known. Where all of them come before it, it is written after them. Else it ends a part,
    and what comes after it runs later.

    :param positions: of all records, in order
    :param set written: those that were written
    :param set changed: those that were left alone, and no longer hold their values
    :returns: list of positions; empty where there is nothing to cut
    """
    ends, last = [], None
    for position in positions:
        if position in changed:
            last = position
        elif last is not None and position in written:
            ends.append(last)
            last = None
    return ends
