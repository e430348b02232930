"""The work of all chunks of a lane is done on one connection: nothing of a chunk's session may reach the next."""

from .lane_case import LaneCase

#: Each fails, or is seen, where a chunk before has left it.
LEFT_BEHIND = (
    "PREPARE batch_left AS SELECT 1",
    "CREATE TEMPORARY TABLE batch_left ON COMMIT PRESERVE ROWS AS SELECT 1",
    "DECLARE batch_left CURSOR WITH HOLD FOR SELECT 1",
    "SET statement_timeout TO '17s'",
    "SET default_transaction_read_only TO on",
    "SELECT set_config('batch.left', 'behind', false)",
    "SELECT pg_advisory_lock(17, pg_backend_pid())",
    "LISTEN batch_left_%s",
)
LOOK = """
    SELECT current_setting('statement_timeout'),
           current_setting('batch.left', true),
           (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 17 AND pid = pg_backend_pid()),
           (SELECT count(*) FROM pg_cursors),
           to_regclass('pg_temp.batch_left')::text,
           (SELECT array_agg(channel) FROM pg_listening_channels() AS channel),
           pg_backend_pid()
"""


class TestSessions(LaneCase):
    def setUp(self):
        super().setUp()
        self.seen = []

    def look_and_leave(self, partners, *args):
        cr = partners.env.cr
        cr.execute(LOOK)
        self.seen.append(cr.fetchone())
        for statement in LEFT_BEHIND:
            cr.execute(statement.replace("%s", str(len(self.seen))))
        if args:
            raise ValueError(*args)

    def assert_all_clean(self):
        *sessions, channels, backends = zip(*self.seen, strict=True)
        clean = [("0",), (None, ""), (0,), (0,), (None,)]
        for values, allowed in zip(sessions, clean, strict=True):
            self.assertLessEqual(set(values), set(allowed), self.seen)
        # a session stops listening only when it commits, and is told nothing before that
        for number, listening in enumerate(channels):
            self.assertLessEqual(set(listening or ()), {f"batch_left_{number}"}, self.seen)
        return backends

    def test_a_chunk_finds_nothing_of_the_session_of_the_last_one(self):
        self.set_probe(self.look_and_leave)
        job = self.submit(self.probe(self.make_partners(3)), max_chunk_size=1)
        self.work()
        self.assertEqual(self.check_counters(job)["processed_records"], 3, self.failures(job))
        self.assertEqual(len(set(self.assert_all_clean())), 1, "one connection for all of them")

    def test_nor_where_the_last_one_failed(self):
        self.set_probe(self.look_and_leave)
        job = self.submit(self.probe(self.make_partners(3), "no"), max_chunk_size=1)
        self.work()
        self.assertEqual({failure["error"] for failure in self.failures(job)}, {"no"})
        self.assertEqual(len(self.seen), 3)
        self.assert_all_clean()

    def test_a_connection_lost_between_two_chunks_is_replaced(self):
        job = self.submit(self.creates(20), max_chunk_size=10)
        with self.open_lane() as lane:
            lane.work_on(lane.claim())
            lost = lane.work.connection.lender.connection
            self.sql("SELECT pg_terminate_backend(%s)", lost.info.backend_pid)
            lane.work_on(lane.claim())
            self.assertIsNot(lane.work.connection.lender.connection, lost)
        self.work()
        job = self.check_counters(job)
        self.assertEqual(job["processed_records"], 20)
        self.assertEqual({chunk["attempt"] for chunk in self.chunks(job["id"])}, {1})
