"""A database of version 1 is brought to the present one, the addon is uninstalled there, and installed again.

All of it happens to one database, which `tests/data/version_1.py` has made; tests run in the order of their names.
"""

import json
import lzma
import re
import time
from contextlib import closing
from pathlib import Path

import psycopg2

from odoo import api
from odoo.modules.registry import Registry
from odoo.sql_db import close_db, db_connect
from odoo.tests.common import BaseCase, get_db_name
from odoo.tools import mute_logger

from odoo.addons.batch_executor.run.lane import Lane
from odoo.addons.batch_executor.run.worker.databases import obstacle

from .case import FINAL, PATIENCE_S
from .extras import needs_scripts
from .twins import no_tests

DUMP = Path(__file__).parent / "data" / "version_1.sql.xz"
ADMIN = 2
#: State, records, and succeeded, failed and cancelled ones of the jobs once they have ended.
ENDS = {
    "done": ("completed", 30, 30, 0, 0),
    "shared": ("completed", 9, 9, 0, 0),
    "failing": ("partial", 8, 6, 2, 0),
    "dry": ("completed", 5, 5, 0, 0),
    "undone": ("failed", 4, 0, 4, 0),
    "answers": ("completed", 1, 1, 0, 0),
    "upserts": ("partial", 3, 2, 1, 0),
    "told": ("completed", 1, 1, 0, 0),
    "retried": ("completed", 2, 2, 0, 0),
    "cancelled": ("cancelled", 5, 2, 0, 3),
    "references": ("completed", 36, 36, 0, 0),
    "lost": ("completed", 6, 6, 0, 0),
    "found": ("completed", 30, 30, 0, 0),
    "paused": ("completed", 4, 4, 0, 0),
    "groups": ("completed", 9, 9, 0, 0),
    "whole": ("completed", 6, 6, 0, 0),
    "keys": ("partial", 3, 2, 1, 0),
    "rows": ("completed", 2, 2, 0, 0),
    "calls": ("completed", 6, 6, 0, 0),
    "last": ("completed", 2, 2, 0, 0),
    "draft": ("completed", 2, 2, 0, 0),
    "twice": ("completed", 2, 2, 0, 0),
}
#: Two of four lanes are deleted, one is archived, one has another name.
LANES_CHANGED = """
    DELETE FROM ir_cron USING ir_act_server AS action WHERE action.id = ir_actions_server_id AND action.name->>'en_US' SIMILAR TO '%lane (1|4)';
    UPDATE ir_cron SET active = false, interval_number = 7
      FROM ir_act_server AS action WHERE action.id = ir_actions_server_id AND action.name->>'en_US' LIKE '%lane 2';
    UPDATE ir_act_server SET name = jsonb_build_object('en_US', 'My lane') WHERE name->>'en_US' LIKE '%lane 3';
"""
#: Results of version 1, by the chunk: it stored what a method returned as Python writes it, which PostgreSQL does not always take for JSON.
ODD_RESULTS = {15: '[[0],[[NaN,-Infinity]]]', 17: '[[0],["PK\\u0000]"]]', 18: '[[1], ["\\ud800"]]'}
#: What an object of the addon is called in the database.
OURS = re.compile(r"batch_(executor|job|operation|chunk|failure|warning|change|sizing|draft|wizard|settings|overview|running|finding|limit|webhook|delivery|lane|metrics)")
#: The same in any text of any row.
TRACE = r"batch[._](executor|job|operation|chunk|failure|warning|change|sizing|draft|wizard|settings|overview|running|limit|webhook|delivery)|Batch Executor"
#: Tables that name the addon whether it is installed or not, and what is deleted by itself soon.
KNOWN = {"ir_module_module", "bus_bus"}
#: Odoo's own names of what mail modules have added to a model: it keeps them for every model that is removed.
KNOWN_ROWS = {"ir_model_data": " AND module = 'batch_executor'"}


@needs_scripts
class TestUpgrade(BaseCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from devenv import databases, odoo_bin  # only scripts/test has them

        cls.databases, cls.odoo_bin = databases, odoo_bin
        cls.name = f"{get_db_name()}_old"
        databases.copy("template0", cls.name)
        cls.addClassCleanup(cls.leave)
        cls.restore()
        cls.before = cls.objects()
        cls.counters = dict(cls.query("SELECT id, processed_records FROM batch_job WHERE finished_at IS NOT NULL"))

    @classmethod
    def restore(cls):
        with closing(psycopg2.connect(dbname=cls.name)) as connection, connection.cursor() as cr:
            cr.execute(lzma.decompress(DUMP.read_bytes()).decode())
            connection.commit()

    @classmethod
    def leave(cls):
        cls.close()
        cls.databases.drop(cls.name)

    @classmethod
    def close(cls):
        """Forget the database, as another process is about to change it."""
        Registry.delete(cls.name)
        close_db(cls.name)

    @classmethod
    def query(cls, statement, *params, database=None):
        with closing(psycopg2.connect(dbname=database or cls.name)) as connection, connection.cursor() as cr:
            connection.autocommit = True
            cr.execute(statement, params or None)
            return cr.fetchall() if cr.description else []

    @classmethod
    def odoo(cls, *options):
        cls.close()
        cls.odoo_bin.finish(cls.name, *options, doing=f"Odoo {' '.join(options)}")

    def env(self, uid=ADMIN):
        with no_tests():
            cr = Registry(self.name).cursor()
        self.addCleanup(cr.close)
        return api.Environment(cr, uid, {})

    def work(self):
        """Run all that there is, by lanes that come again as scheduled actions do."""
        end = time.monotonic() + PATIENCE_S
        while Lane(Registry(self.name), "lane", lambda: end - time.monotonic(), 0).run():
            self.assertLess(time.monotonic(), end, "the jobs do not end")

    @classmethod
    def objects(cls, database=None):
        """Names of all that there is in the catalogue."""
        return {
            name
            for (name,) in cls.query(
                """
                SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
                UNION ALL
                SELECT 'column ' || relname || '.' || attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
                 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT attisdropped
                UNION ALL
                SELECT 'constraint ' || conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
                UNION ALL
                SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
                UNION ALL
                SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
                UNION ALL
                SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
                """,
                database=database,
            )
        }

    @classmethod
    def tables(cls, database):
        """How the addon's tables are made: columns, indexes, constraints, triggers, storage.

        Without types and brackets, which PostgreSQL spells in another way after a dump.
        """
        return {
            (table, re.sub(r"::[a-z ]+(\[\])?|[()]", "", text))
            for table, text in cls.query(
                """
                SELECT relname, 'column ' || attname || ' ' || format_type(atttypid, atttypmod)
                       || CASE WHEN attnotnull THEN ' not null' ELSE '' END
                       || coalesce(' default ' || pg_get_expr(adbin, adrelid), '') || ' ' || attcompression::text
                  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
                 WHERE attnum > 0 AND NOT attisdropped AND relkind = 'r' AND relname LIKE 'batch\\_%'
                UNION ALL
                SELECT tablename, indexdef FROM pg_indexes WHERE tablename LIKE 'batch\\_%'
                UNION ALL
                SELECT conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
                 WHERE conrelid::regclass::text LIKE 'batch\\_%'
                UNION ALL
                SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger
                 WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'batch\\_%'
                UNION ALL
                SELECT relname, coalesce(reloptions::text, '') FROM pg_class WHERE relkind = 'r' AND relname LIKE 'batch\\_%'
                """,
                database=database,
            )
        }

    def assertSameTables(self):
        """The tables are made as those of the database under test, into which the addon was installed."""
        here, there = self.tables(self.name), self.tables(get_db_name())
        self.assertEqual((sorted(here - there), sorted(there - here)), ([], []))

    def traces(self):
        """Tables in which a row names the addon."""
        found = {}
        for (table,) in self.query("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"):
            rows = self.query(f"SELECT left(t::text, 300) FROM \"{table}\" AS t WHERE t::text ~ %s{KNOWN_ROWS.get(table, '')} LIMIT 5", TRACE)
            if rows and table not in KNOWN:
                found[table] = [text for (text,) in rows]
        return found

    # -- version 1 -> the present one ----------------------------------------------------------------

    def test_0_a_worker_leaves_a_database_of_version_1_alone(self):
        with db_connect(self.name).cursor() as cr, self.assertNoLogs("odoo.sql_db", "ERROR"):
            self.assertIn("an earlier version of the addon", obstacle(cr))

    def test_1_tables_of_version_1_become_those_of_a_new_installation(self):
        self.query(LANES_CHANGED)
        for chunk_id, result in ODD_RESULTS.items():
            self.query("UPDATE batch_chunk SET result = %s WHERE id = %s AND operation_id IS NOT NULL", result, chunk_id)
        self.odoo("--update=batch_executor")
        self.assertSameTables()
        found = self.query("SELECT id, first_index, last_index FROM batch_chunk WHERE id = ANY(%s) ORDER BY id", [2, 6, *ODD_RESULTS])
        self.assertEqual(found, [(2, 10, 19), (6, None, None), (15, 0, 0), (17, 0, 0), (18, 1, 1)])
        self.assertFalse([row for row in self.query("SELECT column_name FROM information_schema.columns WHERE table_name = 'batch_job'") if row == ("turn",)])

    def test_2_what_had_ended_reads_as_before(self):
        env = self.env()
        jobs = {job.name: job for job in env["batch.job"].search([])}
        self.assertEqual({id_: env["batch.job"].browse(id_).processed_records for id_ in self.counters}, self.counters)
        done = jobs["done"]
        status = done.status()
        self.assertEqual((status["state"], status["stats"]["created_records"], status["percentage"]), ("completed", 30, 100))
        self.assertGreater(status["duration"], 0)
        self.assertEqual(done.contents_text, "Create 30 × Contact")
        self.assertEqual((done.main_type, done.main_model_id.model, done.is_ordered, done.is_atomic), ("create", "res.partner", False, False))
        [entry] = done.result()["results"]
        self.assertEqual(env["res.partner"].browse(entry["result"]).mapped("ref"), [f"done-{number}" for number in range(30)])
        answers = jobs["answers"].result()["results"]
        self.assertEqual([entry["result"] for entry in answers], [6])
        found = {name: [entry["result"] for entry in jobs[name].result()["results"]] for name in ("told", "retried")}
        self.assertEqual(str(found), str({"told": [[[float("nan"), float("-inf")]]], "retried": [["PK\0]", "\ud800"]]}))
        failures = jobs["failing"].failures()["failures"]
        self.assertEqual(len(failures), 2)
        self.assertTrue(all(self.query("SELECT cause IS NOT NULL FROM batch_failure")))
        self.assertFalse(self.query("SELECT 1 FROM batch_job WHERE tell_at IS NOT NULL"), "nobody is told of what ended long ago")
        self.assertEqual(jobs["dry"].status()["stats"]["created_records"], 5)
        # the same submission again is the same job
        user = env["res.users"].search([("login", "=", "someone")])
        operations = [{"operation_type": "create", "model": "res.partner", "data": [{"name": f"done {n}", "ref": f"done-{n}"} for n in range(30)]}]
        again = env(user=user.id)["batch.job"].submit(operations, name="done", max_chunk_size=10, idempotency_key="done-once")
        self.assertEqual((again["job_id"], again["duplicate"]), (done.id, True))

    def test_3_settings_stay_missing_lanes_come_back_and_the_others_are_as_they_were(self):
        env = self.env()
        self.assertEqual(env["ir.config_parameter"].sudo().get_param("batch_executor.lanes"), "3")
        self.assertTrue(env["res.users"].search([("login", "=", "someone")]).has_group("batch_executor.group_batch_user"))
        found = self.query(
            """
            SELECT action.name->>'en_US', cron.active, cron.interval_number
              FROM ir_cron AS cron JOIN ir_act_server AS action ON action.id = cron.ir_actions_server_id
             WHERE is_batch_lane ORDER BY cron.id
            """
        )
        self.assertEqual(
            found, [("Batch Executor: lane 2", False, 7), ("My lane", True, 60), ("Batch Executor: lane 1", True, 1)]
        )

    def test_4_jobs_of_version_1_run_to_their_ends(self):
        env = self.env()
        jobs = {job.name: job for job in env["batch.job"].search([])}
        self.assertEqual(jobs.keys(), ENDS.keys())
        jobs["draft"].append([{"operation_type": "update", "model": "res.partner", "record_ids": {"$ref": "op-1"}, "data": {"comment": "appended"}}])
        for name in ("draft", "twice"):
            jobs[name].start()
        jobs["paused"].resume()
        env.cr.commit()
        with mute_logger("odoo.addons.batch_executor.run.rescue"):
            self.work()
        env = self.env()
        found = {
            job.name: (job.state, job.total_records, job.processed_records, job.failed_records, job.cancelled_records)
            for job in env["batch.job"].search([])
        }
        self.assertEqual(found, {**ENDS, "draft": ("completed", 4, 4, 0, 0)})
        self.assertFalse(self.query("SELECT 1 FROM batch_chunk WHERE finished_at IS NULL OR NOT tallied"))
        Partner = env["res.partner"]
        children = Partner.search([("name", "like", "child %"), ("name", "not like", "child of")], order="id")
        self.assertEqual(
            {child.name: child.parent_id.ref for child in children}, {f"child {n}": f"first-{n}" for n in range(12)}
        )
        self.assertEqual(Partner.search_count([("ref", "like", "first-"), ("comment", "=", "<p>all</p>")]), 12)
        self.assertEqual(Partner.search_count([("ref", "like", "done-"), ("comment", "=", "<p>found</p>")]), 30)
        self.assertEqual(Partner.search([("ref", "=", "whole-0")]).name, "renamed")
        self.assertEqual(Partner.search([("ref", "in", ("k1", "k2"))], order="ref").mapped("name"), ["k", "l"])
        self.assertEqual(env.ref("__test__.one").child_ids.mapped("name"), ["child of one", "second child"])
        self.assertEqual(Partner.search_count([("function", "=", "called")]), 6)
        self.assertEqual(Partner.search_count([("name", "=", "end of last")]), 1)
        self.assertEqual(Partner.search_count([("ref", "like", "lost-")]), 6)

    def test_5_failures_and_cancelled_records_of_version_1_can_be_retried(self):
        env = self.env()
        jobs = {job.name: job for job in env["batch.job"].search([])}
        bad = env["batch.failure"].search([("job_id", "=", jobs["failing"].id), ("operation_type", "=", "create")])
        bad.write({"values": json.dumps({"name": "good now"})})
        for name in ("failing", "cancelled", "undone"):
            jobs[name].retry()
        env.cr.commit()
        self.work()
        env = self.env()
        found = {job.name: (job.state, job.processed_records, job.failed_records) for job in env["batch.job"].search([])}
        self.assertEqual(found["failing"], ("partial", 7, 1))
        self.assertEqual(found["cancelled"], ("completed", 5, 0))
        self.assertEqual(found["undone"], ("completed", 4, 0))  # what it should delete is gone
        self.assertTrue(all(job.state in FINAL for job in env["batch.job"].search([])))

    # -- uninstallation ------------------------------------------------------------------------------

    def test_6_an_uninstallation_leaves_nothing_behind(self):
        env = self.env()
        # what people make beside jobs
        env["ir.filters"].create({"name": "mine", "model_id": "batch.job", "user_ids": [(4, ADMIN)]})
        partners = env["ir.model"]._get_id("res.partner")
        action = env["ir.actions.server"].create(
            {"name": "Archive in batch", "model_id": partners, "state": "batch", "batch_type": "call", "batch_method": "action_archive"}
        )
        action.create_action()
        env["ir.cron"].create({"name": "Nightly", "model_id": partners, "state": "batch", "batch_type": "call", "batch_method": "action_archive"})
        job = env["batch.job"].search([("name", "=", "done")])
        job.message_post(body="noted")
        env["ir.attachment"].create({"name": "a.txt", "raw": b"a", "res_model": "batch.job", "res_id": job.id})
        env["ir.attachment"].sudo().create({"name": "b.txt", "raw": b"b", "res_model": "batch.failure.upload", "res_field": "content", "res_id": 1})
        env["ir.default"].set("batch.wizard", "quiet", True)
        env["ir.exports"].create({"name": "jobs", "resource": "batch.job"})
        env["ir.config_parameter"].sudo().set_param("batch_executor.anything", "1")
        env.cr.commit()
        self.close()
        self.odoo_bin.run(
            self.odoo_bin.command("module", "uninstall", "batch_executor", f"--database={self.name}"), doing="uninstalling"
        )
        self.assertEqual(self.query("SELECT state FROM ir_module_module WHERE name = 'batch_executor'"), [("uninstalled",)])
        self.assertEqual([name for name in sorted(self.objects()) if OURS.search(name)], [])
        dependency = re.compile("base_import")
        fresh = {name for name in self.objects() - self.before if not dependency.search(name)}
        self.assertEqual(fresh, set())
        self.assertEqual(self.traces(), {})

    def test_7_it_can_be_installed_again(self):
        self.odoo("--init=batch_executor")
        self.assertSameTables()
        env = self.env()
        self.assertEqual(len(env["ir.cron"].sudo()._batch_lanes()), 4)
        job = env["batch.job"].submit([{"operation_type": "create", "model": "res.partner", "data": [{"name": "anew"}]}])
        env.cr.commit()
        self.work()
        self.assertEqual(self.env()["batch.job"].browse(job["job_id"]).state, "completed")
