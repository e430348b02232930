"""Which values of changes their reader may see: those that it could read of the records now. All that is shown of changes comes by here."""

import json
import logging

from odoo.exceptions import AccessError, UserError

from ..store.changes import changes_after, changes_page, changes_shown

_logger = logging.getLogger(__name__)


def check_has_changes(job):
    """Refuse what needs the changes of a job, where they are gone.

    :param job: one job, which the caller may see
    :raises UserError: they were dropped
    """
    if job.changes_gone:
        raise UserError(job.env._("What this job has changed is not known any more: its changes were dropped (setting keep_changes_days)."))


def readable_page(env, job, offset, limit):
    """A page of a job's changes, as `store.changes.changes_page`, without what the reader may not see.

    :param env: of the reader
    :param job: that the reader may see
    :raises UserError: its changes were dropped
    """
    check_has_changes(job)
    entries = changes_page(env.cr, job.id, offset, limit)
    _hide(env, [(job.user_id.id, entry) for entry in entries])
    return entries


def readable_after(env, job, change_id, limit):
    """The next changes of a job, as `store.changes.changes_after`, without what the reader may not see.

    :param env: of the reader
    :param job: that the reader may see
    """
    changes = changes_after(env.cr, job.id, change_id, limit)
    _hide(env, [(job.user_id.id, entry) for _id, entry in changes])
    return changes


def readable_changes(env, ids, longest=None):
    """Some changes, as `store.changes.changes_shown`, without what the reader may not see.

    :param env: of the reader, who may see their jobs
    :param ids: of changes
    :param int longest: changes with more bytes of values come without any, as `too_long`; None: any number
    :returns: dicts with id, model, record_id, action, before and after, `too_long`, and `hidden`: whether there is more that the reader may not see
    """
    rows = changes_shown(env.cr, list(ids), longest)
    for row in rows:
        row["too_long"] = row["before"] is None
        row["before"], row["after"] = json.loads(row["before"] or "{}"), json.loads(row["after"] or "{}")
    hidden = _hide(env, [(row["user_id"], row) for row in rows])
    return [{**row, "hidden": is_hidden} for row, is_hidden in zip(rows, hidden, strict=True)]


def _hide(env, changes):
    """Take values out of changes that the reader may not see.

    :param list changes: pairs of the id of the job's submitter, and a dict with `model`, `record_id`, and `before` and `after` as dicts
    :returns: for each whether something was taken out
    """
    if env.su:
        return [False] * len(changes)
    ids = {}
    for _submitter, change in changes:
        ids.setdefault(change["model"], set()).add(change["record_id"])
    readers = {model: _Reader(env, model, wanted) for model, wanted in ids.items()}
    return [_take_out(change, readers[change["model"]], submitter == env.uid) for submitter, change in changes]


def _take_out(change, reader, is_own):
    is_hidden = False
    for side in ("before", "after"):
        values = change[side]
        change[side] = {name: value for name, value in values.items() if reader.may_see(change["record_id"], name, is_own)}
        is_hidden |= len(change[side]) < len(values)
    return is_hidden


class _Reader:
    """What a user may read of some records of a model. Asks for all of them at once."""

    def __init__(self, env, model, ids):
        self.model = env.get(model)
        self.may_read = self.model is None or self.model.has_access("read")
        self.existing, self.readable = _split(self.model, ids) if self.model is not None and self.may_read else ((), ())
        self.fields = {}

    def may_see(self, id_, name, is_own):
        """Whether it may see a value.

        :param bool is_own: whether it was the reader's own job. Whatever is gone, records, fields and models, may be seen by the submitter only,
            who was allowed to read it then
        """
        if not self.may_read or (id_ in self.existing and id_ not in self.readable):
            return False
        if name not in self.fields:
            field = None if self.model is None else self.model._fields.get(name)
            self.fields[name] = None if field is None else self.model._has_field_access(field, "read")
        if self.fields[name] is False:
            return False
        is_gone = id_ not in self.existing or self.fields[name] is None
        return is_own or not is_gone


def _split(model, ids):
    """Which of some records exist, and which of these the user may read."""
    if model._abstract:
        return (), ()
    try:
        with model.env.cr.savepoint(flush=False):  # rules may call anybody's code
            existing = model.browse(ids).exists()
            return set(existing._ids), set(existing._filtered_access("read")._ids)
    except (AccessError, UserError, ValueError, TypeError, KeyError, AttributeError):
        _logger.info("rights on %s can't be read", model._name, exc_info=True)
        return ids, ()
