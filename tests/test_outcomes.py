"""What became of each record: created, updated, unchanged or deleted, in results and counters."""

from odoo.addons.batch_executor.engine.effects import EFFECT_COLUMNS, aligned, decode_effects, encode_effects
from odoo.addons.batch_executor.engine.failure_limit import most_failures, read_share

from .case import BatchCase, create, update
from .lane_case import LaneCase


class TestEffects(BatchCase):
    """The text of effects, and the limit of failures."""

    def test_text(self):
        effects = {0: "created", 1: "created", 2: "unchanged", 5: "unchanged", 6: "deleted", 40: "updated"}
        self.assertEqual(encode_effects(effects), "0c2 2n1 5n1 6d1 40u1")
        self.assertEqual(dict(decode_effects(encode_effects(effects))), effects)
        self.assertIsNone(encode_effects({}))
        self.assertEqual(aligned("1c2 4u1", 4), [False, "created", "created", False])
        self.assertEqual(aligned(None, 1), [False])

    def test_share(self):
        self.assertEqual(list(map(read_share, ("5%", " 0.5 % ", "0%", "100%"))), [5, 0.5, 0, 100])
        self.assertEqual(list(map(read_share, ("5", "101%", "-1%", "%", "1e1%"))), [None] * 5)
        self.assertEqual(most_failures(-1, 5, 119), 5)
        self.assertEqual(most_failures(-1, 0.7, 1000), 7)
        self.assertEqual(most_failures(3, 0, 1000), 3)
        self.assertEqual(most_failures(-1, 0, 1000), float("inf"))

    def test_execute(self):
        old = self.env["res.partner"].create([{"name": "Old", "ref": "outcome-old"}, {"name": "Lost"}])
        result = self.jobs.execute(
            [
                create("One", False, "Two"),
                update({"comment": "x"}, *old.ids),
                {"operation_type": "upsert", "model": "res.partner", "key": ["ref"],
                 "data": [{"name": "Old", "ref": "outcome-old"}, {"name": "New", "ref": "outcome-new"}]},
                {"operation_type": "load", "model": "res.partner", "fields": [".id", "name"], "data": [[str(old[0].id), "A"], ["", "B"]]},
                {"operation_type": "delete", "model": "res.partner", "record_ids": old[1].ids},
                {"operation_type": "call", "model": "res.partner", "method": "open_commercial_entity", "record_ids": old[0].ids},
            ]
        )  # fmt: skip
        counts = [[entry.get(column) for column in EFFECT_COLUMNS] for entry in result["results"]]
        self.assertEqual(counts, [[2, 0, 0, 0], [0, 2, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 1], [None] * 4])
        self.assertEqual([result["stats"][column] for column in EFFECT_COLUMNS], [4, 4, 0, 1])
        undone = self.jobs.execute([create("One"), create(False)], rollback="job")
        self.assertEqual([undone["stats"][column] for column in EFFECT_COLUMNS], [0, 0, 0, 0])
        tried = self.jobs.execute([create("One"), create(False)], dry_run=True)
        self.assertEqual([tried["stats"][column] for column in EFFECT_COLUMNS], [1, 0, 0, 0])

    def test_execute_stops_at_a_share(self):
        data = [{"name": False if number % 2 else "Good"} for number in range(20)]
        operation = {"operation_type": "create", "model": "res.partner", "data": data}
        result = self.jobs.execute([operation], max_failures="15%", max_chunk_size=2)
        self.assertEqual((result["stats"]["failed_records"], result["stats"]["cancelled_records"]), (4, 12))
        self.assertIn("15%", result["error"])
        result = self.jobs.execute([operation], max_failures="50%", max_chunk_size=2)
        self.assertEqual((result["stats"]["failed_records"], result["stats"]["cancelled_records"]), (10, 0))
        result = self.jobs.execute([operation], max_failures="0%", max_chunk_size=2)
        self.assertEqual((result["stats"]["failed_records"], result["stats"]["cancelled_records"]), (1, 18))


class TestOutcomes(LaneCase):
    """The same in jobs that lanes run."""

    def run_job(self, *operations, **options):
        job_id = self.submit(*operations, **options)
        self.work()
        self.check_counters(job_id)
        return job_id

    def outcomes(self, job_id):
        result = self.call(job_id, "result", outcomes=True)
        self.assertEqual(
            {column: result["stats"][column] for column in EFFECT_COLUMNS},
            {column: sum(entry.get(column, 0) for entry in result["results"]) for column in EFFECT_COLUMNS},
        )
        return [entry.get("outcomes") for entry in result["results"]]

    def test_each_type(self):
        ids = self.make_partners(5)
        rows = [["", ""], ["New", "b"]]
        job_id = self.run_job(
            {"operation_type": "create", "model": "res.partner", "data": [{"name": False, "ref": f"{self.mark}-8"}, *self.creates(1)["data"]]},
            update({"comment": "x"}, *ids[:3]),
            {"operation_type": "update", "model": "res.partner", "data": {"comment": "y"}, "domain": [("id", "in", ids)]},
            {"operation_type": "upsert", "model": "res.partner", "key": ["ref"],
             "data": [{"name": "X", "ref": f"{self.mark}-4"}, {"name": "Y", "ref": f"{self.mark}-9"}, {"name": "Z", "ref": f"{self.mark}-9"}]},
            {"operation_type": "load", "model": "res.partner", "fields": [".id", "name", "child_ids/name"],
             "data": [[str(ids[0]), "A", "Child"], [*rows[0], "Second"], ["", "B", ""]]},
            {"operation_type": "delete", "model": "res.partner", "record_ids": [ids[4], 2**31 - 5]},
            {"operation_type": "call", "model": "res.partner", "method": "open_commercial_entity", "record_ids": ids[:1]},
        )  # fmt: skip
        self.assertEqual(
            self.outcomes(job_id),
            [[False, "created"], ["updated"] * 3, [], ["updated", "created", False],
             ["updated", False, "created"], ["deleted", False], None],
        )  # fmt: skip
        self.assertNotIn("outcomes", self.call(job_id, "result")["results"][0])

    def test_small_operations_share_a_chunk(self):
        ids = self.make_partners(3)
        singles = [update({"comment": str(id_)}, id_) for id_ in ids]
        job_id = self.run_job(*singles, update({"comment": "x"}, *ids), update({"name": "x"}, 2**31 - 5), create("A", "B"))
        self.assertEqual(self.outcomes(job_id), [*[["updated"]] * 3, ["updated"] * 3, [False], ["created", "created"]])
        self.assertEqual(self.call(job_id, "status")["stats"]["updated_records"], 6)

    def test_retry_counts_once(self):
        operation = self.creates(6)
        operation["data"][2]["name"] = operation["data"][4]["name"] = False
        job_id = self.run_job(operation, max_chunk_size=3)
        self.assertEqual(self.outcomes(job_id), [["created", "created", False, "created", False, "created"]])
        with self.registry.cursor() as cr:
            cr.execute("SELECT id, values FROM batch_failure WHERE job_id = %s ORDER BY index", [job_id])
            failure_id, values = cr.fetchone()
            cr.execute("UPDATE batch_failure SET values = %s WHERE id = %s", [values.replace('"name":false', '"name":"X"'), failure_id])
        self.call(job_id, "retry")
        self.work()
        self.check_counters(job_id)
        self.assertEqual(self.outcomes(job_id), [["created"] * 4 + [False, "created"]])

    def test_undone_and_tried(self):
        ids = self.make_partners(3)
        by_domain = {"operation_type": "update", "model": "res.partner", "data": {"comment": "y"}, "domain": [("id", "in", ids)]}
        work = [self.creates(5), create(False), by_domain, update({"comment": "x"}, *ids)]
        undone = self.run_job(*work, rollback="job", max_chunk_size=2)
        self.assertEqual(self.outcomes(undone), [[False] * 5, [False], [], [False] * 3])
        self.assertEqual(self.job(undone)["updated_records"], 0)
        tried = self.run_job(*work, dry_run=True, max_chunk_size=2)
        self.assertEqual(self.outcomes(tried), [["created"] * 5, [False], [], ["updated"] * 3])
        self.assertEqual((self.job(tried)["created_records"], self.job(tried)["updated_records"]), (5, 6))
        done = self.run_job(*work[:1], rollback="job", max_chunk_size=2)
        self.assertEqual(self.outcomes(done), [["created"] * 5])

    def test_stops_at_a_share(self):
        operation = self.creates(20)
        for number in range(1, 20, 2):
            operation["data"][number]["name"] = False
        for options in ({}, {"dry_run": True}):
            job = self.job(self.run_job(operation, max_failures="15%", max_chunk_size=2, max_concurrency=1, **options))
            self.assertEqual((job["failed_records"], job["cancelled_records"]), (4, 12))
            self.assertIn("15%", job["error"])
