"""Nothing is lost and nothing is done twice when connections, workers or rights go away in mid-work."""

import time
from unittest.mock import patch

import psycopg2
from psycopg2.pool import PoolError

from odoo.exceptions import UserError
from odoo.tests.common import BaseCase
from odoo.tools import mute_logger

from odoo.addons.batch_executor.engine.verdict import CONFLICT
from odoo.addons.batch_executor.exceptions import TransactionControlError
from odoo.addons.batch_executor.run.interruption import interruption_of

from .case import PATIENCE_S
from .lane_case import LaneCase

LANE_LOG = "odoo.addons.batch_executor.run.lane"
RESCUE_LOG = "odoo.addons.batch_executor.run.rescue"


def raise_sqlstate(partners, state):
    partners.env.cr.execute(f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$")


class TestInterruptionOf(BaseCase):
    def test_what_a_lost_connection_looks_like_is_known_in_all_its_forms(self):
        errors = [
            psycopg2.OperationalError("server closed the connection unexpectedly"),
            psycopg2.InterfaceError("connection already closed"),
            # as psycopg2 has it where libpq says so in the middle of an answer
            psycopg2.DatabaseError("server closed the connection unexpectedly"),
            psycopg2.errors.AdminShutdown(),
            psycopg2.errors.CrashShutdown(),
            psycopg2.errors.CannotConnectNow(),
            PoolError("The Connection Pool Is Full"),
        ]
        for error in errors:
            with self.subTest(error=repr(error)):
                self.assertEqual(interruption_of(error), CONFLICT)

    def test_errors_of_the_data_are_no_interruption(self):
        for error in (
            psycopg2.errors.UniqueViolation(),
            psycopg2.DataError(),
            psycopg2.ProgrammingError(),
            ValueError(),
        ):
            with self.subTest(error=repr(error)):
                self.assertIsNone(interruption_of(error))


class TestTransientFailures(LaneCase):
    def test_conflicts_are_retried_until_they_are_over(self):
        for state in ("40001", "40P01", "55P03"):
            with self.subTest(state=state):
                calls = []

                def probe(partners, state=state, calls=calls):
                    calls.append(len(partners))
                    partners.write({"city": state})
                    if len(calls) < 3:
                        raise_sqlstate(partners, state)

                self.set_probe(probe)
                ids = self.make_partners(5)
                job = self.submit(self.probe(ids))
                self.work()
                self.assertEqual(self.check_counters(job)["state"], "completed")
                self.assertEqual(calls, [5, 5, 5])
                self.assertEqual(self.chunks(job)[0]["attempt"], 3)

    def test_a_conflict_without_end_fails_the_records_after_its_retries(self):
        calls = []
        self.set_probe(lambda partners: calls.append(1) or raise_sqlstate(partners, "40001"))
        job = self.submit(self.probe(self.make_partners(3)), retry_attempts=2)
        self.work()
        self.assertEqual(self.check_counters(job)["failed_records"], 3)
        self.assertEqual(len(calls), 3)
        self.assertEqual({(f["error_type"], f["attempts"]) for f in self.failures(job)}, {("ConcurrencyError", 3)})

    def test_a_lost_connection_is_a_transient_failure(self):
        calls = []

        def probe(partners):
            partners.write({"city": self.mark})
            partners.flush_recordset()
            calls.append(1)
            if len(calls) == 1:
                partners.env.cr.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        self.set_probe(probe)
        job = self.submit(self.probe(self.make_partners(4)))
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 4)
        self.assertEqual(len(calls), 2)

    def test_a_conflict_stays_one_when_code_wraps_it(self):
        def wrapped(partners):
            try:
                raise_sqlstate(partners, "55P03")
            except psycopg2.Error:
                raise UserError("somebody has locked it")  # noqa: B904

        def chained(partners):
            try:
                raise_sqlstate(partners, "40001")
            except psycopg2.Error as error:
                raise ValueError("no luck") from error

        for probe in (wrapped, chained):
            with self.subTest(probe=probe.__name__):
                self.set_probe(probe)
                job = self.submit(self.probe(self.make_partners(1)), retry_attempts=1)
                self.work()
                [failure] = self.failures(job)
                self.assertEqual((failure["error_type"], failure["attempts"]), ("ConcurrencyError", 2))

    def test_an_error_after_a_lock_that_was_given_up_is_an_error_of_its_own(self):
        def probe(partners):
            try:
                with partners.env.cr.savepoint():
                    raise_sqlstate(partners, "55P03")
            except psycopg2.Error:
                partners.write({"type": "nonsense"})

        self.set_probe(probe)
        job = self.submit(self.probe(self.make_partners(2)))
        self.work()
        self.assertEqual({(f["error_type"], f["attempts"]) for f in self.failures(job)}, {("ValueError", 1)})

    def test_a_conflict_inside_an_import_is_retried_though_the_import_hides_it(self):
        self.sql("CREATE SEQUENCE batch_conflicts")
        self.addCleanup(self.sql, "DROP SEQUENCE batch_conflicts")
        self.addCleanup(self.sql, "DROP FUNCTION batch_conflict() CASCADE")
        # a sequence counts on, even where its transaction is rolled back
        self.sql(
            "CREATE FUNCTION batch_conflict() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
            " IF nextval('batch_conflicts') <= 3 THEN RAISE SQLSTATE '40001'; END IF; RETURN NEW; END$$"
        )
        self.sql(
            "CREATE TRIGGER batch_conflict BEFORE INSERT ON res_partner FOR EACH ROW WHEN (NEW.ref LIKE %s) EXECUTE FUNCTION batch_conflict()",
            f"{self.mark}%",
        )
        rows = [["one", f"{self.mark}-1"]]
        job = self.submit({"operation_type": "load", "model": "res.partner", "fields": ["name", "ref"], "data": rows})
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 1)
        self.assertEqual(len(self.partners()), 1)


class TestLostWorkers(LaneCase):
    def abandon_claim(self, seconds=10):
        """Claim a chunk as a worker would that dies right after; returns the claim."""
        with self.open_lane("dead") as lane:
            claim = lane.claim()
        self.sql(
            "UPDATE batch_chunk SET claimed_at = claimed_at - %s * interval '1 second' WHERE id = %s",
            seconds,
            claim.chunk_id,
        )
        return claim

    def test_an_orphan_is_taken_again_in_halves_and_nothing_is_done_twice(self):
        job = self.submit(self.creates(10))
        self.abandon_claim()
        with mute_logger(RESCUE_LOG):
            self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 10)
        self.assertEqual(sorted(number for number, _id in self.partners()), list(range(10)))
        self.assertEqual(sorted(chunk["record_count"] for chunk in self.chunks(job)), [5, 5])

    def test_a_lane_that_is_waiting_finds_an_orphan_within_seconds(self):
        job = self.submit(self.creates(2))
        self.abandon_claim(seconds=0)
        started = time.monotonic()
        with mute_logger(RESCUE_LOG):
            self.work()
        self.assertLess(time.monotonic() - started, PATIENCE_S / 2)  # Odoo's next look is a minute off
        self.assertEqual(self.check_counters(job)["processed_records"], 2)

    def test_a_record_that_keeps_killing_its_worker_stands_alone_and_fails(self):
        data = self.creates(8)["data"]
        job = self.submit({"operation_type": "create", "model": "res.partner", "data": data}, retry_attempts=2)
        kills = 0
        with mute_logger(RESCUE_LOG), self.open_lane() as lane:
            for _ in range(40):
                lane.control.looked_around_at = 0.0
                if (claim := lane.claim()) is None:
                    break
                if any(item["ref"] == f"{self.mark}-5" for item in claim.payload.items):
                    kills += 1  # nobody runs it: its worker is dead
                    self.sql(
                        "UPDATE batch_chunk SET claimed_at = claimed_at - interval '1 hour' WHERE id = %s",
                        claim.chunk_id,
                    )
                else:
                    lane.work_on(claim)
        self.assertEqual(kills, 3 + 3)  # halved three times, then one attempt and two more
        done = self.check_counters(job)
        self.assertEqual((done["processed_records"], done["failed_records"]), (7, 1))
        [failure] = self.failures(job)
        self.assertEqual((failure["index"], failure["error_type"], failure["attempts"]), (5, "WorkerLostError", 3))
        self.assertNotIn(5, [number for number, _id in self.partners()])

    def test_a_lost_driver_runs_its_job_again_as_a_whole(self):
        job = self.submit(self.creates(6), rollback="job", max_chunk_size=2)
        self.abandon_claim()
        with mute_logger(RESCUE_LOG):
            self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 6)

    def test_a_lane_that_loses_all_its_connections_ends_cleanly_and_the_next_one_goes_on(self):
        calls = []

        def probe(partners):
            calls.append(1)
            if len(calls) == 1:
                with self.registry.cursor() as cr, mute_logger("odoo.sql_db"):
                    # as when PostgreSQL restarts: the connection of the work and that of the lane itself
                    cr.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )

        self.set_probe(probe)
        job = self.submit(self.probe(self.make_partners(4)), max_chunk_size=4)
        with self.assertLogs(LANE_LOG, "WARNING"):
            self.assertTrue(self.lane().run(), "the lane must come back")
        with mute_logger(RESCUE_LOG):
            self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 4)

    def test_a_commit_whose_answer_was_lost_counts_once(self):
        job = self.submit(self.creates(3))
        with self.open_lane() as lane:
            claim = lane.claim()
            with patch.object(
                lane.registry, "signal_changes", side_effect=psycopg2.OperationalError("server closed the connection")
            ):
                lane.work_on(claim)
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 3)
        self.assertEqual(len(self.partners()), 3)


class TestOwnMistakes(LaneCase):
    def test_code_that_ends_the_transaction_fails_its_records_and_leaves_nothing(self):
        def commit(partners):
            partners.env.cr.commit()

        def rollback(partners):
            partners.env.cr.rollback()

        def sql(partners):
            partners.env.cr.execute("/* now */ COMMIT")

        def hidden(partners):
            partners.env.cr.execute("SELECT 1; COMMIT; SELECT 'a;b'")

        def swallowed(partners):
            try:
                partners.env.cr.rollback()
            except Exception:  # noqa: BLE001
                partners.env.cr.execute("SELECT 1")

        for end in (commit, rollback, sql, hidden, swallowed):
            with self.subTest(end=end.__name__):

                def probe(partners, end=end):
                    partners.write({"city": "half done"})
                    partners.flush_recordset()
                    if 2 in [int(ref.rpartition("-")[2]) for ref in partners.mapped("ref")]:
                        end(partners)

                self.set_probe(probe)
                ids = self.make_partners(4)
                job = self.submit(self.probe(ids))
                self.work()
                done = self.check_counters(job)
                self.assertEqual((done["processed_records"], done["failed_records"]), (3, 1))
                [failure] = self.failures(job)
                self.assertEqual(
                    (failure["record_id"], failure["error_type"]), (ids[2], TransactionControlError.__name__)
                )
                self.assertFalse(self.sql("SELECT 1 FROM res_partner WHERE id = %s AND city = 'half done'", ids[2]))

    def test_a_commit_behind_our_back_fails_the_chunk_and_runs_nothing_twice(self):
        calls = []

        def probe(partners):
            calls.append(len(partners))
            partners.env.cr._cnx.commit()

        self.set_probe(probe)
        job = self.submit(self.probe(self.make_partners(4)))
        self.work()
        self.assertEqual(self.check_counters(job)["failed_records"], 4)
        self.assertEqual({f["error_type"] for f in self.failures(job)}, {TransactionControlError.__name__})
        self.assertEqual(calls, [4])

    def test_texts_that_only_look_like_a_commit_are_let_through(self):
        def probe(partners):
            partners.env.cr.execute("SELECT '; commit'; -- ; rollback\nSELECT 1")
            partners.env.cr.execute('SELECT 1 AS "; end"')
            with partners.env.cr.savepoint():
                partners.env.cr.execute("SELECT 1")

        self.set_probe(probe)
        job = self.submit(self.probe(self.make_partners(1)))
        self.work()
        self.assertEqual(self.check_counters(job)["state"], "completed")

    def test_a_model_that_disappears_fails_its_records_and_not_the_lane(self):
        others = self.creates(2)
        gone = self.submit(self.creates(2))
        self.sql("UPDATE batch_chunk SET model = 'no.such.model' WHERE job_id = %s", gone)
        job = self.submit(others)
        self.work()
        self.assertEqual(self.check_counters(gone)["failed_records"], 2)
        self.assertEqual({f["error_type"] for f in self.failures(gone)}, {"MissingModelError"})
        self.assertEqual(self.check_counters(job)["processed_records"], 2)

    def test_a_model_that_disappears_is_named_also_where_a_domain_was_to_find_its_records(self):
        ids = self.make_partners(2)
        by_domain = {"operation_type": "update", "model": "res.partner", "data": {"city": "x"}, "domain": [["id", "in", ids]]}
        jobs = [self.submit({**by_domain, **keys}, **options) for keys in ({}, {"group_by": "parent_id"}) for options in ({}, {"rollback": "job"}, {"dry_run": True})]
        self.sql("UPDATE batch_chunk SET model = 'no.such.model' WHERE kind <> 'atomic' AND job_id = ANY(%s)", jobs)
        self.work()
        for job in jobs:
            self.assertEqual(self.check_counters(job)["failed_records"], 1)
            [failure] = self.failures(job)
            self.assertEqual((failure["error_type"], failure["error"]), ("MissingModelError", "The model 'no.such.model' no longer exists."))

    def test_a_field_that_disappears_is_named_as_by_a_create(self):
        ids, rows = self.make_partners(2), self.creates(2)["data"]
        update = {"operation_type": "update", "model": "res.partner"}
        upsert = {"operation_type": "upsert", "model": "res.partner"}
        operations = [
            self.creates(2),
            {**update, "record_ids": ids, "data": {"ref": "x"}},
            {**update, "record_ids": ids, "data": {"ref": "x", "category_id": [[0, 0, {"name": self.mark}]]}},
            {**update, "data": [{"id": id_, "ref": str(id_)} for id_ in ids]},
            {**upsert, "key": ["ref"], "data": rows},
            {**upsert, "key": ["name"], "data": rows},
            {**upsert, "key": ["name"], "data": [{**row, "name": self.mark + row["name"]} for row in rows]},
        ]
        for options in ({}, {"track_changes": True, "skip_unchanged": True}):
            jobs = [self.submit(operation, **options) for operation in operations]
            self.sql("UPDATE batch_chunk SET payload = replace(payload, '\"ref\"', '\"gone\"') WHERE job_id = ANY(%s)", jobs)
            self.work()
            for job, operation in zip(jobs, operations, strict=True):
                with self.subTest(operation=operation, **options):
                    self.assertEqual(self.check_counters(job)["failed_records"], 2)
                    told = {(failure["error_type"], failure["error"]) for failure in self.failures(job)}
                    self.assertEqual(told, {("ValueError", "Invalid field 'gone' in 'res.partner'")})

    def test_a_field_that_disappears_fails_those_alone_that_set_it(self):
        ids = self.make_partners(3)
        data = [{"id": id_, **({"ref": "x"} if id_ == ids[1] else {"city": "y"})} for id_ in ids]
        job = self.submit({"operation_type": "update", "model": "res.partner", "data": data})
        self.sql("UPDATE batch_chunk SET payload = replace(payload, '\"ref\"', '\"gone\"') WHERE job_id = %s", job)
        self.work()
        self.assertEqual([failure["index"] for failure in self.failures(job)], [1])
        self.assertEqual([city for _number, city in self.partners("city")], ["y", None, "y"])

    def test_a_field_that_disappears_fails_its_records_and_not_the_lane(self):
        upsert = {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": self.creates(2)["data"]}
        jobs = [self.submit(self.creates(2)), self.submit(upsert)]
        self.sql(
            "UPDATE batch_chunk SET payload = replace(payload, '\"ref\"', '\"gone\"') WHERE job_id = ANY(%s)", jobs
        )
        self.work()
        for job in jobs:
            self.assertEqual(self.check_counters(job)["failed_records"], 2)
            self.assertNotEqual({f["error_type"] for f in self.failures(job)}, {"InternalError"})

    def test_a_chunk_that_cannot_be_read_fails_and_the_lane_goes_on(self):
        broken, job = self.submit(self.creates(2)), self.submit(self.creates(2))
        # the handler of this type does not exist
        self.sql("UPDATE batch_chunk SET operation_type = 'nonsense' WHERE job_id = %s", broken)
        self.work()
        self.assertEqual(self.check_counters(broken)["failed_records"], 2)
        self.assertEqual(self.check_counters(job)["processed_records"], 2)
