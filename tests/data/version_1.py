"""The program that made `version_1.sql.xz`, for `odoo-bin shell` with the addon at its first version.

It leaves jobs of all kinds at all stages. `tests/test_upgrade.py` runs them on, by the code as it is now. To make the file again: install
version 1 (commit e78fddb) into a database with `base`, `web`, `bus` and `mail`, run this program there, dump the database by `pg_dump --inserts
--rows-per-insert=500 --no-owner`, and compress that by `xz -9e`.
"""
# ruff: noqa

import time

from odoo.addons.batch_executor.executor.lane import Lane

Job, Partner = env["batch.job"], env["res.partner"]
env["ir.config_parameter"].set_param("batch_executor.lanes", "3")
env["ir.config_parameter"].set_param("batch_executor.keep_days", "0")
env["batch.job"]._set_lanes(3)
user = env["res.users"].with_context(no_reset_password=True).create(
    {"name": "Someone", "login": "someone", "group_ids": [(4, env.ref("base.group_user").id), (4, env.ref("batch_executor.group_batch_user").id), (4, env.ref("base.group_partner_manager").id)]}
)
action = env["ir.actions.server"].create(
    {
        "name": "At the end",
        "model_id": env["ir.model"]._get_id("batch.job"),
        "state": "code",
        "code": "env['res.partner'].create({'name': 'end of ' + record.name})",
    }
)
env.cr.commit()


def creates(name, count, **keys):
    data = [{"name": f"{name} {number}", "ref": f"{name}-{number}"} for number in range(count)]
    return {"operation_type": "create", "model": "res.partner", "data": data, **keys}


def submit(name, *operations, as_user=2, **options):
    job = Job.with_user(as_user).submit(list(operations), name=name, **options)
    env.cr.commit()
    return Job.browse(job["job_id"])


def work(chunks=None):
    """Run chunks: so many, or all."""
    end = time.monotonic() + 60
    lane = Lane(env.registry, "host:1 lane 1", lambda: end - time.monotonic())
    if chunks is None:
        lane.run()
    else:
        with lane.control_cursor() as lane.control:
            while chunks and time.monotonic() < end:
                if claim := lane.claim():
                    lane.work_on(claim)
                    chunks -= 1
    env.invalidate_all()


def leave(claimed=False):
    """Leave the jobs in the queue as they are, for later; one of the chunks may have been claimed by a worker that is gone."""
    if claimed:
        lane = Lane(env.registry, "host:2 lane 2", lambda: 60)
        with lane.control_cursor() as lane.control:
            lane.claim()
    env.invalidate_all()
    env.cr.commit()
    env.cr.execute("UPDATE batch_job SET ready = false, wake_at = NULL WHERE state IN ('pending', 'running') RETURNING id")
    kept.extend(id_ for (id_,) in env.cr.fetchall())
    env.cr.commit()


kept = []
called = Partner.create([{"name": f"called {number}"} for number in range(6)]).ids
env.cr.commit()

# ended
submit("done", creates("done", 30), max_chunk_size=10, idempotency_key="done-once", as_user=user.id)
submit("shared", creates("shared", 2), {"operation_type": "update", "model": "res.partner", "data": {"comment": "x"}, "record_ids": called}, creates("second", 1))
submit(
    "failing",
    creates("good", 3),
    {"operation_type": "create", "model": "res.partner", "data": [{"name": "fine"}, {"name": "bad", "parent_id": 999999999}, {"name": "fine too"}]},
    {"operation_type": "update", "model": "res.partner", "data": [{"id": 999999999, "name": "nobody"}, {"id": called[0], "name": "somebody"}]},
)
submit("dry", creates("dry", 5), dry_run=True)
submit("undone", creates("undone", 3), {"operation_type": "delete", "model": "res.partner", "record_ids": [999999999]}, rollback="job")
submit("answers", {"operation_type": "call", "model": "res.partner", "method": "search_count", "args": [[["id", "in", called]]]})
submit("upserts", {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": [{"ref": "u1", "name": "a"}, {"ref": "u2", "name": "b"}, {"ref": "u1", "name": "again"}]})
submit("told", creates("told", 1), on_complete=action.id)
work()
retried = submit("retried", {"operation_type": "create", "model": "res.partner", "data": [{"name": "well"}, {"name": "bad", "parent_id": 999999999}]})
work()
failure = env["batch.failure"].search([("job_id", "=", retried.id)])
failure.sudo().write({"values": '{"name": "mended"}'})
env.cr.commit()
retried.retry()
env.cr.commit()
work()
cancelled = submit("cancelled", creates("cancelled", 4), {**creates("after", 1), "depends_on": ["op-1"]}, max_chunk_size=2)
work(1)
cancelled.cancel()
env.cr.commit()
work()

# under way
submit("references", creates("first", 12, operation_id="first"),
       {"operation_type": "create", "model": "res.partner", "data": [{"name": f"child {number}", "parent_id": {"$ref": "first", "index": number}} for number in range(12)]},
       {"operation_type": "update", "model": "res.partner", "record_ids": {"$ref": "first"}, "data": {"comment": "all"}},
       max_chunk_size=5, max_concurrency=2)
work(3)  # the last one is not counted yet, and nothing is released
leave()
submit("found", {"operation_type": "update", "model": "res.partner", "domain": [["ref", "like", "done-"]], "data": {"comment": "found"}},
       max_chunk_size=4, max_concurrency=2)
work(2)
leave()
paused = submit("paused", creates("paused", 4), max_chunk_size=2)
work(1)
paused.pause()
leave()

# waiting
submit("groups", {"operation_type": "create", "model": "res.partner", "group_by": "parent_id", "data": [{"name": f"member {n}", "parent_id": called[n % 3]} for n in range(9)]}, max_chunk_size=3)
leave()
submit("whole", creates("whole", 5), {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": [{"ref": "whole-0", "name": "renamed"}]}, rollback="job")
leave()
submit("keys", {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": [{"ref": "k1", "name": "k"}, {"ref": "k2", "name": "l"}, {"ref": "k1", "name": "m"}]})
leave()
submit("rows", {"operation_type": "load", "model": "res.partner", "fields": ["id", "name", "child_ids/name"], "data": [["__test__.one", "one", "child of one"], ["", "", "second child"], ["__test__.two", "two", ""]]})
leave()
submit("calls", {"operation_type": "call", "model": "res.partner", "method": "write", "record_ids": called[:3], "args": [{"function": "called"}]},
       {"operation_type": "call", "model": "res.partner", "method": "write", "record_ids": called[3:], "args": [{"function": "called"}]})
leave()
submit("last", creates("last", 2), on_complete=action.id)
leave()
draft = submit("draft", draft=True)
draft.append([creates("drafted", 2)])
env.cr.commit()
twice = submit("twice", draft=True, rollback="job")
twice.append([])
twice.append([creates("twice", 2)])
env.cr.commit()
submit("lost", creates("lost", 6), max_chunk_size=3)
leave(claimed=True)
env.cr.execute("UPDATE batch_job SET ready = true WHERE id = ANY(%s) AND state IN ('pending', 'running')", [kept])
# what the addon does not look at, and what is large: pictures, descriptions of modules
env.cr.execute("DELETE FROM ir_attachment")
env.cr.execute("UPDATE ir_module_module SET description = NULL, icon = NULL")
env.cr.commit()
for job in Job.search([], order="id"):
    print(job.id, job.name, job.state, job.total_records, job.processed_records, job.failed_records, job.chunk_ids.mapped("state"))
