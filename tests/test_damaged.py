"""What is stored of a job is damaged: the job ends, and says so; a lane outlives it, and so does everybody else's work."""

from .outlives_case import OutlivesCase


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
