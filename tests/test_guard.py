"""Code that would end the transaction of its chunk, or leaves its session changed: by the cursor, and past it."""

import io
import threading
import time
from contextlib import suppress

from psycopg2.extensions import AsIs
from psycopg2.extras import execute_values
from psycopg2.sql import SQL as Composed
from psycopg2.sql import Identifier

from odoo import api
from odoo.sql_db import Cursor
from odoo.tools import SQL, mute_logger

from odoo.addons.batch_executor.exceptions import BatchExecutionError

from .case import PATIENCE_S
from .lane_case import LaneCase

ENDED = "TransactionControlError"
#: Ways to end the transaction that the cursor refuses.
REFUSED = {
    "commit": lambda cr: cr.commit(),
    "rollback": lambda cr: cr.rollback(),
    "close": lambda cr: cr.close(),
    "with": lambda cr: cr.__exit__(None, None, None),
    "text": lambda cr: cr.execute("COMMIT"),
    "commented": lambda cr: cr.execute("SELECT 1; /* c */ COMMIT"),
    "bytes": lambda cr: cr.execute(b"/**/ COMMIT"),
    "subclass": lambda cr: cr.execute(type("Text", (str,), {"startswith": lambda *_: True})("COMMIT")),
    "sql": lambda cr: cr.execute(SQL("SELECT %s; COMMIT", 1)),
    "composed": lambda cr: cr.execute(Composed("SELECT 1 AS {}; COMMIT").format(Identifier("; a"))),
    "many": lambda cr: cr.executemany("COMMIT", [()]),
    "values": lambda cr: execute_values(cr, "SELECT 1 FROM (VALUES %s) AS v; COMMIT", [(1,)]),
    "copy": lambda cr: cr.copy_expert("COMMIT", io.StringIO()),
    "begin": lambda cr: cr.execute("BEGIN"),
    "abort": lambda cr: cr.execute("ABORT"),
    "prepare": lambda cr: cr.execute("PREPARE TRANSACTION 'x'"),
    "our savepoint": lambda cr: cr.execute(f'ROLLBACK TO SAVEPOINT "{our_savepoint(cr)}"'),
    "our release": lambda cr: cr.execute(f'RELEASE "{our_savepoint(cr)}"'),
}
#: Ways to commit that go past it.
COMMITS = {
    "connection": lambda cr: cr._cnx.commit(),
    "raw cursor": lambda cr: cr._obj.execute("COMMIT"),
    "other cursor": lambda cr: cr._cnx.cursor().execute("COMMIT"),
    "class": lambda cr: Cursor.commit(cr),
    "parameter": lambda cr: cr.execute("%s", [AsIs("COMMIT")]),
    "begins another": lambda cr: cr._obj.execute("COMMIT; BEGIN"),
    "and goes on": lambda cr: (cr._cnx.commit(), cr._obj.execute("SELECT 1")),
    "and is told": lambda cr: (cr._cnx.commit(), cr.execute("SELECT 1")),
    "and hides it": lambda cr: (cr._cnx.commit(), swallowed(cr.execute, "SELECT 1"), cr._obj.execute("SELECT 1")),
    "and fails": lambda cr: (cr._cnx.commit(), 1 / 0),
}
#: Ways past it to end the transaction without a commit.
UNDOES = {
    "connection": lambda cr: cr._cnx.rollback(),
    "raw cursor": lambda cr: cr._obj.execute("ROLLBACK"),
    "begins another": lambda cr: cr._obj.execute("ROLLBACK; BEGIN"),
    "isolation": lambda cr: cr._cnx.set_isolation_level(1),
    "our savepoint": lambda cr: cr._obj.execute(f'RELEASE "{our_savepoint(cr)}"'),
    "closed cursor": lambda cr: cr._obj.close(),
    "closed connection": lambda cr: cr._cnx.close(),
    "class": lambda cr: Cursor.rollback(cr),
}
#: What code may do to its session.
SETTINGS = {
    "search path": "SET search_path TO pg_catalog",
    "time limit": "SET statement_timeout TO '1ms'",
    "lock limit": "SET LOCAL lock_timeout TO '7s'",
    "role": "SET LOCAL ROLE pg_monitor",
    "function": "SELECT set_config('statement_timeout', '1ms', false)",
    "all": "RESET ALL",
}


def our_savepoint(cr):
    """The name of the savepoint that user code finds itself in: nothing has been asked since it was made."""
    name = cr._obj.query.decode().partition('SAVEPOINT "')[2].rstrip('"')
    assert name, "the last query was no savepoint"
    return name


def swallowed(function, *args):
    with suppress(Exception):
        function(*args)


class GuardCase(LaneCase):
    def setUp(self):
        super().setUp()
        self.ids = self.make_partners(8, color=0)
        self.bad = self.ids[5]

    def run_bad(self, way, **options):
        """Run a probe on eight partners that counts in `color`, and for one of them does something to the cursor.

        Of several records that one fails before, so that it stands alone when it does.
        """

        def probe(partners):
            cr = partners.env.cr
            if self.bad in partners.ids:
                if len(partners) > 1:
                    raise ValueError("not together")
                way(cr)
            cr.execute("UPDATE res_partner SET color = color + 1 WHERE id IN %s", [partners._ids])

        self.set_probe(probe)
        job = self.submit(self.probe(self.ids), **options)
        with mute_logger("odoo.addons.batch_executor.run.rescue"):
            self.work()
        return job

    def colors(self, ids):
        return [color for (color,) in self.sql("SELECT color FROM res_partner WHERE id = ANY(%s) ORDER BY id", ids)]

    def assert_only_the_bad_one_failed(self, job, error_type=ENDED):
        done = self.check_counters(job)
        self.assertEqual((done["processed_records"], done["failed_records"]), (7, 1))
        [failure] = self.failures(job)
        self.assertEqual((failure["record_id"], failure["error_type"]), (self.bad, error_type))
        self.assertEqual(self.colors([id_ for id_ in self.ids if id_ != self.bad]), [1] * 7, "once each")
        return failure


class TestRefused(GuardCase):
    def test_the_cursor_refuses_to_end_the_transaction_whichever_way_it_is_asked(self):
        for name, way in REFUSED.items():
            for swallow in (False, True):
                with self.subTest(way=name, swallow=swallow):
                    self.sql("UPDATE res_partner SET color = 0 WHERE id = ANY(%s)", self.ids)
                    job = self.run_bad(lambda cr, way=way: swallowed(way, cr) if swallow else way(cr))  # noqa: B023
                    failure = self.assert_only_the_bad_one_failed(job)
                    self.assertIn("tried to commit or roll back", failure["error"])
                    self.assertEqual(self.colors([self.bad]), [0])

    def test_savepoints_of_its_own_are_the_codes_own(self):
        def way(cr):
            with cr.savepoint(), suppress(ZeroDivisionError), cr.savepoint(flush=False):
                1 / 0  # noqa: B018
            cr.execute("SAVEPOINT Mine; SAVEPOINT mine; RELEASE MINE; ROLLBACK TO SAVEPOINT mine")
            cr.execute('RELEASE /* it */ "mine"')
            cr.execute("DO $$ BEGIN PERFORM 1; END $$; SELECT '; COMMIT'")

        job = self.run_bad(way)
        self.assertEqual(self.check_counters(job)["state"], "completed")
        self.assertEqual(self.colors(self.ids), [1] * 8)


class TestCommittedBehindOurBack(GuardCase):
    def test_what_may_have_been_committed_is_not_run_again_and_the_others_are_run_once(self):
        for name, way in COMMITS.items():
            with self.subTest(way=name):
                self.sql("UPDATE res_partner SET color = 0 WHERE id = ANY(%s)", self.ids)
                runs = []

                def bad(cr, way=way, runs=runs):
                    runs.append(1)
                    cr.execute("UPDATE res_partner SET color = color + 1 WHERE id = %s", [self.bad])
                    way(cr)

                failure = self.assert_only_the_bad_one_failed(self.run_bad(bad))
                self.assertIn("may have been committed", failure["error"])
                self.assertEqual(runs, [1])
                self.assertEqual(self.colors([self.bad]), [1], "as its code has left it")

    def test_where_the_others_cannot_be_settled_any_more_all_have_failed(self):
        runs = []
        job = self.run_bad(lambda cr: (runs.append(1), cr._cnx.commit(), cr._cnx.close()))
        self.assertEqual(self.check_counters(job)["failed_records"], 8)
        self.assertEqual({failure["error_type"] for failure in self.failures(job)}, {ENDED})
        self.assertEqual(runs, [1])
        self.assertLess(max(self.colors(self.ids)), 2)

    def test_no_other_lane_takes_the_chunk_for_abandoned_meanwhile(self):
        runs = []

        def way(cr):
            runs.append(1)
            time.sleep(2.5)  # longer than a claim is given before its chunk may be an orphan
            cr._cnx.commit()
            time.sleep(2.5)

        with self.in_threads() as pool:
            other = self.lane("other", 20)
            stop = threading.Event()

            def look():
                with other.connected():
                    while not stop.wait(0.1):
                        other.control.looked_around_at = 0.0
                        other.control.look_around()

            looking = pool.submit(look)
            try:
                job = self.run_bad(way)
            finally:
                stop.set()
            looking.result(PATIENCE_S)
        self.assert_only_the_bad_one_failed(job)
        self.assertEqual(runs, [1])

    def test_a_job_of_one_transaction_fails_with_what_happened(self):
        for options in ({"rollback": "job"}, {"rollback": "chunk"}, {"dry_run": True}):
            with self.subTest(**options):
                runs = []
                job = self.run_bad(lambda cr, runs=runs: (runs.append(1), cr._cnx.commit()), **options)
                done = self.check_counters(job)
                self.assertEqual(done["failed_records"], 8)
                self.assertEqual(runs, [1])
                self.assertIn("may have been committed", self.call(job, "result")["results"][0]["error"])

    def test_inline_it_ends_the_execution_with_what_happened(self):
        self.set_probe(lambda partners: partners.env.cr._cnx.commit())
        with self.registry.cursor() as cr:
            env = api.Environment(cr, self.user_id, {})
            with self.assertRaisesRegex(BatchExecutionError, "may have been committed"):
                env["batch.job"].execute([self.probe(self.ids)])
            cr.rollback()


class TestUndoneBehindOurBack(GuardCase):
    def test_the_others_are_run_without_the_culprit(self):
        for name, way in UNDOES.items():
            with self.subTest(way=name):
                self.sql("UPDATE res_partner SET color = 0 WHERE id = ANY(%s)", self.ids)
                self.assert_only_the_bad_one_failed(self.run_bad(way))
                self.assertEqual(self.colors([self.bad]), [0])

    def test_a_job_of_one_transaction_fails_as_a_whole(self):
        job = self.run_bad(lambda cr: cr._cnx.rollback(), rollback="job")
        self.assertEqual(self.check_counters(job)["failed_records"], 8)
        self.assertEqual(self.colors(self.ids), [0] * 8)

    def test_code_that_goes_on_in_a_failed_transaction_has_failed_with_the_error_that_failed_it(self):
        for name, way in {
            "cursor": lambda cr: swallowed(cr.execute, "SELECT 1/0"),
            "raw cursor": lambda cr: swallowed(cr._obj.execute, "SELECT 1/0"),
        }.items():
            with self.subTest(way=name):
                self.sql("UPDATE res_partner SET color = 0 WHERE id = ANY(%s)", self.ids)

                def probe(partners, way=way):
                    cr = partners.env.cr
                    if self.bad in partners.ids:
                        way(cr)
                        return
                    cr.execute("UPDATE res_partner SET color = color + 1 WHERE id IN %s", [partners._ids])

                self.set_probe(probe)
                job = self.submit(self.probe(self.ids))
                self.work()
                error_type = "ValueError" if name == "cursor" else "InFailedSqlTransaction"
                self.assert_only_the_bad_one_failed(job, error_type)


class TestSettings(GuardCase):
    def test_what_code_sets_lasts_as_long_as_the_code(self):
        for name, statement in SETTINGS.items():
            with self.subTest(setting=name):
                self.sql("UPDATE res_partner SET color = 0 WHERE id = ANY(%s)", self.ids)
                seen = []

                def probe(partners, statement=statement, seen=seen):
                    cr = partners.env.cr
                    cr.execute(
                        "SELECT current_setting('search_path'), current_setting('statement_timeout'),"
                        " current_setting('lock_timeout'), current_user"
                    )
                    seen.append(cr.fetchone())
                    if self.bad in partners.ids and len(partners) > 1:
                        raise ValueError("not together")
                    cr.execute(
                        "UPDATE public.res_partner SET color = color + 1 WHERE id IN %s RETURNING id", [partners._ids]
                    )
                    if self.bad in partners.ids:
                        cr.execute(statement)

                self.set_probe(probe)
                job = self.submit(self.probe(self.ids), max_chunk_size=8)
                self.work()
                self.assertEqual(self.check_counters(job)["state"], "completed")
                self.assertEqual(self.colors(self.ids), [1] * 8)
                self.assertEqual(len(set(seen)), 1, "each found the session as it was at first")

    def test_what_cannot_be_taken_back_is_a_failure(self):
        for statement in ("SET TRANSACTION READ ONLY", "SET transaction_read_only TO on"):
            with self.subTest(statement=statement):
                self.sql("UPDATE res_partner SET color = 0 WHERE id = ANY(%s)", self.ids)

                def probe(partners, statement=statement):
                    cr = partners.env.cr
                    cr.execute("UPDATE res_partner SET color = color + 1 WHERE id IN %s", [partners._ids])
                    if self.bad in partners.ids:
                        cr.execute(statement)

                self.set_probe(probe)
                job = self.submit(self.probe(self.ids))
                self.work()
                done = self.check_counters(job)
                self.assertEqual((done["processed_records"], done["failed_records"]), (7, 1))
                self.assertEqual(self.colors(self.ids), [1, 1, 1, 1, 1, 0, 1, 1])


class TestShutdown(GuardCase):
    def test_an_interrupt_of_the_main_thread_ends_the_lane_and_the_chunk_is_found_again(self):
        self.assertIs(threading.current_thread(), threading.main_thread())
        runs = []

        def probe(partners):
            runs.append(len(partners))
            partners.write({"city": self.mark})
            partners.flush_recordset()
            if len(runs) == 1:
                raise KeyboardInterrupt

        self.set_probe(probe)
        job = self.submit(self.probe(self.ids))
        with self.assertRaises(KeyboardInterrupt):
            self.lane().run()
        self.assertEqual(runs, [8], "nothing was isolated")
        self.assertFalse(self.sql("SELECT 1 FROM res_partner WHERE city = %s", self.mark))
        with mute_logger("odoo.addons.batch_executor.run.rescue"):
            self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 8)

    def test_in_another_thread_it_can_only_be_the_codes_own_and_is_its_failure(self):
        def way(_cr):
            raise KeyboardInterrupt("not now")

        with self.in_threads() as pool:
            job = pool.submit(self.run_bad, way).result(PATIENCE_S)
        failure = self.assert_only_the_bad_one_failed(job, "KeyboardInterrupt")
        self.assertEqual(failure["error"], "not now")
