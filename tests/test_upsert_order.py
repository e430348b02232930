"""The same upsert key in several operations of a job: the later one updates what the earlier one made."""


from .lane_case import LaneCase

OPERATIONS = 12
KEYS = 3


class TestOrder(LaneCase):
    def upsert(self, number, *keys, **more):
        data = [{"ref": f"{self.mark}-{key}", "name": f"Name {number}"} for key in keys]
        return {"operation_type": "upsert", "model": "res.partner", "key": ["ref"], "data": data, **more}

    def check(self, job, last=OPERATIONS - 1, keys=KEYS):
        counters = self.check_counters(job)
        self.assertEqual((counters["state"], counters["failed_records"]), ("completed", 0), self.failures(job))
        self.assertEqual(sorted(self.partners("name")), [(key, f"Name {last}") for key in range(keys)])
        results = self.call(job, "result")["results"]
        self.assertEqual(len({tuple(entry["result"]) for entry in results}), 1, "each has the same records")

    def test_the_last_operation_has_the_last_word_whatever_the_lanes_and_chunks(self):
        for options in (
            {},
            {"max_chunk_size": 1},
            {"max_chunk_size": 1, "max_concurrency": 1},
            {"max_chunk_size": 0},
            {"max_concurrency": 1},
            {"rollback": "job"},
            {"max_chunk_size": 2, "rollback": "chunk"},
        ):
            with self.subTest(**options):
                job = self.submit(*[self.upsert(number, *range(KEYS)) for number in range(OPERATIONS)], **options)
                self.work(lanes=3)
                self.check(job)
                self.delete_partners()

    def test_groups_do_not_change_the_order(self):
        operations = [self.upsert(number, 0, group_by="city") for number in range(3)]
        for operation, city in zip(operations, "ABA", strict=True):
            operation["data"][0]["city"] = city
        for options in ({}, {"rollback": "job"}, {"max_concurrency": 1}):
            with self.subTest(**options):
                job = self.submit(*operations, **options)
                self.work(lanes=3)
                self.check(job, last=2, keys=1)
                self.delete_partners()
        with self.committed(self.user_id) as env:
            env["batch.job"].execute(operations)
        self.assertEqual(self.partners("name"), [(0, "Name 2")])

    def test_the_second_can_not_be_claimed_while_the_first_runs(self):
        job = self.submit(*[self.upsert(number, 0) for number in range(2)], self.upsert(9, 1), max_chunk_size=1)
        with self.open_lane() as first, self.open_lane() as second:
            claim = first.claim()
            other = second.claim()
            self.assertEqual(other.payload.items[0]["ref"], f"{self.mark}-1", "what has another key may run beside it")
            second.work_on(other)
            self.assertIsNone(second.claim())
            first.work_on(claim)
        self.work()
        self.assertEqual(self.check_counters(job)["failed_records"], 0)
        self.assertEqual(sorted(self.partners("name")), [(0, "Name 1"), (1, "Name 9")])

    def test_what_is_appended_to_a_draft_follows_what_is_there(self):
        job = self.submit(draft=True, max_chunk_size=2)
        for number in range(0, OPERATIONS, 2):
            more = [self.upsert(number + place, *range(KEYS)) for place in range(2)]
            self.call(job, "append", more)
        keys = "SELECT count(*) FROM batch_draft_key WHERE job_id = %s"
        self.assertEqual(self.sql(keys, job), [(OPERATIONS // 2 * KEYS,)])
        with self.committed() as env:
            env["batch.draft.key"]._gc_started()
        self.assertEqual(self.sql(keys, job), [(OPERATIONS // 2 * KEYS,)], "it is a draft still")
        self.call(job, "start")
        with self.committed() as env:
            _deleted, more = env["batch.draft.key"]._gc_started()
        self.assertEqual((self.sql(keys, job), more), ([(0,)], False))
        self.work(lanes=3)
        self.check(job)

    def test_it_does_so_whatever_the_concurrency_of_the_draft_was_meanwhile(self):
        job = self.submit(self.upsert(0, 0), draft=True, max_chunk_size=1, max_concurrency=3)
        self.call(job, "write", {"max_concurrency": 1})
        self.call(job, "append", [self.upsert(1, 0)])
        self.call(job, "write", {"max_concurrency": 3})
        self.call(job, "start")
        with self.open_lane() as first, self.open_lane() as second:
            claim = first.claim()
            self.assertIsNone(second.claim())
            first.work_on(claim)
        self.work()
        self.check(job, last=1, keys=1)

    def test_other_spellings_of_a_key_are_the_same_key(self):
        [partner] = self.make_partners(1)
        spellings = [partner, float(partner), str(partner), [partner, "Name"]]
        job = self.submit(
            *[
                {
                    "operation_type": "upsert",
                    "model": "res.partner",
                    "key": ["parent_id"],
                    "data": [{"parent_id": parent, "name": f"Name {number}", "ref": f"{self.mark}-1"}],
                }
                for number, parent in enumerate(spellings)
            ],
            max_chunk_size=1,
        )
        self.work(lanes=3)
        self.assertEqual(self.check_counters(job)["failed_records"], 0)
        self.assertEqual([name for number, name in self.partners("name") if number], ["Name 3"])

    def test_the_second_runs_after_the_first_even_if_that_one_fails(self):
        bad = self.upsert(0, 0)
        bad["data"][0]["country_id"] = 2**30
        job = self.submit(bad, self.upsert(1, 0), max_chunk_size=1)
        self.work(lanes=2)
        states = [entry["state"] for entry in self.call(job, "result")["results"]]
        self.assertEqual(states, ["failed", "completed"])
        self.assertEqual(sorted(self.partners("name")), [(0, "Name 1")])

    def test_retried_together_they_keep_their_order(self):
        operations = [self.upsert(number, 0) for number in range(6)]
        for operation in operations:
            operation["data"][0]["country_id"] = 2**30
        job = self.submit(*operations, max_chunk_size=1)
        self.work()
        with self.committed(self.user_id) as env:
            for failure in env["batch.failure"].search([("job_id", "=", job)]):
                failure["values"] = failure["values"].replace(str(2**30), "false")
        self.call(job, "retry")
        self.work(lanes=3)
        self.check(job, last=5, keys=1)

    def test_what_else_is_in_a_chunk_is_still_run_together(self):
        operations = [self.upsert(number, number % 50) for number in range(100)]
        job = self.submit(*operations, max_chunk_size=100)
        self.work(lanes=2)
        self.assertEqual(self.check_counters(job)["failed_records"], 0)
        self.assertEqual([chunk["record_count"] for chunk in self.chunks(job)], [50, 50])
        self.assertEqual(sorted(self.partners("name")), [(key, f"Name {key + 50}") for key in range(50)])
