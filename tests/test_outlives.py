"""A lane outlives whatever is wrong with one chunk or one job, and so does everybody else's work."""

import logging
import threading
import time
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tools import mute_logger

from odoo.addons.batch_executor.run import advance, reopen
from odoo.addons.batch_executor.run.control import stop_listening
from odoo.addons.batch_executor.run.lane import Lane
from odoo.addons.batch_executor.run.lanes import retire_lanes, set_lane_count

from .lane_case import LaneCase

LOGGERS = (
    "odoo.sql_db",
    "odoo.addons.batch_executor.run",
)


class OutlivesCase(LaneCase):
    def setUp(self):
        super().setUp()
        muted = mute_logger(*LOGGERS)
        muted.__enter__()
        self.addCleanup(muted.__exit__, None, None, None)

    def set_trigger(self, table, body, when="BEFORE UPDATE"):
        """Have PostgreSQL run something for rows of a table, until the end of the test."""
        name = f"test_{self.mark}"
        self.sql(
            f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$;
            CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()
            """
        )
        self.addCleanup(self.sql, f"DROP FUNCTION IF EXISTS {name} CASCADE")

    def spoil(self, job_id, payload):
        self.sql("UPDATE batch_chunk SET payload = %s WHERE job_id = %s", payload, job_id)

    def assertOthersGoOn(self, spoilt):
        """The spoilt job has ended, and one submitted after it as well."""
        good = self.submit(self.creates(3))
        self.work()
        self.assertEqual(self.check_counters(good)["state"], "completed")
        job = self.check_counters(spoilt)
        self.assertEqual(job["state"], "failed")
        return job


class TestBrokenChunks(OutlivesCase):
    def test_a_payload_that_can_not_be_read(self):
        for payload in (
            "{",
            "null",
            '{"items": [1]}',
            '{"items": 5, "operations": 1, "indexes": 0, "params": {}, "context": {}}',
        ):
            with self.subTest(payload):
                job_id = self.submit(self.creates(2), max_chunk_size=0 if payload == "null" else 100)
                self.spoil(job_id, payload)
                self.assertOthersGoOn(job_id)
                self.delete_partners()

    def test_a_payload_of_several_operations_that_can_not_be_read(self):
        ids = self.make_partners(2)
        job_id = self.submit(
            *[{"operation_type": "update", "model": "res.partner", "data": [{"id": id_, "city": "x"}]} for id_ in ids]
        )
        self.spoil(job_id, "[]")
        self.work()
        self.assertEqual(self.check_counters(job_id)["state"], "failed")

    def test_what_waits_for_a_chunk_that_can_not_be_read_does_not_wait_for_ever(self):
        ids = self.make_partners(2)
        first, second = (
            {"operation_type": "update", "model": "res.partner", "data": [{"id": id_, "city": "x"}], "operation_id": str(id_)}
            for id_ in ids
        )
        job_id = self.submit(first, second, {**self.creates(1), "depends_on": [str(ids[0])]})
        self.sql("UPDATE batch_chunk SET payload = '{' WHERE job_id = %s AND operation_type = 'update'", job_id)
        self.work()
        job = self.check_counters(job_id)
        self.assertEqual(job["state"], "failed")
        self.assertTrue(job["error"])

    def test_a_long_isolation_loses_no_operation_of_its_chunk(self):
        """What is left of a chunk that two operations shared may be of one of them alone."""
        bad = [number for number in range(60) if number % 5 == 0]
        data = self.creates(60)["data"]
        for number in bad:
            del data[number]["name"]
        one = {"operation_type": "create", "model": "res.partner", "data": data, "operation_id": "one"}
        other = {**self.creates(30), "operation_id": "other"}
        job_id = self.submit(one, other, {**self.creates(1), "depends_on": ["other"]}, max_chunk_size=100)
        self.work()
        self.check_counters(job_id)
        first, second, third = self.call(job_id, "result")["results"]
        self.assertEqual((first["state"], first["processed_records"], first["failed_records"]), ("partial", 48, 12))
        self.assertEqual([bool(id_) for id_ in first["result"]], [number not in bad for number in range(60)])
        self.assertEqual((second["state"], third["state"]), ("completed", "completed"))

    def test_an_abandoned_chunk_that_can_not_be_read(self):
        job_id = self.submit(self.creates(2))
        with self.open_lane() as lane:
            lane.claim()  # and dies
        self.spoil(job_id, "{")
        self.sql("UPDATE batch_chunk SET claimed_at = claimed_at - interval '1 hour' WHERE job_id = %s", job_id)
        self.assertOthersGoOn(job_id)

    def test_values_of_the_wrong_shape_that_can_not_even_be_stored_as_failures(self):
        ids = self.make_partners(2)
        data = [{"id": id_, "city": "x"} for id_ in ids]
        job_id = self.submit({"operation_type": "update", "model": "res.partner", "data": data})
        [chunk] = self.chunks(job_id)
        self.spoil(job_id, chunk["payload"].replace(f'[{ids[0]},{{"city":"x"}}]', "[]"))
        self.assertOthersGoOn(job_id)

    def test_a_driver_that_can_not_be_read_ends_its_job(self):
        job_id = self.submit(self.creates(2), rollback="job")
        self.spoil(job_id, "{")
        self.work()
        self.assertTrue(self.check_counters(job_id)["error"])

    def test_a_chunk_of_one_transaction_that_can_not_be_read(self):
        """It is set aside; the others, which were undone with it, have failed."""
        for payload in ("{", '{"items": [1]}'):
            with self.subTest(payload):
                job_id = self.submit(self.creates(3), self.creates(2), rollback="job", max_chunk_size=2)
                [_driver, _first, second, *_others] = self.chunks(job_id)
                self.sql("UPDATE batch_chunk SET payload = %s WHERE id = %s", payload, second["id"])
                job = self.assertOthersGoOn(job_id)
                self.assertEqual((job["failed_records"], job["cancelled_records"]), (5, 0))
                self.assertTrue(job["error"])
                self.delete_partners()

    def test_a_selection_that_can_not_be_read(self):
        job_id = self.submit({"operation_type": "delete", "model": "res.partner", "domain": [("ref", "=", self.mark)]})
        self.spoil(job_id, "{")
        self.assertOthersGoOn(job_id)


class TestBrokenRetries(OutlivesCase):
    logger = "odoo.addons.batch_executor.run.reopen"

    def retry(self, job_id, logged):
        """Retry a job and let it run to its end; returns its columns.

        :param int logged: how many chunks are told of as damaged
        """
        with self.assertLogs(self.logger, "ERROR") if logged else self.assertNoLogs(self.logger, "ERROR") as logs:
            self.call(job_id, "retry")
            self.work()
        if logged:
            self.assertEqual(len(logs.records), logged)
        return self.check_counters(job_id)

    def spoil_first(self, job_id, payload="{"):
        self.sql(
            "UPDATE batch_chunk SET payload = %s WHERE id = (SELECT min(id) FROM batch_chunk WHERE job_id = %s AND kind = 'records')",
            payload,
            job_id,
        )

    def test_a_cancelled_chunk_that_can_not_be_read_keeps_no_other_from_a_retry(self):
        for payload in ("{", '{"items": [1, 2], "operations": ["x", {}], "indexes": 0, "params": {}, "context": {}}'):
            with self.subTest(payload):
                operations = self.creates(4)["data"]
                job_id = self.submit(
                    *[{"operation_type": "create", "model": "res.partner", "data": [values]} for values in operations],
                    max_chunk_size=2,
                )
                self.call(job_id, "cancel")
                self.spoil_first(job_id, payload)
                for logged in (1, 0):
                    job = self.retry(job_id, logged)
                    self.assertEqual((job["state"], job["processed_records"], job["cancelled_records"]), ("partial", 2, 2))
                self.assertTrue(self.chunks(job_id)[0]["error"])
                self.delete_partners()

    def test_nor_does_one_that_has_failed(self):
        for options in ({}, {"rollback": "chunk"}):
            with self.subTest(**options):
                self.bad = True

                def probe(partners):
                    if self.bad:
                        raise UserError("bad")

                self.set_probe(probe)
                job_id = self.submit(self.probe(self.make_partners(4)), max_chunk_size=2, **options)
                self.work()
                self.spoil_first(job_id)
                self.bad = False
                for _ in range(2):
                    job = self.retry(job_id, 1)
                    self.assertEqual((job["state"], job["processed_records"], job["failed_records"]), ("partial", 2, 2))
                    self.assertEqual([failure["index"] for failure in self.failures(job_id)], [0, 1])
                with self.committed(self.user_id) as env, self.assertRaises(UserError):
                    env["batch.failure"].search([("job_id", "=", job_id)], limit=1).values = "1"
                self.delete_partners()

    def test_a_job_in_one_transaction_fails_as_a_whole_again(self):
        data = self.creates(4)["data"]
        data[0]["type"] = "nonsense"
        job_id = self.submit(
            {"operation_type": "create", "model": "res.partner", "data": data}, max_chunk_size=2, rollback="job"
        )
        self.work()
        self.spoil_first(job_id)
        for _ in range(2):
            job = self.retry(job_id, 0)
            self.assertTrue(job["error"])
            self.assertEqual(self.partners(), [])

    def spoil_a_failure(self, values, **options):
        """A job of three chunks whose retry takes three steps, and in the second one meets a failure with such values."""
        self.startPatcher(patch.object(reopen, "REOPENED_AT_ONCE", 1))
        self.bad = True

        def probe(partners):
            if self.bad and f"{self.mark}-2" in partners.mapped("ref"):
                raise UserError("bad")
            if self.bad and not options:
                raise UserError("bad")

        self.set_probe(probe)
        job_id = self.submit(self.probe(self.make_partners(6)), max_chunk_size=2, **options)
        self.work()
        self.sql('UPDATE batch_failure SET "values" = %s WHERE job_id = %s AND index = 2', values, job_id)
        self.bad = False
        return job_id

    def test_a_failure_that_can_not_be_read_keeps_no_other_from_a_retry(self):
        for values in (None, "{", "[" * 100_000):
            with self.subTest(values=values and values[:9]):
                job_id = self.spoil_a_failure(values)
                for _ in range(2):
                    job = self.retry(job_id, 1)
                    self.assertEqual((job["state"], job["processed_records"], job["failed_records"]), ("partial", 4, 2))
                    self.assertEqual([failure["index"] for failure in self.failures(job_id)], [2, 3])
                self.delete_partners()

    def test_in_a_job_in_one_transaction_its_record_runs_as_it_was_sent(self):
        for values in (None, "{", "[" * 100_000):
            with self.subTest(values=values and values[:9]):
                job_id = self.spoil_a_failure(values, rollback="job")
                job = self.retry(job_id, 0)
                self.assertEqual((job["state"], job["processed_records"]), ("completed", 6))
                self.delete_partners()


class TestBrokenJobs(OutlivesCase):
    def test_a_job_that_can_not_be_counted_is_put_off(self):
        job_id = self.submit(self.creates(2), priority=5)
        self.set_trigger("batch_job", f"IF NEW.id = {job_id} AND NEW.processed_records > 0 THEN RAISE 'no'; END IF;")
        good = self.submit(self.creates(3))
        self.work(seconds=20)
        self.assertEqual(self.job(good)["state"], "completed")
        job = self.job(job_id)
        self.assertEqual((job["state"], job["ready"]), ("running", False))
        self.assertTrue(job["wake_at"])
        self.sql(f"DROP FUNCTION test_{self.mark} CASCADE")
        self.sql("UPDATE batch_job SET wake_at = now() AT TIME ZONE 'UTC' WHERE id = %s", job_id)
        self.work()
        self.assertEqual(self.check_counters(job_id)["state"], "completed")


class TestLimits(OutlivesCase):
    def test_failures_of_the_last_run_do_not_stop_a_retry(self):
        data = [{"ref": f"{self.mark}-{number}"} for number in range(5)]
        bad = {"operation_type": "create", "model": "res.partner", "data": data}
        job_id = self.submit(bad, max_failures=0)
        self.work()
        with self.committed(self.user_id) as env:
            failure = env["batch.failure"].search([("job_id", "=", job_id)])[2]
            failure.values = failure.values.replace('"ref"', '"name":"mended","ref"')
            failure.action_retry()
        self.work()
        job = self.check_counters(job_id)
        self.assertEqual((job["processed_records"], job["failed_records"], job["cancelled_records"]), (1, 4, 0))


class TestClock(OutlivesCase):
    def test_a_clock_that_was_set_back_leaves_no_chunk_behind(self):
        job_id = self.submit(self.creates(2))
        with self.open_lane() as lane:
            lane.claim()  # and dies
        self.sql("UPDATE batch_chunk SET claimed_at = claimed_at + interval '1 hour' WHERE job_id = %s", job_id)
        self.work()
        self.assertEqual(self.check_counters(job_id)["state"], "completed")


class TestDisk(OutlivesCase):
    def test_the_end_of_a_job_waits_for_the_disk(self):
        self.sql(f"CREATE TABLE test_seen_{self.mark} (setting text)")
        self.addCleanup(self.sql, f"DROP TABLE test_seen_{self.mark}")
        self.set_trigger(
            "batch_job",
            f"""
            IF NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL THEN
                INSERT INTO test_seen_{self.mark} VALUES (current_setting('synchronous_commit'));
            END IF;
            """,
        )
        first, second = self.submit(self.creates(5), max_chunk_size=1), self.submit(self.creates(5), max_chunk_size=1)
        self.work()
        self.assertEqual([self.job(job_id)["state"] for job_id in (first, second)], ["completed"] * 2)
        self.assertEqual(self.sql(f"SELECT setting FROM test_seen_{self.mark}"), [("on",), ("on",)])


class TestListening(OutlivesCase):
    def test_a_connection_that_listens_never_goes_back_to_the_pool(self):
        with self.registry.cursor() as cr:
            cr.execute("LISTEN batch_executor")
            cr.commit()
            cr.execute("SAVEPOINT open_one")
            stop_listening(cr)
            cr.execute("SELECT count(*) FROM pg_listening_channels()")
            self.assertEqual(cr.fetchone(), (0,))

    def test_nor_does_one_after_an_error(self):
        lane = self.lane()
        connection = None
        try:
            with lane.connected():
                connection = lane.control.cr.connection
                lane.control.cr.execute("SELECT 1 / 0", log_exceptions=False)
        except Exception:  # noqa: BLE001  # what a lane may end with
            logging.getLogger(__name__).debug("as it should")
        self.assertTrue(connection.closed or not self._listens(connection))

    def _listens(self, connection):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_listening_channels()")
            return cursor.fetchone()[0]


class TestAlone(OutlivesCase):
    def test_chunks_of_one_job_do_not_fail_each_other(self):
        [shared] = self.make_partners(1)
        ids = self.make_partners(12, city="other")
        everybody = threading.Barrier(3)

        def probe(partners):
            # each reads before any writes, as long as there are three of them: all but one lose
            partners.browse(shared).read(["comment"])
            try:
                everybody.wait(0.5)
            except threading.BrokenBarrierError:
                everybody.reset()
            partners.browse(shared).comment = str(partners.ids)
            partners.city = "done"

        self.set_probe(probe)
        job_id = self.submit(self.probe(ids), max_chunk_size=3, retry_attempts=0)
        self.work(3)
        job = self.check_counters(job_id)
        self.assertEqual((job["state"], job["processed_records"]), ("completed", 12), self.failures(job_id)[:1])
        self.assertTrue(any(chunk["runs_alone"] for chunk in self.chunks(job_id)))

    def test_nothing_starts_beside_a_chunk_that_must_run_alone(self):
        job_id = self.submit(self.creates(6), max_chunk_size=2)
        with self.open_lane("a") as one, self.open_lane("b") as other:
            first = one.claim()
            self.sql(
                "UPDATE batch_chunk SET runs_alone = true WHERE id = (SELECT max(id) FROM batch_chunk WHERE job_id = %s)",
                job_id,
            )
            self.assertIsNone(other.control.claim_with_housekeeping(), "one is in flight, and another one must run alone")
            one.work_on(first)
            lonely = one.claim()
            self.assertTrue(lonely.runs_alone)
            self.assertIsNone(other.control.claim_with_housekeeping())
            one.work_on(lonely)
        self.work()
        self.assertEqual(self.check_counters(job_id)["state"], "completed")

    def test_one_that_loses_to_others_than_its_siblings_is_given_up_at_last(self):
        [id_] = self.make_partners(1)

        def probe(partners):
            partners.read(["city"])
            self.sql("UPDATE res_partner SET city = 'theirs' WHERE id = %s", id_)
            partners.city = "ours"

        self.set_probe(probe)
        job_id = self.submit(self.probe([id_]), self.creates(1), retry_attempts=1, max_chunk_size=1)
        self.work()
        [failure] = self.failures(job_id)
        self.assertEqual((failure["error_type"], failure["attempts"]), ("ConcurrencyError", 3))


class TestAction(OutlivesCase):
    def action(self, code):
        with self.committed() as env:
            model = env["ir.model"]._get_id("batch.job")
            action = env["ir.actions.server"].create(
                {"name": self.mark, "model_id": model, "state": "code", "code": code}
            )
            return action.id

    def callback(self, job_id):
        [chunk] = [chunk for chunk in self.chunks(job_id) if chunk["kind"] == "callback"]
        return chunk

    def test_it_runs_once_beside_lanes_that_have_nothing_to_do(self):
        # what it does to the job itself would be undone, and done again, were the job written meanwhile
        code = f"env.cr.execute('SELECT pg_sleep(1.5)')\nrecord.sudo().write({{'name': record.name + '{self.mark}'}})"
        action = self.action(code)
        job_id = self.submit(self.creates(2), on_complete=action, name="x")
        self.work(3)
        callback = self.callback(job_id)
        self.assertEqual((callback["state"], callback["attempt"], callback["error"]), ("done", 1, None))
        job = self.job(job_id)
        self.assertEqual(job["name"], f"x{self.mark}")
        self.assertTrue(job["called_back_at"])
        self.assertFalse(job["ready"])

    def test_one_that_takes_too_long_is_given_up_for_a_cancelled_job_as_well(self):
        action = self.action("env.cr.execute('SELECT pg_sleep(30)')")
        job_id = self.submit(
            self.creates(2), on_complete=action, timeout=0.3, retry_attempts=1, run_at="2100-01-01T00:00:00Z"
        )
        self.call(job_id, "cancel")
        started = time.monotonic()
        self.work()
        callback = self.callback(job_id)
        self.assertEqual((callback["state"], callback["attempt"]), ("done", 2))
        self.assertTrue(callback["error"])
        self.assertGreater(time.monotonic() - started, 0.6)
        self.assertEqual(self.job(job_id)["state"], "cancelled")

    def test_one_that_keeps_conflicting_is_given_up_for_a_cancelled_job_as_well(self):
        action = self.action("env.cr.execute(\"SELECT id FROM res_country WHERE code = 'BE' FOR UPDATE NOWAIT\")")
        job_id = self.submit(self.creates(2), on_complete=action, retry_attempts=1, run_at="2100-01-01T00:00:00Z")
        self.call(job_id, "cancel")
        with self.registry.cursor() as cr:
            cr.execute("SELECT id FROM res_country WHERE code = 'BE' FOR UPDATE")
            self.work()
        callback = self.callback(job_id)
        self.assertEqual((callback["state"], callback["attempt"]), ("done", 2))
        self.assertIn("given up after 2 attempts", callback["error"])
        job = self.job(job_id)
        self.assertEqual((job["state"], job["ready"], bool(job["called_back_at"])), ("cancelled", False, True))

    def test_it_waits_for_the_end_of_a_retry_that_comes_first(self):
        action = self.action("record.sudo().write({'name': record.name + record.state})")
        bad = {"operation_type": "create", "model": "res.partner", "data": [{"ref": f"{self.mark}-9"}]}
        job_id = self.submit(bad, on_complete=action, name="x")
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            with lane.control.transaction() as env:
                advance.advance(env, job_id)
        self.assertEqual(self.callback(job_id)["state"], "pending")
        self.call(job_id, "retry")
        self.work()
        self.assertEqual(self.callback(job_id)["attempt"], 1)
        self.assertTrue(self.job(job_id)["name"].endswith("failed"))


class TestSignals(OutlivesCase):
    def test_whoever_sees_a_change_has_been_told_of_it(self):
        """At the moment a chunk is committed, what it has changed of rights and rules is announced as well."""
        seen = []

        def probe(partners):
            partners.env.registry.clear_cache()
            before = self.last_signal()
            partners.env.cr.postcommit.add(lambda: seen.append(self.last_signal() - before))

        self.set_probe(probe)
        self.submit(self.probe(self.make_partners(1)))
        self.work()
        self.assertEqual(seen, [1])

    def test_what_a_hook_changes_after_the_commit_is_told_as_well(self):
        def probe(partners):
            partners.env.cr.postcommit.add(partners.env.registry.clear_cache)

        self.set_probe(probe)
        self.submit(self.probe(self.make_partners(1)))
        before = self.last_signal()
        self.work()
        self.assertEqual(self.last_signal(), before + 1)

    def test_numbers_are_seen_in_their_order(self):
        """A number that is seen before a lower one would hide what the lower one stands for."""
        signals = Lane(self.registry, "x", lambda: 1).control.signals
        self.registry.clear_cache()
        self.addCleanup(self.registry.reset_changes)
        with self.registry.cursor() as cr:
            signals.announce(cr)
            with self.in_threads(1) as pool:
                other = pool.submit(self.sql, "INSERT INTO orm_signaling_default DEFAULT VALUES RETURNING id")
                self.wait_until(self.blocked_backends, what="the other one to wait")
                cr.commit()
                [(number,)] = other.result(10)
        signals.after_commit()
        self.assertEqual(number, self.last_signal())
        self.assertNotEqual(signals.known[1 + signals.names.index("default")], number, "the other one's is still news")

    def test_what_is_let_go_on_by_a_count_is_taken_with_what_was_announced_before(self):
        """The end of what it waits for is committed between the look for news and the count of what has ended."""
        ids = self.make_partners(2)
        self.set_probe(lambda partners: None)
        job_id = self.submit(
            {**self.probe(ids[:1]), "operation_id": "first"}, {**self.probe(ids[1:]), "depends_on": ["first"]}
        )
        with self.open_lane("a") as one, self.open_lane("b") as other:
            first = one.claim()
            original = advance.count

            def count(*args):
                if not ended:
                    ended.append(True)
                    one.work_on(first)
                    self.sql("INSERT INTO orm_signaling_default DEFAULT VALUES")
                return original(*args)

            ended = []
            self.patch(advance, "count", count)
            self.sql("UPDATE batch_job SET progress_at = NULL, started_at = started_at - interval '1 hour' WHERE id = %s", job_id)
            other.control.signals.apply(other.control.cr)
            before = other.control.signals.known
            second = other.control.claim_with_housekeeping()
            self.assertTrue(ended)
            self.assertEqual(second.payload.items, ids[1:])
            self.assertNotEqual(other.control.signals.known, before, "it was taken before they were applied")
            other.work_on(second)
        self.work()

    def last_signal(self):
        [(number,)] = self.sql("SELECT coalesce(max(id), 0) FROM orm_signaling_default")
        return number


class TestLaneCount(OutlivesCase):
    def test_a_lane_that_was_running_is_put_to_sleep_later(self):
        with self.committed() as env:
            lanes = env["ir.cron"]._batch_lanes()
            count = len(lanes)
            last = lanes[-1].id
        self.addCleanup(self._set_lanes, count)
        with self.registry.cursor() as running:
            running.execute("SELECT id FROM ir_cron WHERE id = %s FOR NO KEY UPDATE", [last])
            self._set_lanes(count - 1)
            self.assertIn(last, self._active())
        with self.committed() as env:
            stay = retire_lanes(env, count - 1)
            self.assertNotIn(last, stay.ids)
        self.assertNotIn(last, self._active())

    def _set_lanes(self, count):
        with self.committed() as env:
            set_lane_count(env, count)

    def _active(self):
        with self.committed() as env:
            return env["ir.cron"]._batch_lanes().ids
