"""The ways in which Odoo is hosted: jobs run in each of them."""

import subprocess
import time
import xmlrpc.client
from contextlib import suppress

from odoo.tests.common import BaseCase, get_db_name

from .case import FINAL, PATIENCE_S
from .extras import needs_scripts
from .server import ADMIN, Server, shared_cluster

RECORDS = 6
#: Submit a job, end another of which a webhook is to be told, and do what `odoo-bin neutralize` does.
CALM = """
from odoo.modules.neutralize import neutralize_database
job = env["batch.job"].submit([{"operation_type": "create", "model": "res.partner", "data": [{"name": "x"}]}])
env["batch.webhook"].create({"name": "shop", "url": "https://shop.invalid/batch"})
told = env["batch.job"].submit([{"operation_type": "create", "model": "res.partner", "data": [{"name": "y"}]}], webhook="shop", draft=True)
env["batch.job"].browse(told["job_id"]).cancel()
neutralize_database(env.cr)
env.cr.commit()
print(job["job_id"])
"""


@needs_scripts
class TestHosting(BaseCase):
    """Copies of the database under test: `north` and `south` are served together with `calm`, a neutralized copy of one with jobs; `bounced` is served by itself."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from devenv import odoo_bin, pgbouncer  # only scripts/test has them

        cls.odoo_bin, cls.pgbouncer = odoo_bin, pgbouncer
        cls.cluster = shared_cluster(get_db_name())
        cls.databases = {name: f"{get_db_name()}_{name}" for name in ("north", "south", "calm", "bounced")}
        for database in cls.databases.values():
            cls.cluster.sql(f'CREATE DATABASE "{database}" TEMPLATE "{cls.cluster.database}"', database="postgres")
            cls.addClassCleanup(cls.cluster.sql, f'DROP DATABASE "{database}" WITH (FORCE)', database="postgres")
        cls.odoo("north", "--init=queue_job", "--load-language=de_DE", "--stop-after-init")
        cls.waiting = int(cls.odoo("calm", "--no-http", "--log-level=warn", command="shell", program=CALM).split()[-1])

    @classmethod
    def odoo(cls, name, *options, command=None, program=""):
        """Run Odoo to its end; returns what it printed."""
        commands = [command] if command else []
        done = subprocess.run(
            cls.odoo_bin.command(*commands, f"--database={cls.databases[name]}", *options),
            input=program, env={**cls.odoo_bin.os.environ, **cls.cluster.environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode or " ERROR " in done.stderr:
            raise AssertionError(done.stderr)
        return done.stdout

    def serve(self, name, **options):
        server = Server(self.cluster, name, **options).start()
        self.addCleanup(server.kill)
        return server

    def submit(self, client, name, **options):
        data = [{"name": f"{name} {number}", "ref": name} for number in range(RECORDS)]
        return client.submit({"operation_type": "create", "model": "res.partner", "data": data}, max_chunk_size=2, **options)

    def check_done(self, client, job, name):
        """The job ends, and each of its records is there once."""
        self.wait_until(lambda: client.status(job)["state"] in FINAL)
        self.assertEqual(client.status(job)["state"], "completed")
        self.assertEqual(client.call("res.partner", "search_count", [["ref", "=", name]]), RECORDS)

    def wait_until(self, condition):
        end = time.monotonic() + 2 * PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), end, "waited too long")
            time.sleep(0.2)

    def test_threads_one_cron_worker_several_databases(self):
        """One process with threads, as on a developer's machine or a small host; a translated database, beside `queue_job`, a neutralized one."""
        server = self.serve("threads", workers=0, cron_workers=1, databases=[self.databases[name] for name in ("north", "south", "calm")], more=["--load=base,rpc,web,queue_job"])
        north, south, calm = (server.client(self.databases[name]) for name in ("north", "south", "calm"))
        jobs = {name: self.submit(client, f"threads-{name}") for name, client in (("north", north), ("south", south))}
        for name, client in (("north", north), ("south", south)):
            self.check_done(client, jobs[name], f"threads-{name}")

        with self.subTest("beside queue_job"):  # a chunk delays a job of queue_job, whose runner takes it
            model = north.call("ir.model", "search", [["model", "=", "res.partner"]])[0]
            code = "records.with_delay().write({'comment': 'delayed'})"
            action = north.call("ir.actions.server", "create", {"name": "Delay", "model_id": model, "state": "code", "code": code})
            partners = north.call("res.partner", "search", [["ref", "=", "threads-north"]])
            operation = {"operation_type": "action", "model": "res.partner", "action": action, "record_ids": partners}
            job = north.submit(operation)
            self.wait_until(lambda: north.status(job)["state"] in FINAL)
            self.assertEqual(north.status(job)["state"], "completed", north.call("batch.job", "failures", [job]))
            self.wait_until(lambda: north.call("res.partner", "search_count", [["comment", "ilike", "delayed"]]) == RECORDS)
            self.assertEqual(set(self.states("north", "queue_job")), {"done"})

        with self.subTest("a language loaded later"):
            label = {"allfields": ["state"], "attributes": ["selection"]}
            german = dict(north.call("batch.job", "fields_get", context={"lang": "de_DE"}, **label)["state"]["selection"])
            self.assertNotEqual(german, dict(south.call("batch.job", "fields_get", **label)["state"]["selection"]))

        with self.subTest("a neutralized database"):
            self.assertEqual(calm.status(self.waiting)["state"], "paused")
            self.assertFalse(calm.call("batch.overview", "read_standstill"), "nothing waits")
            later = self.submit(calm, "calm")
            self.assertEqual(calm.call("batch.overview", "read_standstill")["reason"], "neutralized")
            self.submit_and_finish(south, "meanwhile")  # lanes had time to look
            self.assertEqual(calm.status(later)["state"], "pending")
            self.assertEqual(calm.status(self.waiting)["state"], "paused")
            self.assertEqual(calm.call("res.partner", "search_count", [["name", "=", "x"]]), 0)
            [webhook] = calm.call("batch.webhook", "search_read", [["active", "=", False]], ["name"])
            self.assertEqual(webhook["name"], "shop")
            [delivery] = calm.call("batch.delivery", "search_read", [], ["state", "tries"])
            self.assertEqual((delivery["state"], delivery["tries"]), ("failed", 0))

        with self.subTest("neutralized by mistake"):  # as docs/operations.md says
            archived = [["active", "=", False]]
            calm.call("ir.config_parameter", "unlink", calm.call("ir.config_parameter", "search", [["key", "=", "database.is_neutralized"]]))
            calm.call("ir.cron", "write", calm.call("ir.cron", "search", [*archived, ["cron_name", "like", "Batch Executor: lane"]]), {"active": True})
            calm.call("batch.webhook", "write", [webhook["id"]], {"active": True})
            with suppress(xmlrpc.client.Fault):  # Odoo has no None to answer by XML-RPC
                calm.call("batch.delivery", "action_send_again", [delivery["id"]])
            calm.call("batch.job", "resume", [self.waiting])
            self.wait_until(lambda: calm.status(self.waiting)["state"] == "completed")
            self.assertEqual(calm.call("batch.delivery", "read", [delivery["id"]], ["state"])[0]["state"], "pending")

    def submit_and_finish(self, client, name):
        self.check_done(client, self.submit(client, name), name)

    def click(self, client, button, module):
        """Click on a button of a module; whether Odoo did not refuse because a scheduled action, such as a lane, runs at this moment.

        Once, and without a limit of time: Odoo loads all models again meanwhile.
        """
        try:
            xmlrpc.client.ServerProxy(client.url, allow_none=True).execute_kw(
                client.database, ADMIN, "admin", "ir.module.module", button, [module]
            )
        except xmlrpc.client.Fault as fault:
            if "currently processing a scheduled action" not in fault.faultString:
                raise
            return False
        return True

    def states(self, name, table):
        return [state for (state,) in self.cluster.sql(f"SELECT state FROM {table}", database=self.databases[name])]

    def test_processes_one_cron_worker_pgbouncer(self):
        """A prefork server, its only way to the database a pgbouncer in session mode."""
        with self.pgbouncer.running(self.cluster.folder) as variables:
            server = self.serve(
                "bounced", workers=2, cron_workers=1, databases=[self.databases["bounced"]], environment=variables
            )
            client = server.client(self.databases["bounced"])
            self.submit_and_finish(client, "bounced")
            with self.subTest("a timeout reaches into the database"):
                self.cluster.sql(
                    """
                    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
                    CREATE TRIGGER slow BEFORE INSERT ON res_partner FOR EACH ROW WHEN (NEW.ref = 'slow') EXECUTE FUNCTION slow()
                    """,
                    database=self.databases["bounced"],
                )
                slow = {"operation_type": "create", "model": "res.partner", "data": [{"name": "slow", "ref": "slow"}]}
                job = client.submit(slow, timeout=1, retry_attempts=0)
                self.wait_until(lambda: client.status(job)["state"] in FINAL)
                [failure] = client.call("batch.job", "failures", [job])["failures"]
                self.assertEqual(failure["error_type"], "TimeoutError")
            with self.subTest("nothing went by another way"):
                [(direct,)] = self.cluster.sql(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND client_addr IS NOT NULL", self.databases["bounced"]
                )
                self.assertEqual(direct, 0, "pgbouncer comes by the socket")
            with self.subTest("uninstalled by a click, while lanes have just worked"):
                self.submit_and_finish(client, "last")
                module = client.call("ir.module.module", "search", [["name", "=", "batch_executor"]])
                self.wait_until(lambda: self.click(client, "button_immediate_uninstall", module))
                query = "SELECT state FROM ir_module_module WHERE name = 'batch_executor'"
                self.assertEqual(self.cluster.sql(query, database=self.databases["bounced"]), [("uninstalled",)])
                found = self.cluster.sql(
                    "SELECT relname FROM pg_class WHERE relname LIKE 'batch\\_%%' UNION SELECT proname FROM pg_proc WHERE proname LIKE 'batch\\_%%'",
                    database=self.databases["bounced"],
                )
                self.assertEqual(found, [])
