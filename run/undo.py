"""Undo a job: a new job takes back what it has changed, newest first. All in the caller's transaction."""

import json

from odoo.exceptions import UserError

from ..engine import options, origin
from ..engine.change import UPDATE
from ..engine.payload import Payload
from ..engine.planner import ADAPTIVE_BLOCK
from ..exceptions import NotUndoable
from ..store.changes import count_changes
from ..store.undo import UNDONE_JOB, has_awaited, is_free_of_order, newest_changes, store_undo
from .handlers.undo import UndoHandler
from .new_job import summary_columns
from .origin import begin, create_from, refuse_second
from .readable import check_has_changes
from .records import in_company

#: Changes that a preview looks at, the newest ones.
LOOKED_AT = 2_000
#: Most bytes of their values: they are in the memory of a worker together.
READ_BYTES = 8_000_000


def undo(env, job):
    """Store the job that takes back what a locked final job has changed, and wake the lanes.

    It is an ordinary job of the same user. Where records were changed once each, by operations that did not wait for each other, they are
    taken back in parallel; everything else strictly in order.

    :param env: the caller's environment
    :param job: the locked job, in a superuser environment
    :returns: the new job, likewise
    :raises UserError: it is a dry run, has changed nothing, did not track what it changed, its changes were dropped, or it was undone before
    """
    refuse_second(job, origin.UNDO, env._("This job is undone already, by job %(id)s: %(name)s."))
    if job.dry_run:
        raise UserError(env._("A dry run has changed nothing, so there is nothing to undo."))
    if not job.track_changes:
        raise UserError(env._("This job did not track what it changed (option track_changes), so it can't be undone."))
    check_has_changes(job)
    env.flush_all()
    is_free = not job.is_ordered and is_free_of_order(env.cr, job.id, [UPDATE]) and not has_awaited(env.cr, job.id)
    made = create_from(
        env,
        job,
        origin.UNDO,
        name=env._("Undo of %s", job.name),
        max_concurrency=job.max_concurrency if is_free else 1,
        rollback=options.ROLLBACK_RECORD,
    )
    contents = store_undo(env.cr, made.id, job.id, job.max_chunk_size or ADAPTIVE_BLOCK)
    if not contents:
        raise UserError(env._("This job has changed nothing, so there is nothing to undo."))
    made.write(summary_columns(env, contents))
    begin(
        env,
        job,
        made,
        env._("Undone by job %s."),
        env._("Takes back what job %s has changed."),
    )
    return made


def preview(env, job):
    """What an undo would do, as far as the newest changes tell: up to `LOOKED_AT` of them, and up to the first beyond `READ_BYTES`.

    :param env: the caller's environment
    :param job: one job, which the caller has submitted
    :returns: dict with `changes` (of the job), `looked_at` (records whose newest changes were compared with what they hold now), those of
        them that would stay as they are, `changed` (since then, or out of the caller's reach) and `deleted` (or otherwise not to be
        brought back), and `is_whole`: whether all changes were looked at
    :raises UserError: the changes were dropped
    """
    check_has_changes(job)
    env.flush_all()
    groups, seen, read, left = {}, set(), 0, READ_BYTES
    for row in newest_changes(env.cr, job.id, LOOKED_AT):
        left -= row["bytes"]
        if left < 0:
            break
        read += 1
        record = row["model"], row["record_id"]
        if record in seen:
            continue  # it holds what this change has made of it once the newer one is undone
        seen.add(record)
        context = json.loads(row["details"] or "{}").get("context", {})
        groups.setdefault((row["model"], json.dumps(context)), []).append([row["record_id"], row["id"]])
    changed = deleted = 0
    for (model, context), items in groups.items():
        context = {**json.loads(job.context or "{}"), **json.loads(context)}
        context = in_company(env, context, job.company_id.id, env.uid)
        failures = _refused(env(context=context), model, items, job.id)
        gone = sum(failure.error_type == NotUndoable.__name__ for failure in failures.values())
        changed, deleted = changed + len(failures) - gone, deleted + gone
    changes = count_changes(env.cr, job.id)
    return {"changes": changes, "looked_at": len(seen), "changed": changed, "deleted": deleted, "is_whole": read == changes}


def _refused(env, model, items, job_id):
    """The failures that an undo of these changes would begin with, by their position."""
    if model not in env:
        return {}
    places = list(range(len(items)))
    handler = UndoHandler(env[model], Payload(items, places, places, {UNDONE_JOB: job_id}))
    return handler.prepare(places)
