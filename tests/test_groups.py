"""What `group_by` and `max_concurrency` promise, with many lanes at once."""

import threading

from odoo.tools import mute_logger

from .case import PATIENCE_S
from .lane_case import LaneCase

ORDERS = 20
LINES = 2000
LANES = 4
#: What order lines do to their order: each one changes it. Two transactions doing so conflict.
TOTALS = """
    CREATE FUNCTION batch_test_total() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE res_partner SET color = coalesce(color, 0) + 1 WHERE id = NEW.parent_id;
        RETURN NEW;
    END$$;
    CREATE TRIGGER batch_test_total AFTER INSERT ON res_partner FOR EACH ROW
        WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION batch_test_total();
"""


class TestOrdersAndLines(LaneCase):
    def setUp(self):
        super().setUp()
        self.sql(TOTALS)
        self.addCleanup(self.sql, "DROP FUNCTION batch_test_total CASCADE")
        self.orders = self.make_partners(ORDERS, color=0)

    def run_lines(self, **extra):
        """Create the lines, those of one order next to each other; returns the chunks they were created in."""
        data = [
            {
                "name": f"Line {line}",
                "ref": f"{self.mark}-{ORDERS + line}",
                "parent_id": self.orders[line * ORDERS // LINES],
            }
            for line in range(LINES)
        ]
        operation = {"operation_type": "create", "model": "res.partner", "data": data, **extra}
        operation["context"] = {"tracking_disable": True}
        job = self.submit(operation, max_chunk_size=50, retry_attempts=30)
        with mute_logger("odoo.sql_db"):
            self.work(lanes=LANES)
        self.assertEqual(self.check_counters(job)["processed_records"], LINES)
        self.assertEqual([number for number, _id in sorted(self.partners())], list(range(ORDERS + LINES)))
        totals = self.sql("SELECT color FROM res_partner WHERE id = ANY(%s)", self.orders)
        self.assertEqual(totals, [(LINES // ORDERS,)] * ORDERS)
        return self.chunks(job)

    def test_lines_of_one_order_conflict(self):
        chunks = self.run_lines()
        self.assertGreater(sum(chunk["claims"] - 1 for chunk in chunks), 0, "nothing had to be tried again")

    def test_lines_of_one_order_do_not_conflict_when_they_are_a_group(self):
        chunks = self.run_lines(group_by="parent_id")
        self.assertEqual({chunk["claims"] for chunk in chunks}, {1}, "something had to be tried again")
        self.assertGreater(len({chunk["worker"] for chunk in chunks}), 1, "only one lane has worked")
        self.assertGreater(in_flight_at_once(chunks), 1, "they have run one after the other")


class TestLimits(LaneCase):
    def test_lanes_claiming_at_once_hold_no_two_chunks_of_one_group(self):
        parents = self.make_partners(6)
        lines = [
            {"name": "Line", "ref": f"{self.mark}-{10 + number}", "parent_id": parents[number % 6]}
            for number in range(60)
        ]
        operation = {"operation_type": "create", "model": "res.partner", "data": lines, "group_by": "parent_id"}
        job = self.submit(operation, max_chunk_size=5, max_concurrency=50)
        barrier = threading.Barrier(8, timeout=PATIENCE_S)

        def claim_all(name):
            with self.open_lane(name) as lane:
                barrier.wait()
                return list(iter(lane.claim, None))

        with self.in_threads(8) as pool:
            runs = [pool.submit(claim_all, f"lane {number}") for number in range(8)]
            claims = [claim for run in runs for claim in run.result(PATIENCE_S)]
        groups = [key for claim in claims for key in claim.group_keys]
        self.assertEqual(len(groups), len(set(groups)), "two chunks of one group")
        self.assertEqual(len(set(groups)), 6, "a group nobody works at was left waiting")
        self.assertEqual(len([chunk for chunk in self.chunks(job) if chunk["state"] == "pending"]), 6)

    def test_no_more_chunks_are_in_flight_than_the_job_allows_however_many_lanes_race(self):
        self.set_probe(lambda partners: partners.env.cr.execute("SELECT pg_sleep(0.005)"))
        ids = self.make_partners(200)
        job = self.submit(self.probe(ids), max_chunk_size=1, max_concurrency=3)
        over, samples = threading.Event(), []

        def sample():
            while not over.wait(0.005):
                samples.extend(
                    self.sql("SELECT count(*) FROM batch_chunk WHERE job_id = %s AND state = 'running'", job)
                )

        with self.in_threads() as pool:
            watch = pool.submit(sample)
            try:
                self.work(lanes=8)
            finally:
                over.set()
            watch.result(PATIENCE_S)
        self.assertEqual(self.check_counters(job)["processed_records"], 200)
        self.assertLessEqual(max(samples), (3,))
        chunks = self.chunks(job)
        self.assertEqual(in_flight_at_once(chunks), 3)
        self.assertGreater(len({chunk["worker"] for chunk in chunks}), 3, "too few lanes took part")

    def test_groups_hold_while_lanes_race_and_chunks_come_and_go(self):
        parents = self.make_partners(5)
        with self.committed() as env:
            rows = [
                {"name": "Child", "ref": f"{self.mark}-{10 + number}", "parent_id": parents[number % 5]}
                for number in range(150)
            ]
            children = env["res.partner"].create(rows).ids
        self.set_probe(lambda partners: partners.env.cr.execute("SELECT pg_sleep(0.003)"))
        job = self.submit(self.probe(children, group_by="parent_id"), max_chunk_size=2, max_concurrency=20)
        self.work(lanes=6)
        self.assertEqual(self.check_counters(job)["processed_records"], 150)
        by_group = {}
        for chunk in self.chunks(job):
            for key in chunk["group_keys"]:
                by_group.setdefault(key, []).append(chunk)
        self.assertEqual(len(by_group), 5)
        for chunks in by_group.values():
            self.assertEqual(in_flight_at_once(chunks), 1)
        self.assertGreater(in_flight_at_once(self.chunks(job)), 1, "they have run one after the other")


def in_flight_at_once(chunks):
    """The most chunks that were in flight at the same time: claimed, and not settled yet."""
    edges = [(chunk["claimed_at"], 1) for chunk in chunks] + [(chunk["finished_at"], -1) for chunk in chunks]
    most = number = 0
    for _instant, step in sorted(edges):
        number += step
        most = max(most, number)
    return most
