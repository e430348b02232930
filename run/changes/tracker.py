"""Remembers what the attempts of a handler change of its records."""

from contextlib import contextmanager

from odoo.exceptions import UserError

from ...engine.change import CREATE, DELETE, UPDATE, Change
from .comparison import differences, held
from .image import Images
from .present import labels


class NoTracker:
    """Of a job that tracks no changes."""

    is_on = False
    changes = ()

    def begin(self):
        """As `Tracker.begin`."""

    @contextmanager
    def watch(self, ids, names=(), deletes=False):
        """As `Tracker.watch`."""
        yield {}


class Tracker:
    """Compares records before and after what a handler does to them.

    :param model: the model, in the environment of the job's user
    :param only: see `Images`
    """

    is_on = True

    def __init__(self, model, only=None):
        self.model = model
        self.only = only
        self.images = None
        self.changes = []

    def begin(self):
        """Forget the last attempt."""
        self.changes = []

    @contextmanager
    def watch(self, ids, names=(), deletes=False):
        """Add to `changes` what the body changes of some records, in the order in which they are given.

        :param dict ids: position -> id of an existing record that the body works on. The change of a record that is given twice
            counts for its last position
        :param names: of the fields that the body writes
        :param bool deletes: whether the body deletes records
        :returns: a dict, to which the body adds position -> id of records that were not there before
        :raises UserError: a value can't be remembered; now, as the chunk as a whole would fail when it is stored
        """
        first = len(self.changes)
        images = self.images = self.images or Images(self.model, self.only)
        names = set(names)
        others = images.others(names)
        positions = {id_: position for position, id_ in ids.items()}
        before = images.take(positions, others)
        gone = held(images, before, before.places) if deletes else None  # now, as names of other records may go as well
        made = {}
        yield made
        created = {}
        for position, id_ in made.items():
            if id_ not in positions:
                created.setdefault(id_, position)
        after = images.take({**positions, **created}, others)
        unseen = [id_ for id_ in (*positions, *created) if id_ not in after.places]
        hidden = images.hidden(unseen, names) if unseen else {}
        if gone is None:
            gone = held(images, before, [id_ for id_ in unseen if id_ in before.places and id_ not in hidden])
        updated = differences(images, before, after)
        for id_, (was, is_) in self._written_unseen(before, hidden).items():
            updated[id_] = was, is_, None
        for id_, position in positions.items():
            if id_ in updated:
                self.changes.append(Change(position, id_, UPDATE, *updated[id_]))
            elif id_ not in after.places and id_ not in hidden:
                self.changes.append(Change(position, id_, DELETE, gone.get(id_, {}), {}))
        made_now = {**held(images, after, [id_ for id_ in created if id_ in after.places]), **hidden}
        for id_, position in created.items():
            if id_ in made_now:
                self.changes.append(Change(position, id_, CREATE, {}, made_now[id_]))
        for change in self.changes[first:]:
            if names := change.without_json():
                text = self.model.env._("What the record holds can't be remembered, as it has no JSON form: %s.", labels(self.model, names))
                raise UserError(text)

    def _written_unseen(self, before, hidden):
        """What was written on records that the user may not read any more: of them only the fields that it has written are told.

        :param before: the `Image` before
        :param dict hidden: see `Images.hidden`
        :returns: dict id -> `(before, after)`
        """
        seen = held(self.images, before, [id_ for id_ in hidden if id_ in before.places])
        found = {}
        for id_, was in seen.items():
            after = {name: value for name, value in hidden[id_].items() if value != was.get(name, False)}
            if after:
                found[id_] = {name: was.get(name, False) for name in after}, after
        return found
