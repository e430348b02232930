"""The operation `undo`: take back what an operation of another job has changed of records."""

import json

from odoo.exceptions import AccessError

from ...engine.change import CREATE, DELETE
from ...engine.isolation import Suspects
from ...exceptions import ChangedSinceError, NotUndoable
from ...store.undo import IN_STEPS, UNDONE_JOB, changes_of, mark_taken_back, standing
from ..changes.present import Present, as_json, comparable, follows_from_itself, is_derived, labels, to_write
from ..changes.referring import Referring
from ..changes.restore import restore_languages, translated_otherwise, translated_since
from ..errors import failure
from .base import Handler


class UndoHandler(Handler):
    """Gives records back what they held before a change, and deletes those that it has created.

    Items are lists of a record's id, its change's, and that of the next change of the record where there is one; or None for an operation that
    did not say what it has changed. Each record occurs once. A record in which a field of the change has another value now is left alone, also
    by the changes before that one.
    """

    def __init__(self, model, payload, **options):
        super().__init__(model, payload, **options)
        self.changes = {}  # position -> change
        self.present = None
        self.referring = None
        self.referred = {}  # position of a created record that others refer to -> why it stays

    @staticmethod
    def check(checker, operation, model):
        """Nobody submits these operations."""

    def record_id(self, position):
        """As `Handler.record_id`."""
        item = self.items[position]
        return item and item[0]

    def prepare(self, positions):
        """Fail what can't be taken back, and records that were changed since."""
        named = {position: self.items[position][1] for position in positions if self.items[position]}
        found = changes_of(self.env.cr, self.params[UNDONE_JOB], named.values()) if named else {}
        failures = {}
        for position in positions:
            change = found.get(named.get(position))
            if position not in named:
                text = self.env._("What this operation has changed is not known: a call tells it only with track_fields.")
                failures[position] = failure(NotUndoable.__name__, text)
            elif change is None or change["record_id"] != self.record_id(position):
                text = self.env._("What was changed is not known any more: the job that has done so was deleted, or its changes were.")
                failures[position] = failure(NotUndoable.__name__, text)
            elif change["action"] == DELETE:
                text = self.env._("Record %(model)s,%(id)s was deleted, and can't come back.", model=self.model._name, id=change["record_id"])
                failures[position] = failure(NotUndoable.__name__, text)
            else:
                for name in ("before", "after", "kept"):
                    change[name] = json.loads(change[name]) if change[name] else {}
                if reason := self._unusable(change) or self._has_other_lines(change):
                    failures[position] = reason
                else:
                    self.changes[position] = change
        failures.update(self._changed_since())
        return failures

    def _unusable(self, change):
        """The `Failure` of a change of fields that are gone or changed, or that the user may no longer read; None where there are none.

        That a field which is gone was set does not keep a created record from being deleted.
        """
        fields, names = self.model._fields, {*change["before"], *change["after"], *change["kept"]}
        if gone := [name for name in names if name not in fields]:
            if change["action"] != CREATE:
                return failure(NotUndoable.__name__, self.env._("These fields do not exist any more: %s.", ", ".join(sorted(gone))))
            change["after"] = {name: value for name, value in change["after"].items() if name in fields}
        if closed := [name for name in names if name in fields and not self.model._has_field_access(fields[name], "read")]:
            return failure(AccessError.__name__, self.env._("You may not read these fields any more: %s.", ", ".join(sorted(closed))))
        if otherwise := translated_otherwise(self.model, change):
            text = self.env._("These fields are no longer translated as they were: %s.", ", ".join(sorted(otherwise)))
            return failure(NotUndoable.__name__, text)
        return None

    def _has_other_lines(self, change):
        """The `Failure` of a change of a one2many; None where there is none. To set it deletes lines, or takes them from their record,
        whoever has made them.
        """
        fields = self.model._fields
        names = [name for name in change["before"] if fields[name].type == "one2many" and not is_derived(fields[name])]
        if not names:
            return None
        text = self.env._("Lines can't be brought back with their record: %s. The record is left as it is.", labels(self.model, names))
        return failure(NotUndoable.__name__, text)

    def _changed_since(self):
        """Failures of records that are gone, or hold something else than after the change."""
        changes = self.changes.values()
        names = {name for change in changes for part in ("before", "after", "kept") for name in change[part]}
        ids = [change["record_id"] for change in changes]
        self.present = Present(self.model, ids, names, whole=any(change["action"] == CREATE for change in changes))
        existing = set(self.model.browse(id_ for id_ in ids if id_ not in self.present).exists()._ids)
        stuck = self._behind_standing()
        failures = {}
        for position, change in self.changes.items():
            id_ = change["record_id"]
            if id_ in existing:
                text = self.env._("You may not read record %(model)s,%(id)s any more, so nobody can say what it holds.", model=self.model._name, id=id_)
                failures[position] = failure(AccessError.__name__, text)
                continue
            if id_ not in self.present:
                text = self.env._("Changed since: record %(model)s,%(id)s does not exist any more.", model=self.model._name, id=id_)
            elif differing := self._differing_now(change):
                text = self.env._("Changed since: %s. The record is left as it is.", labels(self.model, differing))
            elif position in stuck:
                text = self.env._("A later change of this record by the same job is not taken back. The record is left as it is.")
            else:
                continue
            failures[position] = failure(ChangedSinceError.__name__, text)
        return failures

    def _behind_standing(self):
        """Positions of changes that were followed by another one of the same record, which is not taken back."""
        following = {position: self.items[position][2] for position in self.changes if len(self.items[position]) > 2}
        left = standing(self.env.cr, following.values()) if following else ()
        return {position for position, id_ in following.items() if id_ in left}

    def _differing_now(self, change):
        """Names of fields that hold something else than after a change of a record that is here."""
        differing = self.present.differing(change["record_id"], change["after"], whole=change["action"] == CREATE)
        return [*differing, *(name for name in translated_since(self.model, change, self.present) if name not in differing)]

    def apply(self, positions):
        """Take the changes back, in order; returns position -> True.

        :raises Suspects: fields of some of several records have not become what they were, or others refer to those to be deleted
        :raises NotUndoable: those of one record
        :raises ChangedSinceError: others refer to the one record
        """
        for action, group in self._by_action(positions):
            ids = {position: self.record_id(position) for position in group}
            if action == CREATE:
                self._keep_referred(ids, positions)
                with self.tracker.watch(ids, deletes=True):
                    self.model.browse(ids.values()).exists().unlink()
            else:
                names = {name for position in group for name in self.changes[position]["before"]}
                with self.tracker.watch(ids, names):
                    self._restore(group)
        self._check_restored(positions)
        if self.params.get(IN_STEPS):
            mark_taken_back(self.env.cr, [self.items[position][1] for position in positions])
        return dict.fromkeys(positions, True)

    def _by_action(self, positions):
        """Neighbours with the same action: pairs of the action and a list of positions."""
        groups = []
        for position in positions:
            action = self.changes[position]["action"]
            if not groups or groups[-1][0] != action:
                groups.append((action, []))
            groups[-1][1].append(position)
        return groups

    def _keep_referred(self, ids, positions):
        """Refuse to delete records that others refer to.

        :param dict ids: position -> id of the records to delete together
        :param positions: all of the attempt
        """
        known = self.referred.keys() & ids
        if not known:
            self.referring = self.referring or Referring(self.model, self.params[UNDONE_JOB])
            found = self.referring.find(list(ids.values()))
            known = {position for position, id_ in ids.items() if id_ in found}
            self.referred.update((position, found[ids[position]]) for position in known)
        if not known:
            return
        if len(positions) > 1:
            raise Suspects(known)
        [position] = known
        names = ", ".join(sorted(self.env["ir.model"]._get(name).name for name in self.referred[position]))
        raise ChangedSinceError(self.env._("Changed since: others refer to it (%s). The record is left as it is.", names))

    def _restore(self, positions):
        self._write_all([[self.record_id(position), self._values(self.changes[position])] for position in positions])
        for position in positions:
            if self.changes[position]["kept"]:
                restore_languages(self.model, self.changes[position], self.present)

    def _values(self, change):
        """What to write."""
        fields = self.model._fields
        return {
            name: to_write(fields[name], value)
            for name, value in change["before"].items()
            if fields[name].type != "one2many" and (not is_derived(fields[name]) or self._is_to_be_set(fields[name], change))
        }

    def _is_to_be_set(self, field, change):
        """Whether a field that follows from others is set as well. It is computed anew where it does so differently by now, and where it
        shows something of other records: these may not be what they were.
        """
        id_, name = change["record_id"], field.name
        if not follows_from_itself(self.model, field):
            return False
        return id_ in self.present and self.present.get(id_, name) == comparable(field, change["after"][name])

    def _check_restored(self, positions):
        """Refuse records in which Odoo, or a module, has made something else of what was written."""
        made = {change.position: change.after for change in self.tracker.changes}
        wrong = {}
        for position in positions:
            change = self.changes[position]
            if change["action"] != CREATE and (names := self._not_restored(change, made.get(position, {}))):
                wrong[position] = names
        if not wrong:
            return
        if len(positions) > 1:
            raise Suspects(set(wrong))
        [names] = wrong.values()
        raise NotUndoable(self.env._("It could not be brought back: %s.", labels(self.model, names)))

    def _not_restored(self, change, after):
        """Names of fields that are not what they were. Not of properties whose definition alone has changed: that is not the record's."""
        fields = self.model._fields
        return [
            name
            for name, value in change["before"].items()
            if not is_derived(fields[name])
            and comparable(fields[name], value) != comparable(fields[name], change["after"][name])
            and (name not in after or comparable(fields[name], as_json(after[name])) != comparable(fields[name], value))
        ]
