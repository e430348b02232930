"""A `call` means what the same calls mean in plain Odoo, one after the other: an operation is a boundary."""

import json

from odoo.exceptions import UserError

from odoo.addons.batch_executor.exceptions import BatchValidationError

from .lane_case import LaneCase


class CallCase(LaneCase):
    def setUp(self):
        super().setUp()
        self.seen = []

    def remember(self, refuse=(), answer=None):
        """Make the probe keep the ids it is called on; it raises where one of `refuse` is among them."""

        def probe(partners, *args):
            self.seen.append(list(partners._ids))
            partners.write({"city": f"seen {len(self.seen)}"})
            if set(refuse).intersection(partners._ids):
                raise UserError("refused")
            return answer(partners) if answer else None

        self.set_probe(probe)

    def run_to_end(self, *operations, **options):
        job_id = self.submit(*operations, **options)
        self.work()
        self.check_counters(job_id)
        return self.call(job_id, "result")["results"]


class TestBoundaries(CallCase):
    def test_a_method_never_sees_records_of_two_operations(self):
        ids = self.make_partners(6)
        pairs = [ids[:2], ids[2:4], ids[4:]]
        self.remember()
        entries = self.run_to_end(*map(self.probe, pairs))
        self.assertEqual(self.seen, pairs)
        self.assertTrue(all(entry["success"] for entry in entries))

    def test_they_share_a_chunk_and_so_a_commit(self):
        ids = self.make_partners(30)
        self.remember()
        job_id = self.submit(*[self.probe([id_]) for id_ in ids])
        self.work()
        self.assertEqual(len(self.chunks(job_id)), 1)
        self.assertEqual(self.seen, [[id_] for id_ in ids])

    def test_equal_operations_each_run(self):
        [id_] = self.make_partners(1)
        self.remember()
        self.run_to_end(*[self.probe([id_])] * 3)
        self.assertEqual(self.seen, [[id_]] * 3)

    def test_records_are_given_as_they_were_named(self):
        first, second = self.make_partners(2)
        self.remember()
        self.run_to_end(self.probe([second, first, second]))
        self.assertEqual(self.seen, [[second, first, second]])

    def test_a_failing_neighbour_cuts_no_other_operation(self):
        ids = self.make_partners(8)
        pairs = [ids[:2], ids[2:4], ids[4:6], ids[6:]]
        self.remember(refuse=[ids[2]])
        entries = self.run_to_end(*map(self.probe, pairs))
        self.assertEqual([entry["success"] for entry in entries], [True, False, True, True])
        for pair in (pairs[0], pairs[2], pairs[3]):
            self.assertIn(pair, self.seen)
            self.assertFalse([call for call in self.seen if len(call) == 1 and call[0] in pair])
        self.assertEqual(entries[1]["failed_records"], 1)

    def test_they_take_effect_in_their_order_though_one_fails(self):
        ids = self.make_partners(5)
        self.remember(refuse=[ids[2]])
        self.run_to_end(*[self.probe([id_]) for id_ in ids])
        cities = [city for _number, city in self.partners("city")]
        order = [int(city.split()[1]) for city in cities if city]
        self.assertEqual(len(order), 4)
        self.assertEqual(order, sorted(order))

    def test_each_call_gets_arguments_of_its_own(self):
        ids = self.make_partners(2)
        lengths = []

        def probe(partners, eaten):
            lengths.append(len(eaten))
            eaten.append(object())

        self.set_probe(probe)
        self.run_to_end(*[self.probe([id_], [1]) for id_ in ids])
        self.assertEqual(lengths, [1, 1])

    def test_arguments_that_were_spoilt_do_no_harm_to_what_is_stored(self):
        ids = self.make_partners(40)

        def probe(partners, eaten):
            eaten.append(object())
            raise UserError("eaten")

        self.set_probe(probe)
        [entry] = self.run_to_end(self.probe(ids, [1]))
        self.assertEqual((entry["failed_records"], entry["failures"][0]["error"]), (40, "eaten"))

    def test_statements_of_its_own_find_what_the_calls_before_have_done(self):
        ids = self.make_partners(3)
        counts = []

        def probe(partners):
            partners.env.cr.execute("SELECT count(*) FROM res_partner WHERE city = %s", [self.mark])
            counts.extend(partners.env.cr.fetchone())
            partners.city = self.mark

        self.set_probe(probe)
        self.run_to_end(*[self.probe([id_]) for id_ in ids])
        self.assertEqual(counts, [0, 1, 2])

    def test_chatter_is_that_of_one_call_after_the_other(self):
        """Odoo says of a change what it was at the end of a transaction: two calls must not become one change."""
        [id_] = self.make_partners(1)

        def probe(partners):
            partners.email = f"{len(self.seen)}@example.com"
            self.seen.append(id_)

        self.set_probe(probe)
        self.run_to_end(self.probe([id_]), self.probe([id_]))
        changes = self.sql(
            """
            SELECT old_value_char, new_value_char
              FROM mail_tracking_value
              JOIN mail_message ON mail_message.id = mail_message_id
             WHERE model = 'res.partner' AND res_id = %s
             ORDER BY mail_tracking_value.id
            """,
            id_,
        )
        self.assertEqual(changes, [(None, "0@example.com"), ("0@example.com", "1@example.com")])


class TestSets(CallCase):
    def test_a_set_is_seen_whole_whatever_its_number(self):
        ids = self.make_partners(25)
        self.remember(answer=len)
        [entry] = self.run_to_end(self.probe(ids, set=True), max_chunk_size=10)
        self.assertEqual(self.seen, [ids])
        self.assertEqual((entry["result"], entry["record_count"], entry["processed_records"]), (25, 25, 25))

    def test_a_set_found_by_a_domain_is_one_as_well(self):
        ids = self.make_partners(25)
        self.remember(answer=lambda partners: {"sum": sum(partners._ids)})
        operation = self.probe(None, set=True, domain=[("ref", "=like", f"{self.mark}-%")])
        [entry] = self.run_to_end(operation, max_chunk_size=10)
        self.assertEqual(self.seen, [ids])
        self.assertEqual(entry["result"], {"sum": sum(ids)})

    def test_a_set_fails_as_a_whole_and_is_never_tried_in_parts(self):
        ids = self.make_partners(30)
        self.remember(refuse=[ids[7]])
        good, bad, also_good = ids[:5], ids[5:20], ids[20:]
        entries = self.run_to_end(*[self.probe(part, set=True) for part in (good, bad, also_good)], max_chunk_size=10)
        self.assertEqual([entry["success"] for entry in entries], [True, False, True])
        self.assertEqual(entries[1]["failed_records"], 15)
        self.assertLessEqual({len(call) for call in self.seen}, {5, 15, 10})

    def test_sets_share_a_chunk_and_each_answers(self):
        ids = self.make_partners(6)
        self.remember(answer=lambda partners: True)
        job_id = self.submit(*[self.probe(ids[place : place + 2], set=True) for place in (0, 2, 4)])
        self.work()
        self.assertEqual(len(self.chunks(job_id)), 1)
        self.assertEqual([entry["result"] for entry in self.call(job_id, "result")["results"]], [True] * 3)

    def test_a_set_that_takes_too_long_is_not_halved(self):
        ids = self.make_partners(4)

        def probe(partners):
            self.seen.append(len(partners))
            partners.env.cr.execute("SELECT pg_sleep(2)")

        self.set_probe(probe)
        [entry] = self.run_to_end(self.probe(ids, set=True), timeout=0.2, retry_attempts=1)
        self.assertEqual(self.seen, [4, 4])
        self.assertEqual({failure["error_type"] for failure in entry["failures"]}, {"TimeoutError"})

    def test_a_failed_set_is_retried_whole(self):
        ids = self.make_partners(12)
        self.remember(refuse=[ids[3]])
        job_id = self.submit(self.probe(ids, set=True), max_chunk_size=5)
        self.work()
        self.assertEqual(len(self.failures(job_id)), 12)
        self.seen.clear()
        self.remember(answer=len)
        self.call(job_id, "retry")
        self.work()
        self.assertEqual(self.seen, [ids])
        [entry] = self.call(job_id, "result")["results"]
        self.assertEqual((entry["state"], entry["result"]), ("completed", 12))

    def test_a_set_with_a_record_that_is_not_there_is_not_run_on_the_others(self):
        ids = self.make_partners(4)
        self.remember(answer=len)
        good, bad = self.probe(ids[:2], set=True), self.probe([2_000_000_000, *ids[2:]], set=True)
        for operations in ([bad], [good, bad]):
            self.seen.clear()
            entries = self.run_to_end(*operations)
            self.assertEqual(entries[-1]["failed_records"], 3)
            self.assertEqual({failure["error_type"] for failure in entries[-1]["failures"]}, {"MissingError"})
            self.assertFalse([call for call in self.seen if set(ids[2:]).intersection(call)])
        self.assertEqual(entries[0]["result"], 2)

    def test_one_failure_of_a_set_is_retried_with_all_of_it(self):
        ids = self.make_partners(3)
        self.remember(refuse=[ids[1]])
        job_id = self.submit(self.probe(ids, set=True))
        self.work()
        self.seen.clear()
        self.remember(answer=len)
        with self.committed(self.user_id) as env:
            env["batch.failure"].search([("job_id", "=", job_id)])[1].action_retry()
        self.work()
        self.assertEqual(self.seen, [ids])
        self.assertEqual(self.call(job_id, "result")["results"][0]["result"], 3)
        self.check_counters(job_id)

    def test_inline_it_is_the_same(self):
        ids = self.make_partners(25)
        self.remember(answer=len)
        with self.committed(self.user_id) as env:
            result = env["batch.job"].execute([self.probe(ids, set=True), self.probe(ids)], max_chunk_size=10)
        self.assertEqual([len(call) for call in self.seen], [25, 10, 10, 5])
        self.assertEqual([entry["result"] for entry in result["results"]], [25, True])

    def test_what_set_can_not_be_is_said(self):
        for operation, text in (
            (self.probe([1], set="yes"), "set must be true or false"),
            ({"operation_type": "call", "model": "res.partner", "method": "search_count", "args": [[]], "set": True}, "record_ids"),
            ({**self.creates(1), "set": True}, "does not apply"),
        ):
            with self.subTest(text), self.committed(self.user_id) as env, self.assertRaises(BatchValidationError) as caught:
                env["batch.job"].submit([operation])
            self.assertIn(text, str(caught.exception))


class TestAnswers(CallCase):
    def test_what_a_model_level_method_returns_is_the_result_true_included(self):
        for value in (True, False, 0, "", [], {"a": [1]}, None):
            with self.subTest(value=value):
                self.set_probe(lambda model, value=value: value)
                operation = {"operation_type": "call", "model": "res.partner", "method": "batch_probe"}
                [entry] = self.run_to_end(operation)
                self.assertEqual(entry["result"], False if value is None else value)
                json.dumps(entry)

    def test_what_has_no_json_form_is_a_failure_with_words(self):
        circle = {}
        circle["self"] = circle
        for value in (circle, 10**5000):
            self.set_probe(lambda model, value=value: value)
            [entry] = self.run_to_end({"operation_type": "call", "model": "res.partner", "method": "batch_probe"})
            self.assertEqual(entry["failures"][0]["error"], "What the method returned has no JSON form.")
