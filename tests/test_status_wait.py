"""`status(wait=...)`: answers when something changes, holds no transaction meanwhile, and never more than a share of the workers."""

import contextlib
import http.client
import json
import secrets
import shutil
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch
from urllib.parse import urlsplit

import requests

from odoo.exceptions import UserError
from odoo.tests.common import get_db_name

from ..run import waiting
from ..run.waiting import checked_wait
from .api_case import ApiCase
from .case import PATIENCE_S, create
from .doors import DOORS, Json2Door, RouteDoor, XmlRpcDoor, base_url
from .extras import needs_scripts

#: Whoever waits for so long has waited in vain: the test would end with the wrong answer.
LONG_S = 20


class WaitCase(ApiCase):
    def setUp(self):
        super().setUp()
        self.pool = ThreadPoolExecutor(8)
        self.addCleanup(self.pool.shutdown)

    def waiting(self, door, job_id, wait=LONG_S):
        """A call of `status` that waits now, as a future."""
        free = waiting._threads._value
        future = self.pool.submit(door.call, "status", job_id, wait=wait)
        self.wait_until(lambda: waiting._threads._value < free or future.done())
        self.assertFalse(future.done(), "it did not wait")
        return future

    def new_job(self, **options):
        return self.door.submit([create("Waited for", "And this one")], **options)["job_id"]


class TestStatusWait(WaitCase):
    def test_by_every_door_it_answers_as_soon_as_something_changes(self):
        for door_class in DOORS:
            with self.subTest(door_class.__name__):
                job_id = self.new_job()
                future = self.waiting(door_class(self.user), job_id)
                self.door.call("pause", job_id)
                status = future.result(PATIENCE_S)
                self.assertStatus(status)
                self.assertEqual(status["state"], "paused")
                self.door.call("cancel", job_id)

    def test_a_client_that_only_waits_sees_the_job_run_and_end(self):
        job_id = self.door.submit([create(*map(str, range(30)))], max_chunk_size=10)["job_id"]
        future = self.waiting(self.door, job_id)
        lane = threading.Thread(target=self.work)
        lane.start()
        seen = [future.result(PATIENCE_S)]
        while not seen[-1]["finished_at"]:
            seen.append(self.door.call("status", job_id, wait=LONG_S))
        lane.join()
        self.assertEqual(seen[-1]["state"], "completed")
        self.assertEqual(seen[-1]["completed"], 30)
        self.assertLessEqual(len(seen), 8)

    def test_several_clients_wait_for_jobs_of_their_own(self):
        job_ids = [self.new_job() for _number in range(4)]
        futures = [self.waiting(RouteDoor(self.user), job_id) for job_id in job_ids]
        self.door.call("cancel", job_ids[2])
        self.assertEqual(futures[2].result(PATIENCE_S)["state"], "cancelled")
        self.assertEqual([future.done() for future in futures], [False, False, True, False])
        for job_id in job_ids:
            with contextlib.suppress(Exception):
                self.door.call("cancel", job_id)
        self.assertEqual({future.result(PATIENCE_S)["state"] for future in futures}, {"cancelled"})

    def test_no_transaction_is_open_meanwhile(self):
        job_id = self.new_job()
        self.wait_until(lambda: not self.open_transactions())
        for door_class in (RouteDoor, Json2Door, XmlRpcDoor):
            with self.subTest(door_class.__name__):
                future = self.waiting(door_class(self.user), job_id)
                self.wait_until(lambda: not self.open_transactions())
                self.assertFalse(future.done())
                self.door.call("pause", job_id)
                future.result(PATIENCE_S)
                self.door.call("resume", job_id)

    def open_transactions(self):
        return self.sql(
            "SELECT pid, query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND state LIKE 'idle in transaction%%'"
        )

    def test_a_job_that_is_over_answers_at_once(self):
        job_id = self.new_job()
        self.work()
        for door_class in DOORS:
            started = time.monotonic()
            self.assertEqual(door_class(self.user).call("status", job_id, wait=LONG_S)["state"], "completed")
            self.assertLess(time.monotonic() - started, LONG_S)

    def test_a_job_in_which_nothing_happens_answers_when_the_time_is_over(self):
        job_id = self.new_job(draft=True)
        started = time.monotonic()
        status = self.door.call("status", job_id, wait=0.5)
        self.assertGreaterEqual(time.monotonic() - started, 0.5)
        self.assertEqual(status["state"], "draft")

    def test_a_job_that_is_deleted_is_missing(self):
        job_id = self.new_job(draft=True)
        future = self.waiting(self.door, job_id)
        with self.committed() as env:
            env["batch.job"].browse(job_id).unlink()
        refused = self.assertRefused(future.result, PATIENCE_S, name="MissingError")
        self.assertReadable(str(refused))

    def test_the_job_of_another_is_refused_at_once(self):
        job_id = self.new_job(draft=True)
        free = waiting._threads._value
        for door_class in DOORS:
            self.assertRefused(door_class(self.other).call, "status", job_id, wait=LONG_S)
            self.assertEqual(waiting._threads._value, free)
        self.assertRefused(self.door.call, "status", 2**31 - 1, wait=LONG_S, name="MissingError")

    def test_whoever_loses_the_right_meanwhile_gets_no_answer(self):
        job_id = self.new_job(draft=True)
        future = self.waiting(RouteDoor(self.manager), job_id)
        with self.committed() as env:
            env["res.users"].browse(self.manager.id).group_ids -= env.ref("batch_executor.group_batch_manager")
            env["batch.job"].browse(job_id).state = "paused"
        try:
            self.assertRefused(future.result, PATIENCE_S)
        finally:
            with self.committed() as env:
                env["res.users"].browse(self.manager.id).group_ids += env.ref("batch_executor.group_batch_manager")

    def test_nor_does_whom_another_process_takes_the_right_from(self):
        """Which clears no cache here; it says so in the database, as Odoo does."""
        user_id = self.user.id
        with self.committed() as env:
            group_id = env.ref("batch_executor.group_batch_user").id
        archive = "UPDATE res_users SET active = %s WHERE id = %s"
        groups = self.sql("SELECT gid FROM res_groups_users_rel WHERE uid = %s", user_id)

        def give_back():
            self.sql(archive, True, user_id)
            self.sql("DELETE FROM res_groups_users_rel WHERE uid = %s", user_id)
            for [gid] in groups:
                self.sql("INSERT INTO res_groups_users_rel (uid, gid) VALUES (%s, %s)", user_id, gid)
            self.sql("INSERT INTO orm_signaling_default DEFAULT VALUES")
            self.registry.check_signaling()

        self.addCleanup(give_back)
        take = "DELETE FROM res_groups_users_rel WHERE uid = %s AND gid = %s"
        for query, arguments in ((archive, (False, user_id)), (take, (user_id, group_id))):
            job_id = self.new_job(draft=True)
            future = self.waiting(RouteDoor(self.user), job_id)
            self.sql(query, *arguments)
            self.sql("INSERT INTO orm_signaling_default DEFAULT VALUES")
            self.sql("UPDATE batch_job SET state = 'paused' WHERE id = %s", job_id)
            self.assertRefused(future.result, PATIENCE_S)
            give_back()

    def test_whoever_waits_does_not_hold_up_the_end_of_the_server(self):
        class Process:
            """A worker of Odoo's, and its server of threads: whose method Odoo lets receive signals."""

            def __init__(self, **state):
                vars(self).update(state)

            def signal_handler(self, *_signal):
                """Not called."""

        job_id = self.new_job(draft=True)
        self.addCleanup(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        for before, asked in (({"alive": True}, {"alive": False}), ({"quit_signals_received": 0}, {"quit_signals_received": 1})):
            process = Process(**before)
            signal.signal(signal.SIGINT, process.signal_handler)
            future = self.waiting(self.door, job_id)
            started = time.monotonic()
            vars(process).update(asked)
            self.assertEqual(future.result(PATIENCE_S)["state"], "draft")
            self.assertLess(time.monotonic() - started, LONG_S / 2)

    def test_what_is_no_time_is_refused(self):
        job_id = self.new_job(draft=True)
        for wait in ("x", "5", -1, -0.001, True, [], {}):
            for door_class in (RouteDoor, XmlRpcDoor):
                refused = self.assertRefused(door_class(self.user).call, "status", job_id, wait=wait)
                self.assertIn("wait must be", str(refused))
        self.assertIn("wait must be", str(self.assertRefused(XmlRpcDoor(self.user).call, "status", job_id, wait=float("nan"))))
        self.assertIn("Unknown parameters", str(self.assertRefused(self.door.call, "status", job_id, waits=1)))
        for wait in (0, 0.0, None, False):
            self.assertEqual(self.door.call("status", job_id, wait=wait)["state"], "draft")
        with self.committed(self.user.id) as env:
            self.assertEqual([checked_wait(env, wait) for wait in (5, 20, 1e9, 10**400, float("inf"))], [5, 20, 20, 20, 20])
            with self.assertRaises(UserError):
                checked_wait(env, float("nan"))

    def test_only_a_share_of_the_threads_waits(self):
        job_id = self.new_job(draft=True)
        with patch.object(waiting, "_threads", threading.BoundedSemaphore(1)):
            future = self.waiting(self.door, job_id)
            for door_class in DOORS:
                self.assertEqual(door_class(self.user).call("status", job_id, wait=LONG_S)["state"], "draft")
            self.assertFalse(future.done(), "the others did not wait")
            self.door.call("cancel", job_id)
            future.result(PATIENCE_S)
            self.assertEqual(waiting._threads._value, 1)

    def test_a_client_that_goes_away_leaves_nothing(self):
        job_id = self.new_job(draft=True)
        free = waiting._threads._value
        body = json.dumps({"params": {"job_id": job_id, "wait": 2}})
        # not by `requests`, whose time limit Odoo takes away in tests
        client = http.client.HTTPConnection(urlsplit(base_url()).netloc, timeout=0.5)
        client.request("POST", "/batch/v1/status", body, {"Content-Type": "application/json", **self.door.headers})
        with self.assertRaises(TimeoutError):
            client.getresponse()
        client.close()
        self.wait_until(lambda: waiting._threads._value == free)
        self.assertEqual(self.door.call("status", job_id)["state"], "draft")

    def test_code_with_a_transaction_of_its_own_keeps_it(self):
        job_id = self.new_job(draft=True)
        with self.registry.cursor() as cr:
            env = self.env_of(cr)
            partner = env["res.partner"].create({"name": f"Not saved {secrets.token_hex(4)}"})
            cr.execute("SELECT pg_current_xact_id()::text")
            before = cr.fetchone()
            self.assertEqual(env["batch.job"].browse(job_id).status(wait=LONG_S)["state"], "draft")
            cr.execute("SELECT pg_current_xact_id()::text")
            self.assertEqual(cr.fetchone(), before)
            cr.rollback()
            self.assertFalse(partner.exists())

    def env_of(self, cr):
        from odoo import api

        return api.Environment(cr, self.user.id, {})


@needs_scripts
class TestWorkers(ApiCase):
    """HTTP workers are processes, and they are few."""

    def test_half_of_the_workers_may_wait(self):
        from .server import Server

        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        here = SimpleNamespace(database=get_db_name(), environment={}, folder=folder)
        server = Server(here, "waits", cron_workers=0, workers=2)
        self.addCleanup(server.kill)
        server.start()
        job_id = self.door.submit([create("Waited for")], draft=True)["job_id"]
        address = f"http://127.0.0.1:{server.port}/batch/v1/status"

        def status(**params):
            answer = requests.post(
                address, json={"params": {"job_id": job_id, **params}}, headers=self.door.headers, timeout=PATIENCE_S
            )
            return answer.json()["result"]["state"]

        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                status()
                break
            except requests.ConnectionError:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.2)
        with ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(status, wait=LONG_S) for _number in range(4)]
            while sum(future.done() for future in futures) < 3:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            self.assertEqual([status() for _number in range(3)], ["draft"] * 3, "the other worker answers")
            self.assertEqual(sum(future.done() for future in futures), 3, "one of them waits")
            self.door.call("cancel", job_id)
            self.assertEqual(sorted(future.result(PATIENCE_S) for future in futures), ["cancelled"] + ["draft"] * 3)
