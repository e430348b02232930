"""Find unchanged records among those that are written one after the other, where each write may change what others hold."""

from .find import unchanged

#: How many records are looked at after a write; twice as many each time that nothing had to be written.
FIRST_LOOK = 32
MOST = 1000


class InOrder:
    """Records in the order in which they are written.

    :param model: their model
    :param pairs: list of `(record id, values)`; it is asked of the very same dicts of values
    """

    def __init__(self, model, pairs):
        self.model = model
        self.pairs = pairs
        self.places = {id(values): place for place, (_id, values) in enumerate(pairs)}
        self.size = MOST
        self.forget()

    def forget(self):
        """Something was written: look again."""
        self.found, self.looked_to = set(), 0

    def holds(self, record_id, values):
        """Whether a record holds the values that are its turn to be written."""
        place = self.places.get(id(values))
        if place is None or self.pairs[place][0] != record_id:
            return False
        if place >= self.looked_to:
            self.looked_to = place + self.size
            self.found = {place + number for number in unchanged(self.model, self.pairs[place : self.looked_to])}
            self.size = min(2 * self.size, MOST)
        if place in self.found:
            return True
        self.size = FIRST_LOOK
        self.forget()
        return False
