"""Holds the records of a plan that is run for real to what was planned: what was approved is what happens."""

import json
from functools import cached_property

from odoo.exceptions import MissingError

from ...engine.change import CREATE, DELETE, UPDATE
from ...engine.isolation import Suspects
from ...exceptions import ChangedSinceError
from ...store.apply import PLAN, has_plan, planned_changes, planned_failures, planned_values
from ..errors import failure
from .brief import brief
from .present import Present, as_json, comparable, is_derived, labels

#: Types of fields that may become something else than planned: they tell the time, or name records that the plan has created.
UNSTEADY = frozenset(("date", "datetime", "many2many", "many2one_reference", "one2many", "reference"))


class Approved:
    """The planned changes of a chunk.

    :param handler: the `Handler` of the chunk
    """

    def __init__(self, handler):
        self.handler = handler
        self.model = handler.model
        self.env = handler.env
        payload = handler.payload
        self.places = list(zip(payload.operations, payload.indexes, strict=True))
        found = planned_changes(self.env.cr, payload.params[PLAN], self.places)
        self.planned = {position: found[place] for position, place in enumerate(self.places) if place in found}
        for change, *texts in planned_values(self.env.cr, [change for changes in self.planned.values() for change in changes]):
            change["before"], change["after"] = ({name: brief(value) for name, value in json.loads(text).items()} for text in texts)
        self.is_known = has_plan(self.env.cr, payload.params[PLAN])  # or its changes may be deleted in part

    # -- before the records run ----------------------------------------------------------------------

    def gone_since(self, failures):
        """What failures are called of existing records that the plan has changed, and that are gone.

        :param dict failures: position -> `Failure`
        :returns: the same of some of them
        """
        return {
            position: failure(ChangedSinceError.__name__, self.env._("Changed since the plan: the record does not exist any more."))
            for position, found in failures.items()
            if found.error_type == MissingError.__name__
            and self.handler.record_id(position) in [change["record_id"] for change in self.planned.get(position, ()) if change["action"] != CREATE]
        }

    def changed_since(self, positions):
        """Failures of records that no longer hold what the plan saw.

        Records that are gone are left to the handler, and to `check`: it may be that the plan itself has created them.

        :param positions: that are to run
        :returns: dict position -> `Failure`
        """
        if not self.is_known:
            text = self.env._("What was planned is not known any more: the dry run was deleted, or its changes were. The record is left as it is.")
            return dict.fromkeys(positions, failure(ChangedSinceError.__name__, text))
        changes = [
            (position, change)
            for position in positions
            for change in self.planned.get(position, ())
            if change["action"] != CREATE
        ]
        if not changes:
            return {}
        names = {name for _position, change in changes for name in change["before"]}
        ids = [change["record_id"] for _position, change in changes]
        present = Present(self.model, ids, names, whole=any(change["action"] == DELETE for _position, change in changes))
        failures, expected = {}, {}
        for position, change in changes:
            id_ = change["record_id"]
            if id_ not in present or position in failures:
                continue
            done = expected.setdefault(id_, {})  # what this chunk will have made of it by then
            differing = [name for name in present.differing(id_, change["before"], whole=change["action"] == DELETE) if name not in done]
            differing = self._not_done_already(position, change, present, differing)
            differing += [name for name in self._names(change["before"].keys() & done) if not self._is_same(name, change["before"], done)]
            if differing:
                text = self.env._("Changed since the plan: %s. The record is left as it is.", labels(self.model, differing))
                failures[position] = failure(ChangedSinceError.__name__, text)
            else:
                done.update(change["after"])
        return failures

    def _not_done_already(self, position, change, present, names):
        """Without fields that hold what was planned: other records of the plan have seen to it. All, where it is not known what is written."""
        if self._written(position) is None:
            return names
        now = {name: present.get(change["record_id"], name) for name in names}
        return [name for name in names if not self._is_same(name, now, change["after"])]

    def _written(self, position):
        """Names of the fields that the operation writes; None: not known."""
        if columns := self.handler.params.get("fields"):
            return {name.partition("/")[0].partition(":")[0] for name in columns}
        return self.handler.values(position)

    # -- after they have run -------------------------------------------------------------------------

    def check(self, positions):
        """Refuse records that were changed otherwise than planned. Called inside the attempt, which is then rolled back.

        :param positions: those of the attempt
        :raises Suspects: some of several records were
        :raises ChangedSinceError: the one record was
        """
        made = {}
        for change in self.handler.tracker.changes:
            made.setdefault(change.position, []).append(change)
        gone, done = self._deleted_with_others(positions, made), self._done_by_others(positions, made)
        wrong = {}
        for position in positions:
            if position in gone:
                continue
            if reason := self._deviation(position, made.get(position, []), self.planned.get(position, []), done.get(position, ())):
                wrong[position] = reason
        if not wrong:
            return
        if len(positions) > 1:
            raise Suspects(set(wrong))
        raise ChangedSinceError(*wrong.values())

    def _deleted_with_others(self, positions, made):
        """Positions of records that are gone as planned, though not by this attempt: another record of the plan has taken them along.

        :param dict made: position -> changes of the attempt
        """
        ids = {
            position: planned[-1]["record_id"]
            for position in positions
            if position not in made and (planned := self.planned.get(position)) and planned[-1]["action"] == DELETE
        }
        existing = set(self.model.browse(ids.values()).exists()._ids) if ids else ()
        return {position for position, id_ in ids.items() if id_ not in existing}

    def _done_by_others(self, positions, made):
        """Fields that this attempt has not changed, and that hold what was planned: another record of the plan has handed its values on.

        :param dict made: position -> changes of the attempt
        :returns: dict position -> names of such fields
        """
        plans, missing = {}, {}
        for position in positions:
            plan = self.planned.get(position, (None,))[-1]  # what it is to be in the end
            if plan is None or plan["action"] != UPDATE or (written := self._written(position)) is None:
                continue
            changed = {name for change in made.get(position, ()) for name in change.after}
            if names := [name for name in self._names(plan["after"]) if name in written and name not in changed]:
                plans[position], missing[position] = plan, names
        if not missing:
            return {}
        ids = [plan["record_id"] for plan in plans.values()]
        present = Present(self.model, ids, {name for names in missing.values() for name in names})
        done = {}
        for position, plan in plans.items():
            if (id_ := plan["record_id"]) in present:
                now = {name: present.get(id_, name) for name in missing[position]}
                done[position] = {name for name in now if self._is_same(name, now, plan["after"])}
        return done

    def _deviation(self, position, made, planned, done):
        """How the changes of one record differ from the planned ones, in words; None where they don't.

        :param done: see `_done_by_others`
        """
        if len(made) != len(planned):
            if not made and self._is_done(position, planned, done):
                return None
            if not made:
                return self.env._("The plan changes this record, but it would not be changed any more.")
            if not planned and (reason := self._failed.get(self.places[position])):
                return self.env._("The plan does not change this record, but it would be changed now. In the plan it failed: %s", reason)
            return self.env._("The plan does not change this record, but it would be changed now.")
        for change, plan in zip(made, planned, strict=True):
            if change.action != plan["action"]:
                return self.env._("Not as planned: the record would be %(now)s instead of %(planned)s.", **self._actions(change.action, plan["action"]))
            if change.action != CREATE and change.record_id != plan["record_id"] and self.model.browse(plan["record_id"]).exists():
                return self.env._("Not as planned: it would change another record, with the id %s.", change.record_id)
            if more := self._names(change.after.keys() - plan["after"].keys()):
                return self.env._("Not as planned: these fields would change too: %s.", labels(self.model, more))
            if change.action == UPDATE and (differing := self._seen_otherwise(position, change, plan, done)):
                return self.env._("Changed since the plan: %s. The record is left as it is.", labels(self.model, differing))
            if change.action == UPDATE and (differing := self._becomes_otherwise(position, change, plan, done)):
                return self.env._("Not as planned: these fields would get other values: %s.", labels(self.model, differing))
        return None

    @cached_property
    def _failed(self):
        """Why records without planned changes have failed in the plan, by operation and place."""
        places = [place for position, place in enumerate(self.places) if position not in self.planned]
        return planned_failures(self.env.cr, self.handler.payload.params[PLAN], places)

    def _is_done(self, position, planned, done):
        """Whether nothing is left to do for a record: what it was to be is in `done`."""
        written = self._written(position)
        return bool(done) and all(name in done for plan in planned for name in self._names(plan["after"]) if name in written)

    def _actions(self, now, planned):
        words = {CREATE: self.env._("created"), UPDATE: self.env._("updated"), DELETE: self.env._("deleted")}
        return {"now": words[now], "planned": words[planned]}

    def _seen_otherwise(self, position, change, plan, done):
        """Names of the fields written that were not, before, what the plan saw; not of those in `done`."""
        written = self._written(position)
        return [
            name
            for name in self._names(plan["before"])
            if (written is None or name in written) and name not in done and not self._is_same(name, change.before, plan["before"])
        ]

    def _becomes_otherwise(self, position, change, plan, done):
        """Names of the fields written that would not become what was planned; not of those in `done`."""
        written = self._written(position)
        return [
            name
            for name in self._names(plan["after"])
            if (written is None or name in written)
            and name not in done
            and self.model._fields[name].type not in UNSTEADY
            and not self._is_same(name, change.after, plan["after"])
            and not self._is_new(name, plan["after"])
        ]

    def _is_new(self, name, values):
        """Whether a many2one names a record that only the plan has created, or one that is gone."""
        field, value = self.model._fields[name], values[name]
        if field.type != "many2one" or not value:
            return False
        return not self.env[field.comodel_name].browse(comparable(field, value)).exists()

    def _is_same(self, name, values, others):
        """Whether both have the same value of a field."""
        if name not in values or name not in others:
            return False
        field = self.model._fields[name]
        return comparable(field, as_json(values[name])) == comparable(field, as_json(others[name]))

    def _names(self, names):
        return [name for name in names if name in self.model._fields and not is_derived(self.model._fields[name])]
